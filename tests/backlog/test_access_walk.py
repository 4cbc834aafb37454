"""Every URL of the house, tried as nobody, as a stranger and as each role.

Paths are taken from the resolver, so a new one is walked by itself; an argument that the table
below does not know fails, and so does a view that declares nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from backlog.access.roles import PERMISSIONS
from backlog.models import Actor, Job, Product, Role
from backlog.rules.evidence import Observation, Outcome
from backlog.services.alerts import ChannelDraft, RuleDraft, create_channel
from backlog.services.attachments import Incoming, add_attachment
from backlog.services.code_hosts import CodeHostDraft, create_code_host
from backlog.services.extra_fields import create_field
from backlog.services.findings import EvidenceReport, report
from backlog.services.goals import set_goal
from backlog.services.invitations import invite
from backlog.services.item_evidence import EvidenceDraft, put_evidence
from backlog.services.items import ItemDraft, comment, create_item
from backlog.services.labels import create_label
from backlog.services.links import add_link
from backlog.services.product_exports import request_export
from backlog.services.saved_views import save_view
from backlog.services.terms import propose_term, say
from backlog.services.tokens import create_token
from backlog.services.webhooks import WebhookDraft, create_webhook, ping
from dataquality.services.connections import ConnectionDraft, add_connection, share_connection
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.many import request_registration
from dataquality.services.runs import request_run
from dataquality.services.sharing import make_share_link
from dataquality.services.suites import save_suite
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import make_guest_link, take_seat
from sprints.services.sprints import create_sprint
from tests.backlog.imports import plain_file, sent
from tests.conftest import CAST, Cast
from tests.dataquality.conftest import (  # noqa: F401  own_folders keeps files to the test
    NUCLEI_IN_SET,
    PATIENTS,
    own_folders,
    upload,
)

OUTSIDE_OF_PRODUCTS = {"public", "signed-in", "administrator", "anyone-known"}
NOT_OURS = {"static"}
# Who may see the dataset may still not see its values; the view says so itself.
STRICTER = {
    "p/<str:key>/data/<slug:slug>/versions/<int:number>/file/": "data.values",
    # What others said is changed by those who run the ceremony.
    "p/<str:key>/ceremonies/<int:ceremony_id>/outcomes/<int:outcome_id>/edit/": "ceremony.edit",
}


@dataclass(frozen=True)
class Door:
    """One path with one method, and the permission that it declares."""

    pattern: str
    names: tuple[str, ...]
    method: str
    declared: str | None
    is_rest: bool

    def url(self, values: dict[str, Any]) -> str:
        unknown = set(self.names) - set(values)
        assert not unknown, f"/{self.pattern}: tell the walk a value of {', '.join(unknown)}"
        parts = []
        for part in self.pattern.split("/"):
            is_argument = part.startswith("<")
            name = part.strip("<>").rpartition(":")[2]
            parts.append(str(values[name]) if is_argument else part)
        return "/" + "/".join(parts)


def _patterns(
    resolver: URLResolver, prefix: str = ""
) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            names = tuple(part.strip("<>").rpartition(":")[2] for part in pattern.split("/")
                          if part.startswith("<"))  # fmt: skip
            yield pattern, names, entry.callback
        else:
            yield from _patterns(entry, pattern)


def doors() -> list[Door]:
    """All of them, by method."""
    found = []
    for pattern, names, view in _patterns(get_resolver()):
        if pattern.split("/")[0] in NOT_OURS:
            continue
        cls = getattr(view, "cls", None)
        if cls is None:
            found += [
                Door(pattern, names, method, _of_page(view, method), is_rest=False)
                for method in ("get", "post")
            ]
            continue
        actions = getattr(view, "actions", None) or {
            method: method for method in ("get", "post", "put", "patch", "delete")
            if hasattr(cls, method)
        }  # fmt: skip
        found += [
            Door(pattern, names, method, cls.permissions.get(action), is_rest=True)
            for method, action in actions.items()
            if method != "head"
        ]
    return found


def _of_page(view: Any, method: str) -> str | None:
    declared = getattr(view, "declares", None)
    if declared is None:
        return None
    first, _, post = str(declared).partition(", ")
    return post if post and method == "post" else first


@pytest.fixture
def values(product: Product, cast: Cast, settings: Any) -> dict[str, Any]:
    """A value for every argument of a path; Olga keeps the dataset, so roles alone decide."""
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("Second reading"), actor=olga)
    dataset = register_dataset(
        product, DatasetDraft(name="Patients", owner=cast.olga), upload(PATIENTS), actor=olga
    )
    save_suite(dataset, [NUCLEI_IN_SET], actor=olga)
    run = request_run(dataset, actor=olga)
    seen = Observation("leak", {"file": "a"}, "A leak", Outcome.FAILED)
    filed = report(
        EvidenceReport(product, "bandit", "r1", None, "b1", timezone.now(), [seen]), actor=olga
    )
    connection = add_connection(
        product, ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3"), actor=olga
    )
    shared = share_connection(
        ConnectionDraft("Warehouse", "sql", "postgresql://warehouse.invalid/x"),
        [product],
        actor=Actor.system(),
    )
    registration = request_registration(connection, product, [{"table": "rooms"}], actor=olga)
    token, _ = create_token(name="ci", scopes=["read"], days=1, actor=olga, product=product)
    invitation, link = invite(product, "nina@example.org", "developer", actor=olga)
    job = Job.objects.filter(product=product).latest("pk")
    label = create_label(product, "ux", actor=olga)
    imported = sent(product, plain_file(1), olga)
    other = create_item(product, ItemDraft("Third reading"), actor=olga)
    linked = add_link(item, "blocks", other, actor=olga)
    said = comment(item, "Said by Olga", actor=olga)
    evidence, _ = put_evidence(item, "mlflow", "8f3c", EvidenceDraft("passed"), actor=olga)
    file = add_attachment(item, Incoming("a.txt", [b"hello"]), actor=olga)
    sprint = create_sprint(product.teams.get(), actor=olga)
    goal = set_goal(product, "Doctors trust it.", actor=olga)
    ceremony = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    seat = take_seat(ceremony, cast.olga)
    outcome = add_outcome(
        ceremony, OutcomeDraft("insight", "Peak hour", "data"), actor=olga, seat=seat
    )
    guest_link, guest_secret = make_guest_link(ceremony, actor=olga)
    channel = create_channel(
        product,
        ChannelDraft("#data", [RuleDraft("critical")], address="jsons://example.org/hook"),
        actor=olga,
    )
    hook, _ = create_webhook(
        product, WebhookDraft("CI", "https://1.1.1.1/hook", ["label.*"]), actor=olga
    )
    message = ping(hook, actor=olga)
    code_host, _ = create_code_host(product, CodeHostDraft("github", "Hub"), actor=olga)
    share_link, share_secret = make_share_link(dataset, actor=olga)
    field = create_field(product, "Risk", "choice", actor=olga, choices=["low", "high"])
    term = propose_term(product, "recall", "Found of all.", actor=olga)
    remark = say(term, "In per cent?", actor=olga)
    export = request_export(product, actor=olga)
    return {
        "key": "MED",
        "export_id": export.pk,
        "term_id": term.pk,
        "remark_id": remark.pk,
        "ref": item.ref,
        "slug": dataset.slug,
        "owner": "SHOP",
        "template": "tabular-basics",
        "connection": connection.slug,
        "shared": shared.slug,
        "status_slug": "in-review",
        "field_slug": field.slug,
        "facet": "parent",
        "label_id": label.pk,
        "number": 1,
        "position": 0,
        "run_id": run.pk,
        "sprint_id": sprint.pk,
        "chart": "velocity",
        "team_id": product.teams.get().pk,
        "finding_id": filed.findings[0],
        "goal_id": goal.pk,
        "ceremony_id": ceremony.pk,
        "block_id": ceremony.blocks.all()[0].pk,
        "outcome_id": outcome.pk,
        "into": "expectation",
        "guest_id": guest_link.pk,
        "secret": guest_secret,
        "share_id": share_link.pk,
        "channel_id": channel.pk,
        "share_secret": share_secret,
        "webhook_id": hook.pk,
        "delivery": message.pk,
        "code_host_id": code_host.pk,
        "address": "unknown",  # the right one asks for a signature
        "import_id": imported.pk,
        "user_id": cast.vera.pk,
        "member_id": product.members.get(user=cast.vera).pk,
        "token_id": token.pk,
        "invitation_id": invitation.pk,
        "email": cast.vera.email,
        "token": link.rstrip("/").rpartition("/")[2],
        "source": "jira",
        "external_id": "A-1",
        "link_id": linked.pk,
        "comment_id": said.pk,
        "attachment_id": file.pk,
        "evidence_id": evidence.pk,
        "tool": evidence.tool,
        "view_id": save_view(product, cast.olga, "Bugs", "kind=bug").pk,
        "id": {
            "runs": run.pk,
            "share-links": share_link.pk,
            "alert-channels": channel.pk,
            "webhooks": hook.pk,
            "code-hosts": code_host.pk,
            "registrations": registration.pk,
            "findings": filed.findings[0],
            "jobs": job.pk,
            "exports": export.pk,
            "imports": imported.pk,
            "product-imports": 1,
            "tokens": token.pk,
            "labels": label.pk,
            "teams": product.teams.get().pk,
            "sprints": sprint.pk,
            "goals": goal.pk,
            "ceremonies": ceremony.pk,
            "insights": outcome.pk,
            "decisions": outcome.pk,
            "actions": outcome.pk,
            "rounds": 1,
            "links": linked.pk,
            "comments": said.pk,
            "attachments": file.pk,
            "terms": term.pk,
            "talk": remark.pk,
        },
    }


def url_of(door: Door, values: dict[str, Any]) -> str:
    """The door's address; `id` means what stands before it."""
    if "id" not in door.names:
        return door.url(values)
    noun = next(
        before
        for before, part in zip(door.pattern.split("/"), door.pattern.split("/")[1:], strict=False)
        if part.endswith(":id>")
    )
    return door.url({**values, "id": values["id"][noun]})


