# `make up` starts everything, `make test` runs every test; README.md has the rest.
PORT ?= 8000
export PORT

PY := .venv/bin/python
OLD_ENOUGH := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

.DEFAULT_GOAL := up
.PHONY: up test check bench soak assets venv venv-dev

up: venv
	@exec $(PY) manage.py up

test: venv-dev assets
	@exec $(PY) -m tests

check: venv-dev assets
	@exec $(PY) -m tests --check

bench: venv-dev assets
	@exec $(PY) -m tests.bench

soak: venv-dev assets
	@exec $(PY) -m tests --soak

assets: venv
	@$(PY) manage.py assets

# The newest Python that will do. Each is tried, for a pyenv shim can be in PATH and still not run.
$(PY):
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3.14 python3 python; do \
	  if $$python -c '$(OLD_ENOUGH)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "ML Scrum needs Python 3.11 to 3.14; here is $$(python3 --version 2>&1 | tail -1)." \
	    "Install one, or name it: make up PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "Making a virtual environment with $$($$found --version) ..."; \
	$$found -m venv .venv || { rm -rf .venv; \
	  echo "$$found can't make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }

# Packages are installed when the file that pins them has changed, by its checksum.
define install
@if [ "$$(cat .venv/$(1).stamp 2>/dev/null)" != "$$(cat $(2) | cksum)" ]; then \
  echo "Installing $(1) ..."; \
  $(PY) -m pip install --quiet --disable-pip-version-check -r $(1) && cat $(2) | cksum > .venv/$(1).stamp; \
fi
endef

venv: $(PY)
	$(call install,requirements.txt,requirements.txt)

venv-dev: venv
	$(call install,requirements-dev.txt,requirements.txt requirements-dev.txt)
