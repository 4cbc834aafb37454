"""Messages of code hosts: who may send them, what they do to items, and that they do it once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from backlog.models import (
    Activity,
    Actor,
    CodeHost,
    CodeHostSecret,
    HostMessage,
    Item,
    ItemEvidence,
    OnMerge,
    Product,
    Role,
    Transition,
)
from backlog.services import code_links, code_messages
from backlog.services.code_hosts import (
    CodeHostDraft,
    create_code_host,
    delete_code_host,
    rotate_secret,
    update_code_host,
)
from backlog.services.code_messages import forget_messages
from backlog.services.findings import delete_item
from backlog.services.item_evidence import EvidenceDraft, put_evidence
from backlog.services.items import ItemDraft, create_item, update_item
from backlog.services.members import add_member
from backlog.services.secret_keys import rotate
from backlog.services.transfer import move_to_product
from backlog.services.workflow import delete_status
from mlscrum.lib.errors import Conflict
from mlscrum.web import throttling
from mlscrum.web.parsers import LIMIT
from tests.backlog.code_hosts import KINDS, Sender, payload, signed_by_standard
from tests.backlog.evidence import see
from tests.conftest import Cast

MakeSender = Callable[..., Sender]


@pytest.fixture(autouse=True)
def nobody_has_sent_anything() -> None:
    cache.clear()


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def item(product: Product, olga: Actor) -> Item:
    """MED-1, to do."""
    return create_item(product, ItemDraft("Second reading"), actor=olga)


@pytest.fixture
def sender(product: Product, olga: Actor) -> MakeSender:
    """A code host of this kind, which sets items in review and then done."""

    def make(kind: str = "github", **draft: Any) -> Sender:
        wanted = {"opened_status": "in-review", **draft}
        host, secret = create_code_host(product, CodeHostDraft(kind, kind, **wanted), actor=olga)
        return Sender(host, secret)

    return make


def status_of(item: Item) -> str:
    return Item.objects.get(pk=item.pk).status.slug


def evidence() -> list[tuple[str, str, str]]:
    """What stands on items, in the order in which it came."""
    rows = ItemEvidence.objects.order_by("pk").select_related("item__product")
    return [(one.item.ref, one.run_id.split("/", 2)[2].split("/")[0], one.status) for one in rows]


def told(sender: Sender) -> HostMessage:
    """The newest message in the log."""
    message = sender.host.messages.first()
    assert message is not None
    return message


# Who may send ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_message_is_taken_without_signing_in(
    item: Item, sender: MakeSender, kind: str
) -> None:
    host = sender(kind)
    answer = host.push("MED-1 Read twice")
    assert (answer.status_code, answer.json()) == (200, {"state": "taken"})
    assert evidence() == [("MED-1", "commit", "merged")]
    commit = ItemEvidence.objects.get().commit[:10]
    assert told(host).lines == [f"MED-1: clinic/diagnosis/commit/{commit} is merged"]


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("github", {"X-Hub-Signature-256": ""}, "bears no X-Hub-Signature-256"),
    ("github", {"X-Hub-Signature-256": "sha256=" + "0" * 64}, "does not fit"),
    ("github", {"X-Hub-Signature-256": "é"}, "does not fit"),
    ("gitea", {"X-Gitea-Signature": ""}, "bears no X-Gitea-Signature"),
    ("gitea", {"X-Gitea-Signature": "0" * 64}, "does not fit"),
    ("gitlab", {"X-Gitlab-Token": ""}, "bears no webhook-signature or X-Gitlab-Token"),
    ("gitlab", {"X-Gitlab-Token": "whsec_AAAA"}, "does not fit"),
    # A signature that is sent has to hold; the secret beside it is no way around.
    ("gitlab", {"webhook-signature": "v1,AAAA"}, "does not fit"),
    ("gitlab", {"webhook-signature": "nonsense"}, "does not fit"),
]


@pytest.mark.parametrize(("kind", "headers", "words"), WRONG)
def test_what_the_secret_did_not_sign_is_refused_and_noted(
    item: Item, sender: MakeSender, kind: str, headers: dict[str, str], words: str
) -> None:
    host = sender(kind)
    event = "Push Hook" if kind == "gitlab" else "push"
    answer = host.post(event, payload(f"{kind}_push"), **headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert evidence() == []
    message = told(host)
    assert (message.state, message.event, message.lines) == (
        "refused", event, [answer.json()["detail"]]
    )  # fmt: skip


def test_a_body_that_was_changed_on_the_way_is_refused(item: Item, sender: MakeSender) -> None:
    host = sender()
    signed = host.headers("push", b'{"ref": "refs/heads/main"}', "a")
    assert host.post("push", payload("github_push"), **signed).status_code == 401


@pytest.mark.parametrize(
    ("age", "status"),
    [(timedelta(), 200), (timedelta(minutes=6), 401), (timedelta(minutes=-6), 401)],
)
def test_a_signing_token_of_gitlab_is_good_for_five_minutes(
    item: Item, sender: MakeSender, age: timedelta, status: int
) -> None:
    host = sender("gitlab")
    body = b'{"ref": "refs/tags/v1", "project": {"path_with_namespace": "clinic/diagnosis"}}'
    signed = signed_by_standard(host.secret, body, "m1", datetime.now(UTC) - age)
    assert host.post("Push Hook", body, **signed).status_code == status


def test_an_old_secret_holds_for_a_day_or_ends_at_once(
    item: Item, sender: MakeSender, olga: Actor
) -> None:
    host = sender()
    new, until = rotate_secret(host.host, actor=olga)
    assert until is not None
    assert until > timezone.now() + timedelta(hours=23)
    assert host.push("one").status_code == 200
    renewed = Sender(host.host, new)
    renewed.count = 100
    assert renewed.push("two").status_code == 200
    CodeHostSecret.objects.exclude(until=None).update(until=timezone.now())
    assert host.push("three").status_code == 401
    newest, until = rotate_secret(host.host, actor=olga, at_once=True)
    assert until is None
    assert renewed.push("four").status_code == 401
    assert Sender(host.host, newest).push("five").status_code == 200


def test_an_unknown_address_and_a_removed_one_are_not_found(
    item: Item, sender: MakeSender, olga: Actor
) -> None:
    host = sender()
    assert Client().post("/hooks/nonsense/").status_code == 404
    delete_code_host(host.host, actor=olga)
    answer = host.push("MED-1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert evidence() == []


def test_an_address_is_for_posting_alone(sender: MakeSender) -> None:
    assert Client().get(f"/hooks/{sender().host.address}/").status_code == 405


def test_a_body_that_is_too_large_is_refused_unread(item: Item, sender: MakeSender) -> None:
    host = sender()
    answer = host.post("push", b" " * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "5 MB" in told(host).lines[0]


def test_too_many_messages_wait_and_the_log_is_not_filled(
    item: Item, sender: MakeSender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "time", SimpleNamespace(time=lambda: 600_010.0))
    settings.HOOKS_PER_MINUTE, settings.HOOK_REFUSALS_PER_MINUTE = 3, 2
    host = sender()
    assert [host.push(f"{n}").status_code for n in range(4)] == [200, 200, 200, 429]
    refused = host.push("5")
    assert refused.headers["Retry-After"] == "50"
    host.push("6")
    assert host.host.messages.filter(state="refused").count() == 2
    # Who floods an address from elsewhere takes nothing from its own sender.
    other = Client(REMOTE_ADDR="192.0.2.7")
    assert other.post(f"/hooks/{host.host.address}/").status_code == 401


def test_a_secret_that_no_key_reads_is_said_and_nothing_is_taken(
    item: Item, sender: MakeSender, settings: Any
) -> None:
    host = sender()
    settings.SECRETS_KEYS = ["another"]
    answer = host.push("MED-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "secret_unreadable")
    assert evidence() == []


# What can't be read ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", ["issues", "Issue Hook", "", "ping"])
def test_other_events_are_ignored(item: Item, sender: MakeSender, kind: str, event: str) -> None:
    host = sender(kind)
    answer = host.post(event, {"zen": "Fixes MED-1"})
    assert (answer.status_code, answer.json()) == (202, {"state": "ignored"})
    assert (told(host).state, evidence()) == ("ignored", [])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b" ", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b'"text"', 400, "JSON object"),
        (b"[]", 400, "repository/full_name"),
        (b'{"ref": NaN}', 400, "finite"),
        (b'{"ref": "a", "ref": "b"}', 400, "twice"),
        (b'{"ref": "\\u0000"}', 400, "no text"),
        (b"\xff", 400, "UTF-8"),
        (b"[" * 100_000, 400, "deeply"),
        (b'{"ref": "refs/heads/main"}', 400, "repository/full_name"),
    ],
)
def test_what_is_no_message_is_refused_with_its_reason(
    item: Item, sender: MakeSender, body: bytes, status: int, words: str
) -> None:
    host = sender()
    answer = host.post("push", body)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert told(host).lines == [answer.json()["detail"]]
    assert HostMessage.objects.exclude(message_id=None).count() == 0


def test_a_form_instead_of_json_is_refused_and_may_come_again(
    item: Item, sender: MakeSender
) -> None:
    host = sender()
    document = payload("github_push")
    again = {"X-GitHub-Delivery": "one"}
    form = {"Content-Type": "application/x-www-form-urlencoded", **again}
    answer = host.post("push", document, **form)
    assert answer.status_code == 415
    assert "application/json" in told(host).lines[0]
    assert host.post("push", document, **again).json() == {"state": "taken"}


# What it does ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_request_goes_its_way_and_takes_what_it_fixes_along(
    item: Item, sender: MakeSender, kind: str
) -> None:
    host = sender(kind)
    steps = []
    for change in (
        {"draft": True}, {}, {"title": "Read them twice"}, {"state": "closed"}, {"state": "merged"}
    ):  # fmt: skip
        assert host.pull_request(body="Fixes MED-1", **change).status_code == 200
        one = ItemEvidence.objects.get()
        steps.append((one.status, status_of(item)))
    assert steps == [
        ("draft", "to-do"),
        ("open", "in-review"),
        ("open", "in-review"),
        ("closed", "in-review"),
        ("merged", "done"),
    ]
    assert (one.tool, one.context) == (
        kind, {"branch": "second-reading", "pull_request": "7", "fixes": True}
    )  # fmt: skip
    assert one.url.startswith("https://")
    assert told(host).lines == [f"MED-1: {one.run_id} is merged; set to Done"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pull_request_of_a_fork_moves_items_only_once_it_is_merged(
    item: Item, sender: MakeSender, kind: str
) -> None:
    host = sender(kind)
    steps = []
    for state in ("open", "closed", "merged"):
        host.pull_request(body="Fixes MED-1", fork=True, state=state)
        steps.append((ItemEvidence.objects.get().status, status_of(item)))
    assert steps == [("open", "to-do"), ("closed", "to-do"), ("merged", "done")]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"title": "MED-1 Read twice"}, True),
        ({"body": "For MED-1"}, True),
        ({"branch": "feature/med-1"}, True),
        ({"body": None}, False),
        ({"body": "For SHOP-1"}, False),
        ({"body": "`MED-1`"}, False),
    ],
)
def test_title_text_or_branch_name_an_item_and_move_nothing(
    item: Item, sender: MakeSender, fields: dict[str, Any], found: bool
) -> None:
    host = sender()
    answer = host.pull_request(**fields)
    host.pull_request(**fields, state="merged")
    assert answer.json() == {"state": "taken" if found else "ignored"}
    assert evidence() == ([("MED-1", "pull", "merged")] if found else [])
    assert status_of(item) == "to-do"


@pytest.mark.parametrize("kind", KINDS)
def test_commits_move_items_only_once_they_are_in_the_default_branch(
    item: Item, sender: MakeSender, kind: str
) -> None:
    host = sender(kind)
    host.push("Fixes MED-1", branch="second-reading")
    assert (evidence(), status_of(item)) == ([("MED-1", "commit", "open")], "to-do")
    host.push("Fixes MED-1")
    assert (evidence(), status_of(item)) == ([("MED-1", "commit", "merged")], "done")


def test_a_branch_that_names_an_item_stands_on_it_until_it_goes(
    item: Item, sender: MakeSender
) -> None:
    host = sender()
    host.push("Read twice", branch="med-1-reading")
    host.push("Read thrice", branch="med-1-reading")
    assert evidence() == [("MED-1", "tree", "open")]
    host.push(branch="med-1-reading", after="0" * 40)
    assert evidence() == [("MED-1", "tree", "closed")]
    assert status_of(item) == "to-do"


def test_the_code_host_is_who_did_it(
    item: Item, sender: MakeSender, cast: Cast, as_person: Any, api: Any, product: Product
) -> None:
    host = sender()
    host.pull_request(body="Fixes MED-1")
    deeds = Activity.objects.filter(item=item, code_host=host.host).order_by("seq")
    assert [(deed.kind, deed.actor_kind) for deed in deeds] == [
        ("item.evidence_put", "code_host"),
        ("item.updated", "code_host"),
    ]
    assert Transition.objects.filter(item=item).count() == 2
    page = as_person(cast.olga).get(f"/p/MED/items/{item.ref}/").content.decode()
    assert "github (code host)" in page
    assert "clinic/diagnosis/pull/7" in page
    actor = {"kind": "code_host", "user": None, "token": None}
    history = api(cast.olga).get("/api/v1/items/MED-1/activity/").json()["results"]
    assert actor in [deed["actor"] for deed in history]
    events = api(cast.olga).get("/api/v1/products/MED/events/?format=json").json()
    assert actor in [deed["actor"] for deed in events["results"]]
    delete_code_host(host.host, actor=Actor.person(cast.olga))
    assert "A code host" in as_person(cast.olga).get(f"/p/MED/items/{item.ref}/").content.decode()
    assert evidence() == [("MED-1", "pull", "open")]


@pytest.mark.parametrize(
    ("draft", "opened", "merged"),
    [
        ({"opened_status": None}, "to-do", "done"),
        ({"on_merge": OnMerge.STAY}, "in-review", "in-review"),
        ({"opened_status": "in-progress", "on_merge": OnMerge.STATUS, "merged_status": "in-review"},
         "in-progress", "in-review"),
    ],
)  # fmt: skip
def test_each_code_host_says_where_items_go(
    item: Item, sender: MakeSender, draft: dict[str, Any], opened: str, merged: str
) -> None:
    host = sender(**draft)
    host.pull_request(body="Fixes MED-1")
    assert status_of(item) == opened
    host.pull_request(body="Fixes MED-1", state="merged")
    assert status_of(item) == merged


def test_what_is_merged_elsewhere_than_into_the_default_branch_moves_nothing(
    item: Item, sender: MakeSender
) -> None:
    host = sender(opened_status=None)
    host.pull_request(body="Fixes MED-1", into="release", state="merged")
    assert (evidence(), status_of(item)) == ([("MED-1", "pull", "merged")], "to-do")
    assert "was not merged into the default branch" in told(host).lines[0]


def test_items_are_not_taken_back_nor_moved_twice(
    item: Item, sender: MakeSender, product: Product, olga: Actor
) -> None:
    host = sender()
    statuses = {status.slug: status for status in product.statuses.all()}
    update_item(item, actor=olga, status=statuses["done"])
    host.pull_request(body="Fixes MED-1")
    assert status_of(item) == "done"
    item.refresh_from_db()
    update_item(item, actor=olga, status=statuses["in-progress"])
    host.pull_request(body="Fixes MED-1 indeed")
    assert status_of(item) == "in-progress"  # somebody took it back knowingly
    host.pull_request(body="Fixes MED-1", state="merged")
    item.refresh_from_db()
    update_item(item, actor=olga, status=statuses["in-progress"])
    host.pull_request(body="Fixes MED-1, labelled", state="merged")
    assert status_of(item) == "in-progress"


def test_a_text_that_says_so_later_moves_the_item_then(item: Item, sender: MakeSender) -> None:
    host = sender()
    host.pull_request(body="For MED-1")
    assert status_of(item) == "to-do"
    host.pull_request(body="Fixes MED-1")
    assert status_of(item) == "in-review"


def test_a_pull_request_that_names_an_item_no_more_still_tells_how_it_ends(
    item: Item, sender: MakeSender
) -> None:
    host = sender()
    host.pull_request(body="Fixes MED-1")
    host.pull_request(body="", state="merged")
    assert (evidence(), status_of(item)) == ([("MED-1", "pull", "merged")], "in-review")


def test_what_comes_late_does_not_take_back_a_merge(item: Item, sender: MakeSender) -> None:
    host = sender()
    host.pull_request(body="MED-1", state="merged")
    host.pull_request(body="MED-1")
    assert evidence() == [("MED-1", "pull", "merged")]


def test_many_items_at_once_each_by_itself(
    product: Product, item: Item, sender: MakeSender, olga: Actor
) -> None:
    host = sender()
    gone = create_item(product, ItemDraft("Gone"), actor=olga)
    create_item(product, ItemDraft("Named alone"), actor=olga)
    delete_item(gone, actor=olga)
    host.push("See MED-3 and SHOP-1", "Fixes MED-1, MED-2 and MED-99")
    assert sorted(one[0] for one in evidence()) == ["MED-1", "MED-3"]
    assert (status_of(item), told(host).state) == ("done", "taken")
    [fixed, trashed, unknown, named] = told(host).lines
    assert fixed.endswith("is merged; set to Done")
    assert (trashed, unknown) == ("MED-2 is in the trash.", "There is no MED-99.")
    assert named.startswith("MED-3: ")


def test_a_push_of_unknown_items_alone_is_ignored_and_says_so(
    item: Item, sender: MakeSender
) -> None:
    host = sender()
    assert host.push("Fixes MED-99").json() == {"state": "ignored"}
    assert told(host).lines == ["There is no MED-99."]


def test_more_links_than_a_message_may_make_are_left_out_and_named(
    product: Product, item: Item, sender: MakeSender, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_links, "MOST_LINKS", 2)
    host = sender()
    host.push("Fixes MED-1", "MED-1 again", "MED-1 and again")
    assert len(evidence()) == 2
    assert status_of(item) == "done"  # what is fixed comes first
    assert told(host).lines[-1] == "1 further links were left out; push less at once."


def test_what_a_host_did_not_send_along_is_in_the_log(item: Item, sender: MakeSender) -> None:
    host = sender("gitlab")
    host.push("MED-1", total_commits_count=35)
    assert told(host).lines[-1] == "GitLab did not send 34 further commits along."


def test_an_item_that_can_not_take_it_is_told_and_the_others_go_on(
    product: Product, item: Item, sender: MakeSender, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backlog.services.item_evidence.MOST_ON_ITEM", 1)
    put_evidence(item, "mlflow", "1", EvidenceDraft("passed"), actor=olga)
    other = create_item(product, ItemDraft("Other"), actor=olga)
    host = sender()
    host.push("Fixes MED-1, MED-2")
    assert "was not linked. MED-1 has 1 runs" in told(host).lines[0]
    assert (status_of(item), status_of(other)) == ("to-do", "done")


def test_an_item_that_can_not_be_moved_keeps_its_link_and_its_status(
    product: Product, item: Item, sender: MakeSender, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **fields: Any) -> Item:
        raise Conflict("held", "Somebody holds it.")

    monkeypatch.setattr(code_links, "update_item", refuse)
    host = sender()
    host.push("Fixes MED-1")
    assert "it could not be set to Done. Somebody holds it." in told(host).lines[0]
    assert (len(evidence()), status_of(item)) == (1, "to-do")


def test_a_status_that_was_deleted_is_asked_for_anew(
    product: Product, item: Item, sender: MakeSender, olga: Actor, cast: Cast, as_person: Any
) -> None:
    host = sender(opened_status=None, on_merge=OnMerge.STATUS, merged_status="in-review")
    delete_status(product.statuses.get(slug="in-review"), actor=olga)
    host.push("Fixes MED-1")
    assert (status_of(item), len(evidence())) == ("to-do", 1)
    assert "choose another" in told(host).lines[0]
    page = f"/p/MED/settings/code-hosts/{host.host.pk}/"
    assert "was deleted" in as_person(cast.olga).get(page).content.decode()


def test_an_item_whose_finding_is_open_waits_for_the_evidence(
    product: Product, sender: MakeSender
) -> None:
    [finding] = see(product, "age")
    assert finding.item is not None
    sender().push(f"Fixes {finding.item.ref}")
    finding.refresh_from_db()
    assert (status_of(finding.item), finding.awaiting_evidence) == ("done", True)


def test_an_item_that_moved_is_found_by_its_old_ref_where_its_maker_may_write(
    product: Product, other_product: Product, item: Item, sender: MakeSender, cast: Cast,
    olga: Actor,
) -> None:  # fmt: skip
    sam = Actor.person(cast.sam)
    host = sender()
    membership = add_member(other_product, cast.olga, Role.DEVELOPER, actor=sam)
    move_to_product(item, other_product, actor=olga)
    host.push("Fixes MED-1")
    [(ref, _, status)] = evidence()
    assert (ref, status, status_of(item)) == ("SHOP-1", "merged", "to-do")
    assert "its status stays, for it is in another product by now" in told(host).lines[0]
    membership.delete()
    host.push("Fixes MED-1 again")
    assert len(evidence()) == 1
    assert told(host).lines == ["MED-1 is in another product by now."]
    assert "SHOP" not in str(list(HostMessage.objects.values_list("lines", flat=True)))


# Once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_message_again_changes_nothing(
    item: Item, sender: MakeSender, kind: str, product: Product, olga: Actor
) -> None:
    host = sender(kind)
    assert host.pull_request(body="Fixes MED-1").json() == {"state": "taken"}
    item.refresh_from_db()
    update_item(item, actor=olga, status=product.statuses.get(slug="to-do"))
    host.count -= 1
    assert host.pull_request(body="Fixes MED-1").json() == {"state": "known"}
    # The signature covers no id: another one does not make a captured message new.
    host.count += 7
    assert host.pull_request(body="Fixes MED-1").json() == {"state": "known"}
    assert (status_of(item), host.host.messages.count()) == ("to-do", 1)


def test_one_id_with_another_body_is_known_too(item: Item, sender: MakeSender) -> None:
    host = sender()
    host.push("MED-1")
    host.count -= 1
    assert host.push("MED-1 changed").json() == {"state": "known"}
    assert len(evidence()) == 1


def test_what_one_event_sets_off_at_gitlab_is_several_messages(
    item: Item, sender: MakeSender
) -> None:
    host = sender("gitlab")
    for n in range(2):
        host.push(f"MED-1 {n}")  # X-Gitlab-Event-UUID is the same
    assert len(evidence()) == 2


def test_a_message_that_broke_off_can_be_sent_again_after_a_minute(
    item: Item, sender: MakeSender, monkeypatch: pytest.MonkeyPatch, cast: Cast, as_person: Any
) -> None:
    host = sender()

    def crash(*args: Any, **fields: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(code_messages, "take_works", crash)
        with pytest.raises(RuntimeError):
            host.push("Fixes MED-1")
    host.count -= 1
    assert host.push("Fixes MED-1").json() == {"state": "known"}
    HostMessage.objects.update(at=timezone.now() - timedelta(minutes=2))
    page = f"/p/MED/settings/code-hosts/{host.host.pk}/"
    assert "Broke off; send it again" in as_person(cast.olga).get(page).content.decode()
    host.count -= 1
    assert host.push("Fixes MED-1").json() == {"state": "taken"}
    assert (status_of(item), host.host.messages.count()) == ("done", 1)


def test_a_move_that_broke_off_is_done_as_the_message_comes_again(
    item: Item, sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = sender()

    def crash(*args: Any, **fields: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(code_links, "update_item", crash)
        with pytest.raises(RuntimeError):
            host.push("Fixes MED-1")
    assert (evidence(), status_of(item)) == ([("MED-1", "commit", "merged")], "to-do")
    HostMessage.objects.update(at=timezone.now() - timedelta(minutes=2))
    host.count -= 1
    assert host.push("Fixes MED-1").json() == {"state": "taken"}
    assert status_of(item) == "done"


def test_what_did_nothing_may_come_again(
    item: Item, sender: MakeSender, product: Product, olga: Actor
) -> None:
    host = sender()
    assert host.push("Fixes MED-2").json() == {"state": "ignored"}
    create_item(product, ItemDraft("Later"), actor=olga)
    host.count -= 1
    assert host.push("Fixes MED-2").json() == {"state": "taken"}


def test_two_code_hosts_hear_the_same_message_each_for_itself(
    item: Item, sender: MakeSender, product: Product, other_product: Product, cast: Cast
) -> None:
    sam = Actor.person(cast.sam)
    create_item(other_product, ItemDraft("Shelf"), actor=sam)
    theirs, secret = create_code_host(other_product, CodeHostDraft("github", "hub"), actor=sam)
    ours = sender()
    for host in (ours, Sender(theirs, secret)):
        assert host.push("Fixes MED-1 and SHOP-1").json() == {"state": "taken"}
    assert evidence() == [("MED-1", "commit", "merged"), ("SHOP-1", "commit", "merged")]


def test_the_log_is_kept_for_a_month_and_what_did_nothing_for_a_week(
    item: Item, sender: MakeSender
) -> None:
    host = sender()
    host.push("MED-1")
    host.post("ping", {})
    now = timezone.now()
    assert forget_messages(now + timedelta(days=8)) == 1
    assert forget_messages(now + timedelta(days=29)) == 0
    assert forget_messages(now + timedelta(days=31)) == 1


def test_secrets_are_kept_encrypted_and_rotate_with_the_keys(
    sender: MakeSender, settings: Any, item: Item
) -> None:
    host = sender()
    kept = CodeHostSecret.objects.get().secret
    assert host.secret not in kept
    settings.SECRETS_KEYS = ["new", *settings.SECRETS_KEYS]
    assert [row.count for row in rotate() if "code host" in row.name] == [1]
    settings.SECRETS_KEYS = ["new"]
    assert host.push("MED-1").status_code == 200


def test_a_changed_host_goes_by_its_new_choice_at_once(
    item: Item, sender: MakeSender, olga: Actor
) -> None:
    host = sender()
    update_code_host(host.host, actor=olga, on_merge=OnMerge.STAY)
    host.push("Fixes MED-1")
    assert status_of(item) == "to-do"
    assert CodeHost.objects.get().on_merge == OnMerge.STAY