def in_product(door: Door) -> bool:
    return door.declared not in OUTSIDE_OF_PRODUCTS


def knock(client: Client, door: Door, values: dict[str, Any]) -> Any:
    kind = {} if door.method in {"get", "delete"} else {"content_type": "application/json"}
    if not door.is_rest:
        kind = {}
    answer = getattr(client, door.method)(url_of(door, values), **kind)
    if answer.streaming and not answer.is_async:  # a stream of events never ends
        list(answer.streaming_content)  # which closes its file
    return answer


def test_every_door_declares_who_may_open_it() -> None:
    known = OUTSIDE_OF_PRODUCTS | set(PERMISSIONS)
    assert [door for door in doors() if door.declared not in known] == []
    assert len(doors()) > 100


def test_nobody_comes_in_without_signing_in(values: dict[str, Any]) -> None:
    wrong = []
    for door in doors():
        answer = knock(Client(), door, values)
        if door.declared == "public":
            is_fine = answer.status_code not in {401, 403}
        elif door.is_rest:
            is_fine = answer.status_code in {401, 403}
        else:
            is_fine = answer.status_code == 405 or answer.headers.get("Location", "").startswith(
                "/sign-in/"
            )
        if not is_fine:
            wrong.append((door.method, door.pattern, answer.status_code))
    assert wrong == []


