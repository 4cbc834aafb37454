"""No request that the OpenAPI document allows, or nearly allows, finds a fault of ours.

`python -m tests.fuzz --seed random --examples 200` runs it for longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Product, Scope
from backlog.services.items import ItemDraft, comment, create_item
from backlog.services.labels import create_label
from backlog.services.terms import propose_term, say
from backlog.services.tokens import create_token
from sprints.services.ceremonies import CeremonyDraft, open_ceremony, schedule
from sprints.services.poker import start_round
from sprints.services.retros import write_card
from sprints.services.seats import take_seat
from tests.backlog.test_access_walk import own_folders, values  # noqa: F401  fixtures
from tests.conftest import Cast

ROOT = Path(__file__).resolve().parent.parent.parent
SEED, EXAMPLES = os.environ.get("FUZZ_SEED", "1"), int(os.environ.get("FUZZ_EXAMPLES", "2"))
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
)  # fmt: skip
PHASES = os.environ.get("FUZZ_PHASES", "examples,coverage,fuzzing,stateful")
LONGEST_S = 30  # of one answer
SHORT_S = 120  # of a run that nobody has asked to be thorough
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def known(values: dict[str, Any], product: Product, cast: Cast) -> str:  # noqa: F811
    """The arguments of paths as the hooks want them; DELETE gets things of its own."""
    olga = Actor.person(cast.olga)
    gone = create_item(product, ItemDraft("To be deleted"), actor=olga)
    term = propose_term(product, "precision", "Right of all found.", actor=olga)
    by_name = {name: value for name, value in values.items() if isinstance(value, str | int)}
    by_noun = values["id"] | {
        "deliveries": values["delivery"],
    }
    last = {
        "items": gone.ref,
        "comments": comment(gone, "Gone soon", actor=olga).pk,
        "labels": create_label(product, "gone", actor=olga).pk,
        "terms": term.pk,
        "talk": say(term, "Why?", actor=olga).pk,
        "tokens": create_token(
            name="gone", scopes=["read"], days=1, actor=olga, product=product
        )[0].pk,
        "members": cast.vera.email,
    }  # fmt: skip
    refinement, retro = (
        open_ceremony(
            schedule(product, CeremonyDraft(kind, timezone.now(), 60), actor=olga), actor=olga
        )
        for kind in ("refinement", "retrospective")
    )
    card = write_card(retro, take_seat(retro, cast.olga), 0, "Slow tests")
    by_noun["rounds"] = start_round(refinement, gone, actor=olga).pk
    ceremonies = {
        "rounds": refinement.pk, "picks": refinement.pk, "retro": retro.pk, "cards": retro.pk,
    }  # fmt: skip
    found = {
        "by_name": by_name,
        "by_noun": by_noun,
        "last": last,
        "ceremonies": ceremonies,
        "card": card.pk,
    }
    return json.dumps(found, default=str)


@pytest.fixture
def fuzz(live_server: Any, known: str, tmp_path: Path, settings: Any) -> Any:
    """Let schemathesis loose on a server of ours, with these headers; fails with what it says."""
    settings.API_RATE_PER_MINUTE = 1_000_000
    return partial(loosen, live_server.url, known, tmp_path)


def loosen(address: str, known: str, folder: Path, *options: str) -> None:
    """Run schemathesis to its end; what it says goes to the assertion."""
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "--no-color", "run", f"{address}/api/v1/schema/", "--checks", ",".join(CHECKS),
        "--max-examples", str(EXAMPLES), "--request-timeout", str(LONGEST_S), "--warnings", "off",
        "--suppress-health-check", "all", "--generation-database", "none", *options,
    ]  # fmt: skip
    if SEED != "random":
        command += ["--seed", SEED]
    if "FUZZ_EXAMPLES" not in os.environ:
        command += ["--max-time", str(SHORT_S)]
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZ_VALUES": known,
    }
    log = folder / "said"
    with log.open("w") as out:
        done = subprocess.run(command, cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT)
    said = log.read_text()
    assert done.returncode == 0, said
    assert " generated, " in said, said


def test_no_request_of_a_token_with_all_scopes_finds_a_fault(fuzz: Any, cast: Cast) -> None:
    _, secret = create_token(
        name="fuzz", scopes=list(Scope), days=1, actor=Actor.person(cast.olga), user=cast.olga
    )
    fuzz("--phases", PHASES, "--header", f"Authorization: Bearer {secret}")


def test_no_request_without_a_token_finds_a_fault(fuzz: Any) -> None:
    fuzz("--phases", "examples")
