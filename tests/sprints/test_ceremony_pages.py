"""The pages of ceremonies: members, guests, notes, outcomes, minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_item, trash_item
from backlog.services.terms import propose_term
from mlscrum.lib.errors import Conflict
from sprints.forms.ceremonies import AgendaForm
from sprints.models import (
    Block,
    Ceremony,
    DailyNote,
    GuestLink,
    Outcome,
    Participant,
    Retro,
    RetroCard,
    Sprint,
)
from sprints.queries.minutes import minutes_of
from sprints.services import ceremonies as services
from sprints.services.agendas import points_for
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.notes import HELD_FOR, hold_block
from sprints.services.outcomes import OutcomeDraft, add_outcome, convert_to_item
from sprints.services.poker import start_round
from sprints.services.seats import make_guest_link, revoke_guest_link, take_seat
from sprints.services.sprints import delete_sprint
from tests.conftest import Cast
from tests.sprints.conftest import FIRST

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def review(product: Product, olga: Actor) -> Ceremony:
    made = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    return services.open_ceremony(made, actor=olga)


@pytest.fixture
def block(review: Ceremony) -> Block:
    found = review.blocks.last()
    assert found is not None
    found.ceremony = review
    return found


@pytest.fixture
def page(review: Ceremony) -> str:
    return f"/p/MED/ceremonies/{review.pk}/"


@pytest.fixture
def guest(review: Ceremony, olga: Actor) -> Client:
    """Pia, a city planner, who came by a link."""
    _, secret = make_guest_link(review, actor=olga, trade="City planning")
    client = Client()
    answer = client.post(f"/guest/{secret}/", {"name": "Pia <b>Plan</b>"})
    assert answer.headers["Location"] == f"/p/MED/ceremonies/{review.pk}/"
    return client


def say(client: Client, page: str, **more: Any) -> Any:
    return client.post(
        f"{page}outcomes/",
        {"kind": "insight", "sort": "data", "text": "Peak hour is earlier", **more},
    )


def test_the_page_shows_agenda_people_and_who_is_missing(
    as_person: Any, cast: Cast, page: str
) -> None:
    client = as_person(cast.max)
    client.post(f"{page}presence/", {"deed": "join"})
    body = client.get(page).content.decode()
    assert "What has changed around us?" in body
    assert "Nobody yet as product owner, scrum master, domain expert, stakeholder" in body
    client.post(f"{page}presence/", {"deed": "leave"})
    assert "scrum master, developer, domain expert" in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("kind", "door", "sent"),
    [
        ("review", "outcomes/", {"kind": "insight", "sort": "data", "text": "Peak hour"}),
        ("review", "blocks/{block}/notes/hold/", {}),
        ("daily", "daily/join/", {}),
        ("daily", "daily/note/", {"done": "Sorted the worklist"}),
        ("retrospective", "retro/write/", {"column": "0", "text": "Slow tests"}),
        ("refinement", "poker/vote/", {"card": "5"}),
        ("refinement", "poker/weigh/", {"item": "MED-1", "value": "4"}),
    ],
)
def test_who_speaks_writes_or_votes_is_there(
    as_person: Any, cast: Cast, running: Sprint, olga: Actor, items: list[Item], kind: str,
    door: str, sent: dict[str, str],
) -> None:  # fmt: skip
    draft = CeremonyDraft(kind, timezone.now(), 60, sprint=running)
    held = services.open_ceremony(schedule(running.backlog.product, draft, actor=olga), actor=olga)
    found = start_round(held, items[0], actor=olga) if kind == "refinement" else None
    if found is not None:
        sent = {**sent, "round": str(found.pk)}
    block = held.blocks.last()
    where = door.format(block=block.pk if block else "")
    as_person(cast.max).post(f"/p/MED/ceremonies/{held.pk}/{where}", sent)
    [seat] = held.participants.all()
    assert (seat.user, seat.is_present) == (cast.max, True)
    assert f"{seat.name}, Developer" in minutes_of(held)


def test_the_list_shows_what_runs_and_what_is_next(
    as_person: Any, cast: Cast, product: Product, olga: Actor, review: Ceremony
) -> None:
    begins = timezone.now() + timedelta(days=1)
    schedule(product, CeremonyDraft("daily", begins, 15), actor=olga)
    body = as_person(cast.vera).get("/p/MED/ceremonies/").content.decode()
    assert "Running" in body
    assert "Daily" in body
    assert "New ceremony" not in body


def test_a_form_with_faults_keeps_what_was_typed(
    as_person: Any, cast: Cast, product: Product
) -> None:
    client = as_person(cast.max)
    sent = {"kind": "planning", "title": "Plan it", "starts_at": "never", "minutes": "0"}
    answer = client.post("/p/MED/ceremonies/new/", sent)
    assert answer.status_code == 422
    assert b"Plan it" in answer.content
    sent |= {"starts_at": "2027-01-04T09:00", "minutes": "120", "remind_minutes": ""}
    answer = client.post("/p/MED/ceremonies/new/", sent)
    made = Ceremony.objects.get(title="Plan it")
    assert answer.headers["Location"] == f"/p/MED/ceremonies/{made.pk}/"
    assert made.remind_minutes is None


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"text": "x" * 2001}, "What came up may have 2000 characters; this has 2001."),
        ({"text": ""}, "Say what came up."),
        ({"sort": "guess"}, "Sort: choose from what is offered."),
    ],
)
def test_what_is_wrong_with_an_insight_is_said_in_our_words(
    as_person: Any, cast: Cast, page: str, sent: dict[str, str], told: str
) -> None:
    dora = as_person(cast.dora)
    fields = {"kind": "insight", "sort": "data", "text": "Peak hour is earlier", **sent}
    answer = dora.post(f"{page}outcomes/", fields, **HTMX)
    assert answer.status_code >= 400
    assert told in answer.content.decode()


def test_a_new_ceremony_is_proposed_for_the_running_sprint_in_the_box_of_its_kind(
    as_person: Any, cast: Cast, product: Product, running: Sprint
) -> None:
    client = as_person(cast.max)
    for asked, sprint, minutes in (
        ({}, running, 60),
        ({"kind": "retrospective"}, running, 90),
        ({"kind": "retrospective", "sprint": ""}, None, 90),
        ({"kind": "daily", "sprint": running.pk}, running, 15),
    ):
        initial = client.get("/p/MED/ceremonies/new/", asked).context["form"].initial
        assert (initial["sprint"], initial["minutes"]) == (sprint, minutes)


def test_all_ceremonies_of_a_sprint_are_scheduled_at_once(
    as_person: Any, cast: Cast, planned: Sprint
) -> None:
    client = as_person(cast.olga)
    url = f"/p/MED/sprints/{planned.pk}/ceremonies/"
    shown = client.get(url).context["forms"]
    kinds = [form.initial["kind"] for form in shown]
    assert kinds[0] == "planning"
    assert kinds.count("daily") == 9
    assert [form.initial["minutes"] for form in shown][-2:] == [120, 90]
    sent = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "place": "Room 1",
            "form-0-is_wanted": "on", "form-0-kind": "review", "form-0-minutes": "120",
            "form-0-starts_at": "2026-04-07T13:00", "form-1-kind": "daily",
            "form-1-minutes": "15", "form-1-starts_at": "2026-04-07T09:00"}  # fmt: skip
    assert client.post(url, sent).status_code == 302
    made = Ceremony.objects.get(sprint=planned)
    assert (made.kind, made.place) == ("review", "Room 1")


def test_notes_are_written_without_scripts(
    as_person: Any, cast: Cast, page: str, block: Block
) -> None:
    client, notes = as_person(cast.dora), f"{page}blocks/{block.pk}/notes/"
    editor = client.post(f"{notes}hold/")
    assert b"<textarea" in editor.content
    answer = client.post(f"{notes}write/", {"text": "It **rains**", "base_version": "1"})
    assert answer.headers["Location"] == f"{page}#block-{block.pk}"
    assert b"<strong>rains</strong>" in client.get(page).content


def test_others_see_who_writes_and_wait(
    as_person: Any, cast: Cast, page: str, block: Block
) -> None:
    notes = f"{page}blocks/{block.pk}/notes/"
    as_person(cast.dora).post(f"{notes}hold/", **HTMX)
    seen = as_person(cast.max).get(notes).content.decode()
    assert "Dora Anyango is writing" in seen
    assert "Write notes" not in seen
    refused = as_person(cast.max).post(f"{notes}hold/", **HTMX)
    assert b"is writing" in refused.content
    assert b"<textarea" not in refused.content


def test_a_stale_writer_loses_nothing(as_person: Any, cast: Cast, page: str, block: Block) -> None:
    notes = f"{page}blocks/{block.pk}/notes/"
    as_person(cast.dora).post(f"{notes}write/", {"text": "By Dora", "base_version": "1"})
    answer = as_person(cast.max).post(f"{notes}write/", {"text": "By Max", "base_version": "1"})
    assert answer.status_code == 409
    assert b"By Max" in answer.content
    assert b"By Dora" in answer.content
    kept = as_person(cast.max).post(f"{notes}save/", {"text": "By Max", "base_version": "1"})
    assert kept.status_code == 409
    assert kept.json()["theirs"] == "By Dora"
    again = as_person(cast.max).post(
        f"{notes}write/", {"text": "By Dora\nBy Max", "base_version": "2"}
    )
    assert again.status_code == 302
    block.refresh_from_db()
    assert block.text == "By Dora\nBy Max"


def test_a_megabyte_is_refused_clearly_and_typed_text_stays(
    as_person: Any, cast: Cast, page: str, block: Block
) -> None:
    notes, huge = f"{page}blocks/{block.pk}/notes/", "x" * 1_000_000
    answer = as_person(cast.dora).post(f"{notes}write/", {"text": huge, "base_version": "1"})
    assert answer.status_code == 422
    assert b"Nothing was saved" in answer.content
    assert huge.encode() in answer.content
    saved = as_person(cast.dora).post(f"{notes}save/", {"text": huge, "base_version": "1"})
    assert saved.status_code == 422
    block.refresh_from_db()
    assert block.text == ""


def test_versions_are_shown_and_restored(
    as_person: Any, cast: Cast, page: str, block: Block
) -> None:
    client, notes = as_person(cast.dora), f"{page}blocks/{block.pk}/notes/"
    client.post(f"{notes}write/", {"text": "A long first text", "base_version": "1"})
    client.post(f"{notes}write/", {"text": "Short", "base_version": "2"})
    assert b"A long first text" in client.get(f"{notes}versions/").content
    stale = client.post(f"{notes}versions/", {"version": "2", "base_version": "2"})
    assert b"look again" in stale.content
    client.post(f"{notes}versions/", {"version": "2", "base_version": "3"})
    block.refresh_from_db()
    assert block.text == "A long first text"
    assert block.versions.count() == 3


def test_html_in_names_and_notes_is_text(
    as_person: Any, cast: Cast, page: str, block: Block, guest: Client
) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    notes = f"{page}blocks/{block.pk}/notes/"
    guest.post(f"{notes}write/", {"text": evil, "base_version": "1"})
    say(guest, page, text=evil)
    for url in (page, f"{page}minutes/"):
        body = as_person(cast.max).get(url).content.decode()
        assert "<script>alert" not in body
        assert "<img src=x" not in body
        assert "<b>Plan" not in body


def test_a_guest_contributes_and_sees_this_ceremony_alone(
    guest: Client, page: str, product: Product, olga: Actor, other_product: Product
) -> None:
    item = create_item(product, ItemDraft("Secret plan"), actor=olga)
    assert say(guest, page).status_code == 302
    said = Outcome.objects.get()
    assert said.said_by is not None
    assert said.said_by.trade == "City planning"
    body = guest.get(page).content.decode()
    assert "Peak hour is earlier" in body
    assert "/p/MED/backlog/" not in body
    assert "Secret plan" not in body
    for url in ("/p/MED/backlog/", f"/p/MED/items/{item.ref}/", "/p/MED/ceremonies/"):
        answer = guest.get(url)
        assert answer.status_code in {302, 404}
        assert "sign-in" in answer.headers.get("Location", "sign-in")
    for deed in ("open", "close", "delete", "guests", "edit"):
        assert guest.post(f"{page}{deed}/").status_code in {302, 403, 404}
    assert Ceremony.objects.get().state == Ceremony.State.RUNNING
    assert guest.post(f"{page}outcomes/{said.pk}/item/", {"to": "inbox"}).status_code != 200
    assert not Item.objects.filter(title__startswith="Peak").exists()


def test_a_guest_sees_no_list_of_members_and_gives_nobody_work(
    guest: Client, page: str, cast: Cast, as_person: Any
) -> None:
    shown = guest.get(page).content.decode()
    assert 'name="owner"' not in shown
    assert '<option value="action"' not in shown
    assert 'name="owner"' in as_person(cast.dora).get(page).content.decode()
    for kind in ("action", "decision"):
        assert say(guest, page, kind=kind, owner=str(cast.max.pk)).status_code == 422
    assert not Outcome.objects.exists()
    say(guest, page, owner=str(cast.max.pk))
    said = Outcome.objects.get()
    assert said.owner is None
    edit = f"{page}outcomes/{said.pk}/edit/"
    changed = {"kind": "action", "sort": "risk", "text": "Later", "owner": str(cast.max.pk)}
    assert guest.post(edit, changed).status_code == 302
    said.refresh_from_db()
    assert (said.kind, said.sort, said.text, said.owner) == ("insight", "risk", "Later", None)


def test_words_of_the_glossary_are_explained_to_members_alone(
    guest: Client,
    page: str,
    block: Block,
    product: Product,
    olga: Actor,
    as_person: Any,
    cast: Cast,
) -> None:
    term = propose_term(product, "peak hour", "The busiest hour.", actor=olga)
    dora = as_person(cast.dora)
    say(dora, page, text="The <b> peak hour is later")
    notes = {"text": "Talk of the peak hour", "base_version": "1"}
    assert dora.post(f"{page}blocks/{block.pk}/notes/write/", notes).status_code == 302
    explained = f'data-term="{term.pk}"'
    assert "The &lt;b&gt; <a" in (shown := dora.get(page).content.decode())
    assert shown.count(explained) == 2
    assert dora.get(f"{page}outcomes/", **HTMX).content.decode().count(explained) == 1
    assert explained in dora.get(f"{page}minutes/").content.decode()
    for url in (page, f"{page}minutes/", f"{page}outcomes/"):
        assert "data-term" not in guest.get(url).content.decode()


def test_an_observer_looks_and_says_nothing(review: Ceremony, olga: Actor, page: str) -> None:
    _, secret = make_guest_link(review, actor=olga, is_observer=True)
    client = Client()
    client.post(f"/guest/{secret}/", {"name": "Otto"})
    assert client.get(page).status_code == 200
    assert say(client, page).status_code == 403


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_guest_is_out_once_the_link_has_ended(
    review: Ceremony, guest: Client, page: str, olga: Actor, how: str
) -> None:
    link = GuestLink.objects.get()
    if how == "revoked":
        revoke_guest_link(link, actor=olga)
    else:
        GuestLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = guest.get(page)
    assert answer.status_code == 410
    assert b"Your link into this ceremony has ended" in answer.content
    assert say(guest, page).status_code == 302
    assert guest.get(f"{page}live/").status_code == 410
    assert not Outcome.objects.exists()


def test_a_link_that_has_ended_says_so(review: Ceremony, olga: Actor) -> None:
    link, secret = make_guest_link(review, actor=olga)
    revoke_guest_link(link, actor=olga)
    answer = Client().get(f"/guest/{secret}/")
    assert answer.status_code == 410
    assert b"Ask for a new one" in answer.content
    assert Client().get("/guest/mlg_nothing/").status_code == 410


def test_a_seat_opens_no_other_ceremony(
    product: Product, other_product: Product, cast: Cast, guest: Client, olga: Actor
) -> None:
    other = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    theirs = schedule(
        other_product, CeremonyDraft("review", timezone.now(), 60), actor=Actor.person(cast.sam)
    )
    for url in (f"/p/MED/ceremonies/{other.pk}/", f"/p/SHOP/ceremonies/{theirs.pk}/"):
        assert guest.get(url).headers["Location"].startswith("/sign-in/")


def test_once_it_is_over_guests_look_and_say_nothing(
    review: Ceremony, guest: Client, page: str, olga: Actor
) -> None:
    services.close(review, actor=olga)
    assert guest.get(page).status_code == 200
    assert say(guest, page).status_code == 403


def test_a_guest_without_a_name_is_asked_again(review: Ceremony, olga: Actor) -> None:
    _, secret = make_guest_link(review, actor=olga)
    answer = Client().post(f"/guest/{secret}/", {"name": "  "})
    assert answer.status_code == 422
    assert not Participant.objects.exists()


def test_a_link_is_made_shown_once_and_revoked(as_person: Any, cast: Cast, page: str) -> None:
    client = as_person(cast.max)
    ends = timezone.localtime(timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    answer = client.post(f"{page}guests/", {"trade": "Police", "expires_at": ends})
    assert b"/guest/mlg_" in answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"/guest/mlg_" not in client.get(f"{page}guests/").content
    link = GuestLink.objects.get()
    client.post(f"{page}guests/{link.pk}/revoke/")
    link.refresh_from_db()
    assert not link.is_valid
    far = client.post(f"{page}guests/", {"trade": "", "expires_at": "2099-01-01T00:00"})
    assert far.status_code == 422


def test_an_insight_becomes_an_item_and_back(as_person: Any, cast: Cast, page: str) -> None:
    client = as_person(cast.olga)
    say(as_person(cast.dora), page)
    said = Outcome.objects.get()
    answer = client.post(f"{page}outcomes/{said.pk}/item/", {"to": "top"}, **HTMX)
    item = Item.objects.get(title="Peak hour is earlier")
    assert item.ref in answer.content.decode()
    shown = client.get(f"/p/MED/items/{item.ref}/").content.decode()
    assert f"#outcome-{said.pk}" in shown
    assert "Dora Anyango" in shown
    client.post(f"{page}outcomes/{said.pk}/back/")
    item.refresh_from_db()
    assert item.deleted_at is not None


def test_developers_do_not_put_insights_on_top(as_person: Any, cast: Cast, page: str) -> None:
    say(as_person(cast.dora), page)
    said = Outcome.objects.get()
    client = as_person(cast.max)
    assert client.post(f"{page}outcomes/{said.pk}/item/", {"to": "top"}).status_code == 403
    assert client.post(f"{page}outcomes/{said.pk}/item/", {"to": "inbox"}).status_code == 302


def test_an_insight_becomes_a_criterion_of_an_item(
    as_person: Any, cast: Cast, page: str, product: Product, olga: Actor
) -> None:
    item = create_item(product, ItemDraft("Lights"), actor=olga)
    say(as_person(cast.dora), page)
    said = Outcome.objects.get()
    client = as_person(cast.max)
    client.post(f"{page}outcomes/{said.pk}/criterion/", {"ref": "MED-999"})
    said.refresh_from_db()
    assert said.state == "captured"
    client.post(f"{page}outcomes/{said.pk}/criterion/", {"ref": item.ref.lower()})
    item.refresh_from_db()
    assert item.criteria == [{"text": "Peak hour is earlier", "is_met": False}]


@pytest.mark.parametrize(("letters", "criteria"), [(501, 0), (20, 100)])
def test_what_can_not_be_a_criterion_is_refused_in_words(
    as_person: Any,
    cast: Cast,
    page: str,
    product: Product,
    olga: Actor,
    letters: int,
    criteria: int,
) -> None:
    draft = ItemDraft("Lights", criteria=[(f"Criterion {n}", False) for n in range(criteria)])
    item = create_item(product, draft, actor=olga)
    say(as_person(cast.dora), page, text="x" * letters)
    said = Outcome.objects.get()
    answer = as_person(cast.olga).post(
        f"{page}outcomes/{said.pk}/criterion/", {"ref": item.ref}, **HTMX
    )
    assert 400 <= answer.status_code < 500
    said.refresh_from_db()
    assert said.state == "captured"


def test_a_point_too_many_is_refused_in_words(
    as_person: Any, cast: Cast, page: str, review: Ceremony
) -> None:
    present = review.blocks.count()
    Block.objects.bulk_create(
        Block(ceremony=review, title=f"Point {n}", position=n) for n in range(present, 30)
    )
    answer = as_person(cast.olga).post(f"{page}blocks/", {"title": "One more"}, follow=True)
    assert b"at most 30 points" in answer.content
    assert review.blocks.count() == 30


def test_one_changes_what_one_said_and_not_what_others_did(
    as_person: Any, cast: Cast, page: str
) -> None:
    dora, vera = as_person(cast.dora), as_person(cast.vera)
    say(dora, page)
    said = Outcome.objects.get()
    edit = f"{page}outcomes/{said.pk}/edit/"
    assert vera.get(edit).status_code == 403
    assert dora.post(edit, {"text": "Peak hour is later", "sort": "risk"}).status_code == 302
    said.refresh_from_db()
    assert (said.text, said.sort) == ("Peak hour is later", "risk")
    assert vera.post(f"{page}outcomes/{said.pk}/remove/").status_code == 403
    assert dora.post(f"{page}outcomes/{said.pk}/remove/").status_code == 302
    assert not Outcome.objects.exists()


@pytest.mark.parametrize("kind", ["review", "retrospective"])
def test_what_became_an_item_that_was_trashed_is_taken_back(
    as_person: Any, cast: Cast, product: Product, olga: Actor, kind: str
) -> None:
    made = schedule(product, CeremonyDraft(kind, timezone.now(), 60), actor=olga)
    services.open_ceremony(made, actor=olga)
    client, page = as_person(cast.olga), f"/p/MED/ceremonies/{made.pk}/"
    seen = f"{page}retro/" if kind == "retrospective" else page
    said = add_outcome(made, OutcomeDraft("action", "Pair more"), actor=olga, seat=None)
    trash_item(convert_to_item(said, actor=olga), actor=olga)
    back = f"{page}outcomes/{said.pk}/back/"
    assert f'action="{back}"' in client.get(seen).content.decode()
    assert client.post(back).status_code == 302
    said.refresh_from_db()
    assert (said.state, said.item) == ("accepted", None)


def test_of_two_who_word_it_anew_the_second_is_told(as_person: Any, cast: Cast, page: str) -> None:
    dora, olga = as_person(cast.dora), as_person(cast.olga)
    say(dora, page)
    said = Outcome.objects.get()
    edit = f"{page}outcomes/{said.pk}/edit/"
    assert b'name="base_version" value="1"' in dora.get(edit).content
    sent = {"text": "Peak hour is later", "sort": "risk", "base_version": "1"}
    assert olga.post(edit, {**sent, "text": "Peak hour is at 7"}).status_code == 302
    answer = dora.post(edit, sent)
    assert answer.status_code == 409
    assert b"Somebody has changed this meanwhile" in answer.content
    assert b"Peak hour is later" in answer.content
    said.refresh_from_db()
    assert said.text == "Peak hour is at 7"
    again = answer.context["form"]["base_version"].value()
    assert dora.post(edit, {**sent, "base_version": again}).status_code == 302
    said.refresh_from_db()
    assert said.text == "Peak hour is later"


def test_of_two_who_change_a_ceremony_the_second_is_told(
    as_person: Any, cast: Cast, page: str, review: Ceremony
) -> None:
    client = as_person(cast.olga)
    form = client.get(f"{page}edit/")
    assert f'name="base_version" value="{review.version}"'.encode() in form.content
    sent = {"title": "Late", "starts_at": "2027-01-04T09:00", "minutes": "60",
            "base_version": str(review.version)}  # fmt: skip
    assert client.post(f"{page}edit/", {**sent, "title": "Early"}).status_code == 302
    answer = client.post(f"{page}edit/", sent)
    assert answer.status_code == 409
    assert b'value="Late"' in answer.content
    review.refresh_from_db()
    assert review.title == "Early"
    again = answer.context["form"]["base_version"].value()
    assert client.post(f"{page}edit/", {**sent, "base_version": again}).status_code == 302
    review.refresh_from_db()
    assert review.title == "Late"


def test_declining_asks_for_a_reason(as_person: Any, cast: Cast, page: str) -> None:
    say(as_person(cast.dora), page)
    said = Outcome.objects.get()
    client, decide = as_person(cast.max), f"{page}outcomes/{said.pk}/decide/"
    client.post(decide, {"deed": "decline", "reason": " "})
    said.refresh_from_db()
    assert said.state == "captured"
    client.post(decide, {"deed": "decline", "reason": "No counters there"})
    said.refresh_from_db()
    assert (said.state, said.reason) == ("declined", "No counters there")
    assert b"No counters there" in client.get(page).content


def test_two_who_close_at_once_both_come_to_the_minutes(
    as_person: Any, cast: Cast, page: str
) -> None:
    first, second = as_person(cast.olga), as_person(cast.sina)
    assert first.post(f"{page}close/").status_code == 302
    answer = second.post(f"{page}close/", follow=True)
    assert answer.status_code == 200
    assert b"somebody has closed it" in answer.content


def test_minutes_say_who_was_there_and_what_came_of_it(
    as_person: Any, cast: Cast, page: str, block: Block, guest: Client
) -> None:
    client = as_person(cast.max)
    client.post(f"{page}presence/", {"deed": "join"})
    notes = f"{page}blocks/{block.pk}/notes/"
    client.post(f"{notes}write/", {"text": "# Loud\nRain", "base_version": "1"})
    say(guest, page)
    client.post(
        f"{page}outcomes/",
        {"kind": "action", "text": "Count bikes", "owner": cast.dora.pk, "due_date": "2027-02-01"},
    )
    answer = client.get(f"{page}minutes.md")
    text = answer.content.decode()
    assert answer.headers["Content-Disposition"].endswith('.md"')
    assert text.startswith("# Review\n")
    assert "- Max Berger, Developer" in text
    assert "### Loud" in text
    assert "Peak hour is earlier (data; said by Pia" in text
    said = "said by Max Berger (Developer)"
    assert f"Count bikes (owner: Dora Anyango; due 2027-02-01; {said})" in text
    assert client.get(f"{page}minutes/").status_code == 200
    assert guest.get(f"{page}minutes/").status_code == 200


def test_agendas_of_the_product_are_changed_on_their_tab(
    as_person: Any, cast: Cast, product: Product, olga: Actor
) -> None:
    client = as_person(cast.sina)
    sent = {"kind": "daily", "points": "Blocked? (5)\nAnything else"}
    assert client.post("/p/MED/agendas/", sent).status_code == 302
    made = schedule(product, CeremonyDraft("daily", timezone.now(), 15), actor=olga)
    assert list(made.blocks.values_list("title", "minutes")) == [
        ("Blocked?", 5), ("Anything else", None),
    ]  # fmt: skip
    wrong = client.post("/p/MED/agendas/", {"kind": "daily", "points": "A, showing off"})
    assert wrong.status_code == 422
    assert "“off” is not there to be shown." in wrong.content.decode()
    assert as_person(cast.vera).post("/p/MED/agendas/", sent).status_code == 403


def test_an_agenda_says_in_words_what_its_points_show(
    as_person: Any, cast: Cast, product: Product
) -> None:
    client, page = as_person(cast.sina), "/p/MED/agendas/"
    usual = points_for(product, "review")
    assert "review-done" in {point.slot for point in usual}
    shown = client.get(page).content.decode()
    assert "What was finished (20)" in shown
    assert ("-&gt;" in shown, "review-done" in shown) == (False, False)
    form = AgendaForm("review", {"points": AgendaForm.written(usual)})
    assert form.is_valid()
    assert form.cleaned_data["points"] == usual
    lines = [
        "Our work (5), showing what was finished", "What was finished, showing nothing",
        "The sprint goal", "Demo (x), by Dora",
    ]  # fmt: skip
    client.post(page, {"kind": "review", "points": "\n".join(lines)})
    now = points_for(product, "review")
    assert [(point.title, point.minutes, point.slot) for point in now] == [
        ("Our work", 5, "review-done"), ("What was finished", None, ""),
        ("The sprint goal", None, "review-goal"), ("Demo (x), by Dora", None, ""),
    ]  # fmt: skip
    again = AgendaForm.written(now).split("\n")
    assert again == ["Our work (5), showing What was finished", *lines[1:]]


def test_a_lock_ends_by_itself(block: Block, cast: Cast, review: Ceremony, travel: Any) -> None:
    dora, max_ = (take_seat(review, person) for person in (cast.dora, cast.max))
    travel("2026-04-07 09:00:00+00:00")
    hold_block(block, dora, actor=Actor.person(cast.dora))
    with pytest.raises(Conflict, match="Dora Anyango is writing"):
        hold_block(block, max_, actor=Actor.person(cast.max))
    assert timedelta(seconds=30) == HELD_FOR
    travel("2026-04-07 09:00:31+00:00")
    assert hold_block(block, max_, actor=Actor.person(cast.max)).held_by == max_


def test_what_was_never_opened_is_listed_apart(
    as_person: Any, cast: Cast, product: Product, olga: Actor
) -> None:
    begins = timezone.now() - timedelta(days=3)
    schedule(product, CeremonyDraft("daily", begins, 15, "Forgotten"), actor=olga)
    listed = as_person(cast.max).get("/p/MED/ceremonies/").context["listed"]
    assert [ceremony.title for ceremony in listed.missed] == ["Forgotten"]
    assert list(listed.coming) == []


def test_a_deleted_sprint_takes_its_plans_along_and_leaves_what_was_said(
    product: Product, planned: Sprint, olga: Actor
) -> None:
    drafts = [CeremonyDraft(kind, timezone.now(), 60, sprint=planned)
              for kind in ("planning", "review")]  # fmt: skip
    held, _ = services.schedule_all(product, drafts, actor=olga)
    services.open_ceremony(held, actor=olga)
    delete_sprint(planned, actor=olga)
    left = Ceremony.objects.get()
    assert (left, left.sprint) == (held, None)


def test_a_ceremony_in_which_something_is_written_outlives_its_planned_sprint(
    as_person: Any, cast: Cast, product: Product, planned: Sprint, olga: Actor
) -> None:
    begins = timezone.now() + timedelta(days=1)
    drafts = [CeremonyDraft(kind, begins, 60, sprint=planned)
              for kind in ("planning", "retrospective", "review")]  # fmt: skip
    planning, retro, _ = services.schedule_all(product, drafts, actor=olga)
    planning.blocks.filter(position=0).update(text="We want fewer doses that nobody can read.")
    Retro.objects.create(ceremony=retro)
    RetroCard.objects.create(retro_id=retro.pk, column=0, text="Less noise")
    browser = as_person(cast.olga)
    page = browser.get(f"/p/MED/sprints/{planned.pk}/edit/").content.decode()
    asked = "1 ceremony goes with it; 2 in which something is written stay, without a sprint."
    assert asked in page
    answer = browser.post(f"/p/MED/sprints/{planned.pk}/delete/", follow=True)
    said = answer.content.decode()
    assert "2 ceremonies stay, for something is written in them" in said
    left = Ceremony.objects.order_by("pk")
    assert [(ceremony.pk, ceremony.sprint) for ceremony in left] == [
        (planning.pk, None), (retro.pk, None)
    ]  # fmt: skip


def test_a_planned_sprint_with_notes_of_a_daily_is_cancelled_rather_than_deleted(
    as_person: Any, cast: Cast, planned: Sprint
) -> None:
    DailyNote.objects.create(
        sprint=planned, day=FIRST, user=cast.max, done="Read the scans.",
        written_at=timezone.now(),
    )  # fmt: skip
    browser, url = as_person(cast.olga), f"/p/MED/sprints/{planned.pk}"
    page = browser.get(f"{url}/edit/").content.decode()
    assert f"{url}/cancel/" in page
    assert f"{url}/delete/" not in page
    assert "People wrote for its daily already, so it stays in the past" in page
    sinas = as_person(cast.sina).get(f"{url}/edit/").content.decode()  # she runs sprints
    assert f"{url}/cancel/" not in sinas
    assert f"{url}/delete/" not in sinas
    assert "so it can't be deleted. A product owner can cancel it instead." in sinas
    refused = browser.post(f"{url}/delete/", follow=True).content.decode()
    assert "wrote for the daily of Sprint 1 already" in refused
    assert "cancel it instead" in " ".join(refused.split())
    browser.post(f"{url}/cancel/", {"reason": "Nobody needs it."})
    assert DailyNote.objects.get().done == "Read the scans."


@pytest.mark.parametrize("kind", Ceremony.Kind.values)
def test_whoever_was_never_at_such_a_ceremony_reads_what_it_is(
    product: Product, olga: Actor, cast: Cast, as_person: Any, kind: str
) -> None:
    draft = CeremonyDraft(kind, timezone.now() + timedelta(days=1), 60)
    ceremony = schedule(product, draft, actor=olga)
    _, secret = make_guest_link(ceremony, actor=olga)
    door = Client().get(f"/guest/{secret}/").content.decode()
    assert ceremony.in_plain_words in door
    assert product.name in door
    page = as_person(cast.dora).get(f"/p/MED/ceremonies/{ceremony.pk}/").content.decode()
    assert ceremony.in_plain_words in page