def test_a_stranger_can_not_tell_that_the_product_exists(
    values: dict[str, Any], cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.sam)
    wrong = []
    for door in filter(in_product, doors()):
        answer = knock(client, door, values)
        if answer.status_code not in {404, 405}:
            wrong.append((door.method, door.pattern, answer.status_code))
    assert wrong == []


def test_pages_of_administrators_are_not_there_for_others(
    values: dict[str, Any], cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.olga)
    asked = [door for door in doors() if door.declared == "administrator"]
    assert asked
    assert {knock(client, door, values).status_code for door in asked} <= {404, 405}


@pytest.mark.parametrize("name", [name for name, (_, role) in CAST.items() if role])
def test_each_role_is_let_in_and_refused_as_the_table_says(
    values: dict[str, Any], cast: Cast, as_person: Any, name: str
) -> None:
    client, role = as_person(cast[name]), Role(CAST[name][1] or "")
    wrong = []
    for door in filter(in_product, doors()):
        needed = STRICTER.get(door.pattern, door.declared or "")
        allowed = role in PERMISSIONS[needed].roles
        if allowed and door.method != "get":
            continue  # it would take effect, and the tests of its room try that
        answer = knock(client, door, values)
        is_refused = answer.status_code == 403
        is_fine = not is_refused if allowed else answer.status_code in {403, 405}
        if not is_fine or (allowed and answer.status_code >= 500):
            wrong.append((door.method, door.pattern, answer.status_code))
    assert wrong == []
