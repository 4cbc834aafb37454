"""Webhooks: signed messages of what happens, tried for a day, in order for each item."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from backlog.models import (
    Activity,
    Actor,
    Delivery,
    Job,
    Product,
    Webhook,
    WebhookNews,
    WebhookSecret,
)
from backlog.queries.events import families
from backlog.rules.webhooks import (
    LONGEST_REST_S,
    WAITS_S,
    Queue,
    Verdict,
    Waiting,
    is_heard,
    rest_s,
    verdict_of,
    wait_s,
)
from backlog.services import jobs, webhook_delivery, webhooks
from backlog.services.items import ItemDraft, create_item, update_item
from backlog.services.webhooks import (
    WebhookDraft,
    create_webhook,
    rotate_secret,
    switch_off,
    switch_on,
    update_webhook,
)
from mlscrum.lib.errors import Conflict
from tests.backlog.receiver import Receiver
from tests.conftest import Cast
from tests.rest import queries

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = "/p/MED/settings/webhooks/"
REST = "/api/v1/products/MED/webhooks/"
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    found = Receiver()
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{found.server_port}"]
    found.start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def hook(product: Product, olga: Actor, receiver: Receiver) -> Webhook:
    """A webhook of items, whose secret stands in `hook.told`."""
    made, secret = create_webhook(
        product, WebhookDraft("CI", receiver.url, ["item.*", "items.*"]), actor=olga
    )
    made.told = secret
    return made


def work(*, later: timedelta = timedelta()) -> None:
    """What dispatcher and worker do, once; `later` lets time pass."""
    if later:
        for row in Delivery.objects.all():
            moved = {name: getattr(row, name) - later for name in ("not_before", "due_since")}
            tries = [
                {**one, "at": (datetime.fromisoformat(one["at"]) - later).isoformat()}
                for one in row.tries
            ]
            Delivery.objects.filter(pk=row.pk).update(tries=tries, **moved)
        for hook in Webhook.objects.all():
            names = ("rests_until", "failing_since")
            past = {n: getattr(hook, n) - later for n in names if getattr(hook, n) is not None}
            Webhook.objects.filter(pk=hook.pk).update(**past)
    webhooks.tell(timezone.now())
    for job in Job.objects.filter(state="queued", kind="webhook"):
        jobs.run(job.pk)


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


# The rules ---------------------------------------------------------------------------------------


def test_a_pattern_names_everything_a_family_or_one_kind() -> None:
    assert is_heard("item.created", ["*"])
    assert is_heard("item.created", ["sprint.*", "item.*"])
    assert is_heard("item.created", ["item.created"])
    assert not is_heard("items.updated", ["item.*"])
    assert not is_heard("item.created", ["item.moved", "sprint.*"])


def test_what_an_answer_means() -> None:
    found = {status: verdict_of(status) for status in (200, 204, 302, 400, 404, 410, 429, 500, 503)}
    assert found == {
        200: Verdict.RECEIVED, 204: Verdict.RECEIVED, 302: Verdict.REFUSED, 400: Verdict.REFUSED,
        404: Verdict.REFUSED, 410: Verdict.GONE, 429: Verdict.DOWN, 500: Verdict.DOWN,
        503: Verdict.DOWN,
    }  # fmt: skip


def test_waits_grow_and_take_a_day_in_all() -> None:
    assert list(WAITS_S) == sorted(WAITS_S)
    assert 23 * 3600 < sum(WAITS_S) <= 24 * 3600
    assert (wait_s(1), wait_s(1, 1.0), wait_s(99)) == (5, 5.5, WAITS_S[-1])
    assert rest_s(9) == LONGEST_REST_S


def waiting(id: int, *about: str, minutes: int = 0, more: bool = False) -> Waiting:
    return Waiting(id, frozenset(about), NOON + timedelta(minutes=minutes), more)


def test_later_messages_about_the_same_item_wait_and_others_do_not() -> None:
    rows = [waiting(1, "A", minutes=9), waiting(2, "A", "B"), waiting(3, "C"), waiting(4, "B")]
    queue = Queue(rows, NOON)
    assert [message.id for message in queue] == [3]
    assert queue.passed_over == {2: rows[0].not_before, 4: rows[0].not_before}


def test_a_failed_message_holds_what_is_about_the_same() -> None:
    rows = [waiting(1, "A"), waiting(2, "B"), waiting(3, "A"), waiting(4)]
    queue, sent = Queue(rows, NOON), []
    for message in queue:
        sent.append(message.id)
        if message.id == 1:
            queue.hold(message, NOON + timedelta(hours=1))
    assert sent == [1, 2, 4]
    assert queue.passed_over == {3: NOON + timedelta(hours=1)}


def test_a_message_about_more_than_it_names_waits_for_all_and_all_for_it() -> None:
    rows = [waiting(1, "A", minutes=5), waiting(2, "B", more=True), waiting(3, "C")]
    assert [message.id for message in Queue(rows, NOON)] == []
    assert [message.id for message in Queue(rows[1:], NOON)] == [2, 3]


def test_every_deed_belongs_to_a_family_that_can_be_chosen() -> None:
    kinds = set()
    for app in ("backlog", "sprints", "dataquality"):
        for file in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                is_deed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                if is_deed and node.func.id == "deed" and len(node.args) > 2:
                    kind = node.args[2]
                    if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                        kinds.add(kind.value.partition(".")[0])
    assert len(kinds) > 20
    assert kinds <= families()


# What is told ------------------------------------------------------------------------------------


def test_an_event_is_one_signed_message_without_texts(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    item = create_item(product, ItemDraft("A secret title"), actor=olga)
    work()
    [message] = receiver.verified(hook.told)
    [(headers, body)] = receiver.heard
    assert headers["webhook-id"].startswith("msg_")
    assert headers["content-type"] == "application/json"
    assert message["type"] == "item.created"
    assert message["data"]["product"] == "MED"
    assert message["data"]["refs"] == [item.ref]
    assert message["data"]["actor"] == {
        "kind": "person", "user": "olga@example.org", "token": None
    }  # fmt: skip
    assert b"secret title" not in body
    assert states() == ["sent"]
    with pytest.raises(WebhookVerificationError):
        Verifier(hook.told).verify(body.replace(b"MED-1", b"MED-2"), headers)


def test_only_what_was_asked_for_is_told_and_only_from_then_on(
    product: Product, olga: Actor, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("Before"), actor=olga)
    create_webhook(product, WebhookDraft("CI", receiver.url, ["item.updated"]), actor=olga)
    item = create_item(product, ItemDraft("After"), actor=olga)
    update_item(item, actor=olga, points=3)
    work()
    assert [json.loads(body)["type"] for _, body in receiver.heard] == ["item.updated"]


def test_each_event_is_made_a_message_once_by_any_number_of_dispatchers(
    product: Product, olga: Actor, hook: Webhook
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    assert webhooks.tell(timezone.now()) == 1
    assert webhooks.tell(timezone.now()) == 0
    Webhook.objects.update(told_seq=0)  # as one that was behind would try
    webhooks.tell(timezone.now())
    created = Delivery.objects.filter(kind="item.created")
    assert created.count() == 1
    assert Job.objects.filter(kind="webhook").count() == 1


def test_what_happens_while_it_is_off_is_not_told(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("Not sent in time"), actor=olga)
    webhooks.tell(timezone.now())
    switch_off(hook, actor=olga)
    create_item(product, ItemDraft("Unheard"), actor=olga)
    work()
    switch_on(hook, actor=olga)
    assert states() == ["failed"]
    heard = create_item(product, ItemDraft("Heard"), actor=olga)
    work()
    assert [json.loads(body)["data"]["refs"] for _, body in receiver.heard] == [[heard.ref]]


# How it gets there -------------------------------------------------------------------------------


def test_a_receiver_that_fails_is_left_alone_and_told_in_order_when_it_is_back(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    receiver.answers = [(500, {}), (503, {})]
    items = [create_item(product, ItemDraft(f"Item {n}"), actor=olga) for n in range(3)]
    work()
    work()  # it rests
    assert len(receiver.heard) == 1
    work(later=timedelta(seconds=6))
    hook.refresh_from_db()
    assert (len(receiver.heard), hook.failures) == (2, 2)
    work(later=timedelta(minutes=1))
    refs = [json.loads(body)["data"]["refs"][0] for _, body in receiver.heard]
    assert refs == [items[0].ref] * 3 + [items[1].ref, items[2].ref]
    ids = [headers["webhook-id"] for headers, _ in receiver.heard]
    assert ids[0] == ids[1] == ids[2]
    hook.refresh_from_db()
    assert (states(), hook.failures, hook.failing_since) == (["sent"] * 3, 0, None)


def test_a_refused_message_holds_up_its_own_item_alone(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    first, second = (create_item(product, ItemDraft(f"Item {n}"), actor=olga) for n in range(2))
    update_item(first, actor=olga, points=3)
    receiver.answers = [(400, {})]
    work()
    assert states() == ["waiting", "sent", "waiting"]
    work(later=timedelta(seconds=6))
    told = [(json.loads(b)["type"], *json.loads(b)["data"]["refs"]) for _, b in receiver.heard]
    assert told == [
        ("item.created", first.ref),
        ("item.created", second.ref),
        ("item.created", first.ref),
        ("item.updated", first.ref),
    ]


def test_what_waits_for_its_turn_starts_no_job_before_it_comes(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    item = create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(400, {})]
    work()
    update_item(item, actor=olga, points=3)
    work()
    count = Job.objects.filter(kind="webhook").count()
    work()
    assert Job.objects.filter(kind="webhook").count() == count


def test_a_message_is_given_up_after_a_day_and_can_be_sent_once_more(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(404, {})] * 40
    work()
    tries = 1
    while states() == ["waiting"]:
        [delivery] = Delivery.objects.all()
        work(later=delivery.not_before - timezone.now() + timedelta(seconds=1))
        tries += 1
    assert tries == len(WAITS_S) + 1
    [delivery] = Delivery.objects.all()
    assert (delivery.state, len(delivery.tries)) == ("failed", tries)
    assert delivery.tries[-1]["error"] == "Answered 404."
    receiver.answers = []
    assert webhooks.replay(hook, delivery, actor=olga) == 1
    work()
    assert states() == ["sent"]
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1


def test_a_receiver_that_is_down_for_a_day_loses_nothing_before(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(500, {})] * 60
    work()
    passed = timedelta()
    while states() == ["waiting"]:
        hook.refresh_from_db()
        assert hook.rests_until is not None
        pause = hook.rests_until - timezone.now() + timedelta(seconds=1)
        work(later=pause)
        passed += pause
    assert states() == ["failed"]
    assert timedelta(hours=24) <= passed < timedelta(hours=26)


def test_what_waits_beyond_many_that_were_refused_is_sent(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    for n in range(6):
        create_item(product, ItemDraft(f"Item {n}"), actor=olga)
    receiver.answers = [(404, {})] * 5
    work()
    assert states() == ["waiting"] * 5 + ["sent"]
    work()
    assert Job.objects.filter(kind="webhook").count() == 1


def test_with_another_address_what_waits_is_sent_at_once(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(404, {})]
    work()
    update_webhook(hook, url=f"{receiver.url}/2", actor=olga)
    work()
    hook.refresh_from_db()
    assert (states(), hook.failing_since) == (["sent"], None)


def test_a_single_failure_after_quiet_days_switches_nothing_off(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(404, {}), (404, {}), (503, {})]
    work()
    work(later=timedelta(hours=25))
    assert states() == ["failed"]
    work(later=timedelta(days=4))
    create_item(product, ItemDraft("Two"), actor=olga)
    work()
    hook.refresh_from_db()
    assert (hook.is_active, hook.failures) == (True, 1)


def test_a_slow_receiver_rests_and_leaves_the_worker_to_others(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(webhook_delivery, "SLOW_MS", 50)
    receiver.slow_s = 0.1
    for n in range(3):
        create_item(product, ItemDraft(f"Item {n}"), actor=olga)
    work()
    hook.refresh_from_db()
    assert states() == ["sent", "waiting", "waiting"]
    assert hook.rests_until is not None
    assert hook.failures == 0


def test_of_a_product_one_webhook_at_a_time_is_served(
    product: Product, olga: Actor, receiver: Receiver
) -> None:
    for name in ("a", "b"):
        hook, _ = create_webhook(product, WebhookDraft(name, receiver.url), actor=olga)
        webhooks.ping(hook, actor=olga)
    webhooks.tell(timezone.now())
    assert Job.objects.filter(kind="webhook").count() == 1


def test_a_message_that_was_sent_meanwhile_is_not_unsent_by_a_late_answer(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def late(delivery: Delivery) -> webhook_delivery.Try:
        Delivery.objects.update(state="sent", tries=[{"status": 204}])
        return webhook_delivery.Try(Verdict.DOWN, 500, "Answered 500.", 3)

    create_item(product, ItemDraft("One"), actor=olga)
    monkeypatch.setattr(webhook_delivery, "send", late)
    work()
    [delivery] = Delivery.objects.all()
    assert (delivery.state, delivery.tries) == ("sent", [{"status": 204}])


def test_a_webhook_deleted_while_its_message_is_sent_ends_quietly(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def deleted(delivery: Delivery) -> webhook_delivery.Try:
        webhooks.delete_webhook(hook, actor=olga)
        return webhook_delivery.Try(Verdict.RECEIVED, 204, "", 3)

    create_item(product, ItemDraft("One"), actor=olga)
    monkeypatch.setattr(webhook_delivery, "send", deleted)
    work()
    assert [job.state for job in Job.objects.filter(kind="webhook")] == ["done"]


def test_retry_after_is_heeded(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(429, {"retry-after": "900"})]
    work()
    hook.refresh_from_db()
    assert hook.rests_until is not None
    assert hook.rests_until > timezone.now() + timedelta(minutes=14)


def test_a_receiver_silent_for_days_is_switched_off_and_its_owners_are_told(
    product: Product, cast: Cast, olga: Actor, hook: Webhook, receiver: Receiver, as_person: Any
) -> None:
    receiver.answers = [(500, {})] * 9
    for n in range(5):  # there is always something to tell
        create_item(product, ItemDraft(f"Item {n}"), actor=olga)
        work(later=timedelta(hours=20) if n else timedelta())
    hook.refresh_from_db()
    assert not hook.is_active
    assert hook.ended_why == "Nothing was received for 3 days. Answered 500."
    assert [one.user for one in WebhookNews.objects.all()] == [cast.olga]
    told = as_person(cast.olga).get("/notifications/").content.decode()
    assert "The webhook CI was switched off" in told
    with pytest.raises(Conflict, match="switch it on first"):
        webhooks.ping(hook, actor=olga)
    assert Activity.objects.filter(kind="webhook.switched_off").count() == 1


def test_410_switches_it_off_at_once(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(410, {})]
    work()
    hook.refresh_from_db()
    assert (hook.is_active, states()) == (False, ["failed"])


def test_a_redirect_is_not_followed(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    receiver.answers = [(307, {"location": receiver.url})]
    work()
    [delivery] = Delivery.objects.all()
    assert len(receiver.heard) == 1
    assert "redirects are not followed" in delivery.tries[0]["error"]


def test_an_address_that_became_a_private_one_is_refused_at_the_connection(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver, settings: Any
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    settings.OUTBOUND_ALLOW = []
    work()
    [delivery] = Delivery.objects.all()
    assert receiver.heard == []
    assert "OUTBOUND_ALLOW" in delivery.tries[0]["error"]


def test_a_new_secret_holds_beside_the_old_one_for_a_day(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    between, until = rotate_secret(hook, actor=olga)
    new, _ = rotate_secret(hook, actor=olga)
    assert until > timezone.now() + timedelta(hours=23)
    webhooks.ping(hook, actor=olga)
    work()
    told = [receiver.verified(secret) for secret in (new, between, hook.told)]
    assert told[0] == told[1] == told[2]
    WebhookSecret.objects.exclude(until=None).update(until=timezone.now())
    webhooks.ping(hook, actor=olga)
    work()
    [(headers, body)] = receiver.heard[1:]
    Verifier(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(hook.told).verify(body, headers)


def test_messages_go_after_30_days(
    product: Product, olga: Actor, hook: Webhook, receiver: Receiver
) -> None:
    create_item(product, ItemDraft("One"), actor=olga)
    work()
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert webhooks.forget_deliveries(timezone.now()) == 1


# Bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "at", "words"),
    [
        ({"url": "http://169.254.169.254/latest"}, "url", "metadata"),
        ({"url": "http://10.1.2.3/hook"}, "url", "OUTBOUND_ALLOW"),
        ({"url": "ftp://example.org/hook"}, "url", ""),
        ({"url": "http://[::1"}, "url", ""),
        ({"url": "https://me:secret@example.org/hook"}, "url", "signed"),
        ({"events": []}, "events", "Name 1 to"),
        ({"events": ["itm.*"]}, "events", "no events called itm"),
        ({"events": ["item"]}, "events", "item.*"),
        ({"name": ""}, "name", ""),
    ],
)
def test_what_can_not_be_a_webhook_is_said_by_field(
    product: Product, olga: Actor, receiver: Receiver, fields: dict[str, Any], at: str, words: str
) -> None:
    given: dict[str, Any] = {"name": "CI", "url": receiver.url}
    with pytest.raises(ValidationError) as caught:
        create_webhook(product, WebhookDraft(**{**given, **fields}), actor=olga)
    assert words in " ".join(caught.value.message_dict[at])
    assert not Webhook.objects.exists()


# Pages and REST ----------------------------------------------------------------------------------


def test_a_webhook_is_made_tried_and_changed_on_its_pages(
    product: Product, cast: Cast, receiver: Receiver, as_person: Any
) -> None:
    olgas = as_person(cast.olga)
    form = {"name": "CI", "url": receiver.url, "groups": ["item.* items.*"], "kinds": "run.done"}
    made = olgas.post(PAGE, form)
    assert made.status_code == 200
    assert made["Cache-Control"] == "no-store"
    hook = Webhook.objects.get()
    assert hook.events == ["item.*", "items.*", "run.done"]
    secret = made.content.decode().split('id="secret">')[1].split("<")[0]
    assert secret.startswith("whsec_")
    assert secret not in hook.secrets.get().secret
    one = f"{PAGE}{hook.pk}/"
    assert secret not in olgas.get(one).content.decode()
    assert olgas.post(f"{one}ping/").status_code == 302
    work()
    assert receiver.verified(secret)[0]["type"] == "ping"
    told = olgas.get(one).content.decode()
    assert "Answered 204." in told
    assert 'name="groups" value="item.* items.*" id="id_groups_1" checked' in told.replace("\n", "")
    [ping] = Delivery.objects.all()
    assert olgas.post(f"{one}replay/", {"delivery": ping.pk}).status_code == 302
    work()
    assert len(receiver.heard) == 2
    assert olgas.post(f"{one}rotate/").status_code == 200
    changed = {**form, "name": "Jenkins", "groups": ["*"], "kinds": ""}
    assert olgas.post(one, changed).status_code == 302
    assert olgas.post(f"{one}switch/").status_code == 302
    hook.refresh_from_db()
    assert (hook.name, hook.events, hook.is_active) == ("Jenkins", ["*"], False)
    assert olgas.post(one, changed).status_code == 302
    hook.refresh_from_db()
    assert not hook.is_active  # saving the form switches nothing on
    assert olgas.post(f"{one}switch/", {"on": "1"}).status_code == 302
    for wrong in ("abc", "9" * 19, "0"):
        assert olgas.post(f"{one}replay/", {"delivery": wrong}).status_code == 404
    assert olgas.post(one, {**form, "url": "http://10.1.2.3/"}).status_code == 422
    assert olgas.post(PAGE, {**form, "name": "Jenkins"}).status_code == 422
    assert olgas.post(f"{one}delete/").status_code == 302
    assert not Webhook.objects.exists()


def test_all_that_failed_is_sent_once_more_from_the_page(
    product: Product, cast: Cast, olga: Actor, hook: Webhook, receiver: Receiver, as_person: Any
) -> None:
    for n in range(2):
        create_item(product, ItemDraft(f"Item {n}"), actor=olga)
    work()
    Delivery.objects.update(state="failed")
    olgas, one = as_person(cast.olga), f"{PAGE}{hook.pk}/"
    assert "Send all 2 once more" in olgas.get(f"{one}?state=failed").content.decode()
    olgas.post(f"{one}replay/")
    work()
    assert (states(), len(receiver.heard)) == (["sent"] * 2, 4)


def test_webhooks_over_rest(
    product: Product, cast: Cast, olga: Actor, receiver: Receiver, api: Any
) -> None:
    olgas = api(cast.olga)
    made = olgas.post(REST, {"name": "CI", "url": receiver.url, "events": ["item.*"]})
    assert made.status_code == 201
    secret, path = made.json()["secret"], f"{REST}{made.json()['id']}/"
    assert made["Location"].endswith(path)
    assert "secret" not in olgas.get(path).json()
    assert olgas.post(f"{path}ping/").status_code == 202
    create_item(product, ItemDraft("One"), actor=olga)
    work()
    assert [message["type"] for message in receiver.verified(secret)] == ["ping", "item.created"]
    sent = olgas.get(f"{path}deliveries/?state=sent").json()["results"]
    assert [one["kind"] for one in sent] == ["item.created", "ping"]
    assert [one["status"] for one in sent[0]["tries"]] == [204]
    again = olgas.post(f"{path}deliveries/{sent[0]['id']}/replay/")
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    assert olgas.get(again["Location"]).json()["id"] == sent[0]["id"]
    assert olgas.get(f"{path}deliveries/?kind=ping").json()["results"] == [
        olgas.get(f"{path}deliveries/{sent[1]['id']}/").json()
    ]
    new = olgas.post(f"{path}rotate/").json()["secret"]
    assert new != secret
    assert olgas.patch(path, {"is_active": False}).json()["events"] == ["item.*"]
    assert olgas.post(f"{path}ping/").status_code == 409
    for wrong in ({"events": ["x.*"]}, {"url": "http://10.0.0.1/"}, {"secret": "whsec_x"}):
        assert olgas.patch(path, wrong).status_code == 400
    assert olgas.get(f"{path}deliveries/?state=lost").status_code == 400
    assert olgas.get(f"{path}deliveries/?colour=red").status_code == 400
    assert olgas.delete(path).status_code == 204
    assert api(product=product).get(REST).status_code == 403


@pytest.mark.parametrize("name", ["max", "dora", "vera"])
def test_only_who_steers_sees_webhooks(
    product: Product, cast: Cast, as_person: Any, api: Any, name: str
) -> None:
    assert as_person(cast[name]).get(PAGE).status_code == 403
    assert api(cast[name]).get(REST).status_code == 403


def test_pages_take_no_more_queries_as_webhooks_and_messages_grow(
    product: Product, olga: Actor, cast: Cast, hook: Webhook, receiver: Receiver,
    as_person: Any, api: Any,
) -> None:  # fmt: skip
    webhooks.ping(hook, actor=olga)
    work()
    olgas, rest = as_person(cast.olga), api(cast.olga)
    paths = [(olgas, PAGE), (olgas, f"{PAGE}{hook.pk}/"), (rest, REST),
             (rest, f"{REST}{hook.pk}/deliveries/")]  # fmt: skip
    before = [queries(client, path) for client, path in paths]
    for n in range(3):
        other, _ = create_webhook(product, WebhookDraft(f"CI {n}", receiver.url), actor=olga)
        webhooks.ping(other, actor=olga)
        webhooks.ping(hook, actor=olga)
    work()
    assert [queries(client, path) for client, path in paths] == before


def test_while_nothing_happens_looking_takes_two_queries(
    product: Product, hook: Webhook, django_assert_num_queries: Any
) -> None:
    webhooks.tell(timezone.now())  # that it was added
    with django_assert_num_queries(2):
        assert webhooks.tell(timezone.now()) == 0
