"""Browser assets: what is copied, the icon sprite, and a lock that names no private host."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from django.conf import settings

from mlscrum.lib import assets

TABLER = "@tabler/core/dist/css/tabler.min.css"
ICON = """<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"
fill="none" stroke="currentColor" stroke-width="2" class="icon">
<path stroke="none" d="M0 0h24v24H0z" fill="none" /><path d="M5 12l5 5l10 -10" /></svg>"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose npm has just installed a page's worth of files."""
    modules = tmp_path / "node_modules"
    for source in assets.COPIES:
        path = modules / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("body{}\n/*# sourceMappingURL=tabler.min.css.map */")
    font = modules / assets.FONTS / "inter-latin-wght-normal.woff2"
    font.parent.mkdir(parents=True)
    font.write_bytes(b"wOF2")
    outline = modules / "@tabler/icons/icons/outline"
    outline.mkdir(parents=True)
    (outline / "check.svg").write_text(ICON)
    (outline / "plus.svg").write_text(ICON)
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "static").mkdir()
    (tmp_path / "static/icons.txt").write_text("plus  # new item\ncheck\n\ncheck\n")
    script = tmp_path / assets.SLIMMING
    script.parent.mkdir(parents=True)
    script.write_text("")
    monkeypatch.setattr(assets, "_install", lambda *args: None)
    monkeypatch.setattr(assets, "_slim", lambda *args: None)
    monkeypatch.setattr(assets, "_bundle", lambda *args: None)
    return tmp_path


def test_files_are_copied_without_references_to_maps_and_only_when_something_changed(clone):
    said: list[str] = []
    assert assets.build_assets(clone, said.append)
    built = clone / "build/assets"
    assert (built / "vendor/tabler.min.css").read_text().strip() == "body{}"
    assert (built / "vendor/inter/files/inter-latin-wght-normal.woff2").read_bytes() == b"wOF2"
    assert said == ["Browser assets made: 4 files, 2 icons."]
    assert not assets.build_assets(clone, said.append)
    (clone / "static/icons.txt").write_text("check\n")
    assert assets.build_assets(clone, said.append)
    assert not list((clone / "build").glob("assets.[0-9]*"))


def test_the_style_sheet_keeps_every_class_that_pages_use_and_little_else():
    root = settings.BASE_DIR
    whole = (root / "node_modules" / TABLER).read_text()
    slim = (root / "build/assets" / assets.SLIMMED).read_text()
    used = {
        name
        for template in (root / "templates").rglob("*.html")
        for attribute in re.findall(r'class="([^"]*)"', template.read_text())
        for name in re.sub(r"{[{%].*?[%}]}", " ", attribute).split()
    }
    known = used & _classes(whole)
    assert {"btn-primary", "form-control"} <= known
    assert known <= _classes(slim)
    assert len(slim) < len(whole) / 4
    assert ":has(" not in slim
    assert "sourceMappingURL" not in slim


def _classes(sheet: str) -> set[str]:
    without_has = re.sub(r"[^{},]*:has\([^{},]*", "", sheet)
    return set(re.findall(r"\.([a-zA-Z][\w-]*)", without_has))


def test_each_script_that_a_page_names_is_bundled_with_all_that_it_imports() -> None:
    names = assets.scripts(settings.BASE_DIR)
    assert {"js/app.js", "js/backlog/page.js", "js/sprints/beside.js"} <= set(names)
    built = settings.BASE_DIR / "build/assets"
    files = set((built / "js").rglob("*.js"))
    assert {built / name for name in names} <= files
    assert len(files) < len(list((settings.BASE_DIR / "static/js").rglob("*.js")))
    for path in files:
        for place in re.findall(r"""(?:from|import)\s*["'](\.[^"']+)["']""", path.read_text()):
            assert (path.parent / place).resolve() in files, (path.name, place)


def test_a_script_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "scripts", lambda _: ["js/nowhere.js"])
    with pytest.raises(assets.AssetsFailed, match=r"could not be bundled:[\s\S]*nowhere"):
        assets._bundle(settings.BASE_DIR, tmp_path / "js", lambda line: None)


def test_a_new_class_in_a_template_makes_the_style_sheet_anew(clone):
    assert assets.build_assets(clone, lambda line: None)
    template = clone / "templates/page.html"
    template.parent.mkdir()
    template.write_text('<p class="alert">')
    assert assets.build_assets(clone, lambda line: None)
    assert not assets.build_assets(clone, lambda line: None)


def test_the_sprite_holds_each_icon_once_without_its_invisible_square(clone):
    assets.build_assets(clone, lambda line: None)
    sheet = ET.fromstring((clone / "build/assets/icons.svg").read_text())  # noqa: S314  our own
    assert [symbol.get("id") for symbol in sheet] == ["check", "plus"]
    check = sheet[0]
    assert (check.get("viewBox"), check.get("stroke"), check.get("width")) == (
        "0 0 24 24",
        "currentColor",
        None,
    )
    assert [part.get("d") for part in check] == ["M5 12l5 5l10 -10"]


def test_an_icon_that_does_not_exist_is_named(clone):
    (clone / "static/icons.txt").write_text("chekc\n")
    with pytest.raises(assets.AssetsFailed, match="no Tabler icon 'chekc'"):
        assets.build_assets(clone, lambda line: None)


def test_the_lock_names_no_registry_but_the_public_one():
    lock = json.loads((settings.BASE_DIR / "package-lock.json").read_text())
    homes = [package.get("resolved", "") for package in lock["packages"].values()]
    assert all(home == "" or home.startswith("https://registry.npmjs.org/") for home in homes)
    assert all("integrity" in package for place, package in lock["packages"].items() if place)


def test_no_comment_of_a_template_goes_on_in_the_next_line() -> None:
    """Django would show it as text."""
    lines = [
        f"{page.name}: {line}"
        for page in (settings.BASE_DIR / "templates").rglob("*.html")
        for line in page.read_text().splitlines()
        if line.count("{#") != line.count("#}")
    ]
    assert lines == []


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    listed = (settings.BASE_DIR / "static/icons.txt").read_text().splitlines()
    known = {line.partition("#")[0].strip() for line in listed}
    named = {
        name
        for page in (settings.BASE_DIR / "templates").rglob("*.html")
        for name in re.findall(r'(?<!kind_)\bicon[ =]"([a-z0-9-]+)"', page.read_text())
    }
    assert len(named) > 50
    assert named - known == set()
