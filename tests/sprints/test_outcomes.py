"""What comes of ceremonies: captured, decided on, made into work, and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor, Backlog, Item, Notification, Product
from backlog.services.criteria import change_criteria
from backlog.services.items import ItemDraft, create_item, trash_item, update_item
from backlog.services.teams import create_team
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, Outcome, Participant, Sprint
from sprints.queries.minutes import minutes_of
from sprints.queries.outcomes import last_actions, waiting_insights
from sprints.services import ceremonies, outcomes
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import take_seat
from sprints.services.sprints import create_sprint
from tests.conftest import Cast


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def held(product: Product, kind: str, olga: Actor, *, days_ago: int = 0) -> Ceremony:
    begins = timezone.now() - timedelta(days=days_ago)
    made = schedule(product, CeremonyDraft(kind, begins, 60), actor=olga)
    return ceremonies.open_ceremony(made, actor=olga)


@pytest.fixture
def review(product: Product, olga: Actor) -> Ceremony:
    return held(product, "review", olga)


@pytest.fixture
def dora(review: Ceremony, cast: Cast) -> Participant:
    return take_seat(review, cast.dora)


@pytest.fixture
def said(review: Ceremony, dora: Participant, olga: Actor) -> Outcome:
    draft = OutcomeDraft("insight", "Peak hour begins at 6:30", "metric")
    return add_outcome(review, draft, actor=olga, seat=dora)


@pytest.mark.parametrize(
    "draft",
    [
        OutcomeDraft("insight", "  ", "data"),
        OutcomeDraft("insight", "a"),
        OutcomeDraft("insight", "a", "gossip"),
        OutcomeDraft("insight", "x" * 2001, "data"),
        OutcomeDraft("gossip", "a"),
        OutcomeDraft("decision", "a", due_date=date(2027, 1, 1)),
    ],
)
def test_what_makes_no_sense_is_refused(
    review: Ceremony, dora: Participant, olga: Actor, draft: OutcomeDraft
) -> None:
    with pytest.raises(ValidationError):
        add_outcome(review, draft, actor=olga, seat=dora)


def test_a_sign_that_postgresql_keeps_in_no_text_is_left_out(
    review: Ceremony, dora: Participant, olga: Actor
) -> None:
    said = add_outcome(
        review, OutcomeDraft("insight", "Rush\0 hour", "data"), actor=olga, seat=dora
    )
    assert said.text == "Rush hour"


def test_only_members_own_actions(
    review: Ceremony, dora: Participant, olga: Actor, cast: Cast
) -> None:
    with pytest.raises(ValidationError, match="Only members"):
        add_outcome(review, OutcomeDraft("action", "Count", owner=cast.sam), actor=olga, seat=dora)


def test_an_insight_becomes_an_item_that_says_where_it_comes_from(
    said: Outcome, product: Product, olga: Actor
) -> None:
    item = outcomes.convert_to_item(said, actor=olga)
    assert item.title == "Peak hour begins at 6:30"
    assert "Dora Anyango (Domain expert), Review" in item.description
    assert item.backlog.kind == Backlog.Kind.INBOX
    said.refresh_from_db()
    assert (said.state, said.into, said.item_id) == ("converted", "item", item.pk)
    with pytest.raises(Conflict, match=item.ref):
        outcomes.convert_to_item(said, actor=olga)
    assert Item.objects.filter(product=product).count() == 1


def test_on_top_it_goes_before_all_others(said: Outcome, product: Product, olga: Actor) -> None:
    first = create_item(product, ItemDraft("First"), actor=olga)
    item = outcomes.convert_to_item(said, actor=olga, to_top=True)
    assert item.backlog == first.backlog
    assert list(item.backlog.items.order_by("rank")) == [item, first]


def test_a_long_insight_gets_a_short_title_and_keeps_all_words(
    review: Ceremony, dora: Participant, olga: Actor
) -> None:
    text = "word " * 100
    said = add_outcome(review, OutcomeDraft("insight", text, "idea"), actor=olga, seat=dora)
    item = outcomes.convert_to_item(said, actor=olga)
    assert len(item.title) <= 120
    assert item.title.endswith("word…")
    assert text.strip() in item.description


def test_an_action_becomes_an_item_of_its_owner(
    review: Ceremony, dora: Participant, olga: Actor, cast: Cast
) -> None:
    draft = OutcomeDraft("action", "Count bikes", owner=cast.max, due_date=date(2027, 2, 1))
    said = add_outcome(review, draft, actor=olga, seat=dora)
    item = outcomes.convert_to_item(said, actor=olga)
    assert list(item.assignees.all()) == [cast.max]
    assert item.due_date == date(2027, 2, 1)
    assert Notification.objects.filter(user=cast.max, item=item, kind="assigned").exists()


def test_an_insight_becomes_a_criterion_once(said: Outcome, product: Product, olga: Actor) -> None:
    item = create_item(product, ItemDraft("Lights"), actor=olga)
    changed = outcomes.convert_to_criterion(said, item, actor=olga)
    assert changed.criteria == [{"text": "Peak hour begins at 6:30", "is_met": False}]
    outcomes.take_back_conversion(said, actor=olga)
    item.refresh_from_db()
    assert item.criteria == []


def test_an_insight_proposes_a_word_and_the_next_contests_it(
    said: Outcome, review: Ceremony, dora: Participant, product: Product, olga: Actor
) -> None:
    term = outcomes.convert_to_term(said, "Peak hour", actor=olga)
    assert (term.word, term.definition, term.state) == ("Peak hour", said.text, "proposed")
    said.refresh_from_db()
    assert (said.state, said.into, said.target["words"]) == ("converted", "term", "Peak hour")
    again = add_outcome(
        review, OutcomeDraft("insight", "In the north it is earlier", "data"), actor=olga, seat=dora
    )
    contested = outcomes.convert_to_term(again, "peak HOUR", actor=olga)
    assert (contested.pk, contested.state) == (term.pk, "contested")
    assert contested.talk.get().text == "In the north it is earlier"
    third = add_outcome(review, OutcomeDraft("insight", "By road", "data"), actor=olga, seat=dora)
    outcomes.convert_to_term(third, "peak hour", actor=olga)
    assert [remark.text for remark in contested.talk.all()][-1] == "By road"
    with pytest.raises(Conflict):
        outcomes.convert_to_term(said, "Peak hour", actor=olga)


def test_a_word_that_is_none_leaves_the_insight_waiting(said: Outcome, olga: Actor) -> None:
    with pytest.raises(ValidationError):
        outcomes.convert_to_term(said, "  ", actor=olga)
    said.refresh_from_db()
    assert said.state == "captured"


def test_an_item_of_another_product_gets_no_criterion(
    said: Outcome, other_product: Product, cast: Cast, olga: Actor
) -> None:
    item = create_item(other_product, ItemDraft("Shop"), actor=Actor.person(cast.sam))
    with pytest.raises(DomainError, match="another product"):
        outcomes.convert_to_criterion(said, item, actor=olga)


@pytest.mark.parametrize("text", ["[x]", "- [ ]"])
def test_what_leaves_nothing_to_check_is_no_criterion(
    said: Outcome, product: Product, olga: Actor, text: str
) -> None:
    item = create_item(product, ItemDraft("Lights", criteria=[("First", False)]), actor=olga)
    Outcome.objects.filter(pk=said.pk).update(text=text)
    with pytest.raises(ValidationError, match="nothing to check"):
        outcomes.convert_to_criterion(said, item, actor=olga)
    said.refresh_from_db()
    assert said.state == "captured"


def test_taking_back_puts_the_item_into_the_trash(said: Outcome, olga: Actor) -> None:
    item = outcomes.convert_to_item(said, actor=olga)
    back = outcomes.take_back_conversion(said, actor=olga)
    assert (back.state, back.item, back.converted_at) == ("accepted", None, None)
    item.refresh_from_db()
    assert item.deleted_at is not None


def test_an_item_that_somebody_works_with_is_not_taken_back(said: Outcome, olga: Actor) -> None:
    item = outcomes.convert_to_item(said, actor=olga)
    update_item(item, actor=olga, title="Another title")
    with pytest.raises(Conflict, match=item.ref):
        outcomes.take_back_conversion(said, actor=olga)


def test_a_criterion_that_was_reworded_is_not_taken_back(
    said: Outcome, product: Product, olga: Actor
) -> None:
    item = create_item(product, ItemDraft("Lights"), actor=olga)
    changed = outcomes.convert_to_criterion(said, item, actor=olga)
    was = changed.criteria[0]["text"]
    change_criteria(changed, "edit", actor=olga, was=was, text="Reworded")
    with pytest.raises(Conflict):
        outcomes.take_back_conversion(said, actor=olga)
    said.refresh_from_db()
    assert said.state == "converted"


def test_what_was_declined_has_a_reason_and_can_be_thought_over(said: Outcome, olga: Actor) -> None:
    with pytest.raises(ValidationError):
        outcomes.decline(said, " ", actor=olga)
    assert outcomes.decline(said, "No counters", actor=olga).reason == "No counters"
    assert outcomes.reconsider(said, actor=olga).state == "captured"
    assert outcomes.accept(said, actor=olga).reason == ""


def test_what_became_work_is_neither_changed_nor_removed(said: Outcome, olga: Actor) -> None:
    outcomes.convert_to_item(said, actor=olga)
    for deed in (
        lambda: outcomes.change_outcome(said, actor=olga, text="Else"),
        lambda: outcomes.remove_outcome(said, actor=olga),
        lambda: outcomes.decline(said, "Why", actor=olga),
    ):
        with pytest.raises(Conflict):
            deed()


def test_the_next_planning_shows_first_what_waits(
    product: Product, review: Ceremony, dora: Participant, said: Outcome, olga: Actor
) -> None:
    other = add_outcome(review, OutcomeDraft("insight", "B", "idea"), actor=olga, seat=dora)
    gone = add_outcome(review, OutcomeDraft("insight", "C", "idea"), actor=olga, seat=dora)
    outcomes.convert_to_item(said, actor=olga)
    outcomes.decline(gone, "No", actor=olga)
    assert waiting_insights(product) == [other, said]


def test_actions_of_last_time_come_back_with_their_items(
    product: Product, olga: Actor, cast: Cast, as_person: Any
) -> None:
    last = held(product, "retrospective", olga, days_ago=14)
    seat = take_seat(last, cast.max)
    action = add_outcome(last, OutcomeDraft("action", "Pair more"), actor=olga, seat=seat)
    item = outcomes.convert_to_item(action, actor=olga)
    now = held(product, "retrospective", olga)
    assert last_actions(product, before=now) == [action]
    assert last_actions(product, before=last) == []
    body = as_person(cast.max).get(f"/p/MED/ceremonies/{now.pk}/").content.decode()
    assert "Actions of last time" in body
    assert item.ref in body


def test_older_actions_come_back_until_they_are_decided_and_their_items_done(
    product: Product, olga: Actor, cast: Cast
) -> None:
    older = held(product, "retrospective", olga, days_ago=28)
    items = []
    for text in ("Pair", "Count", "Sweep"):
        action = add_outcome(older, OutcomeDraft("action", text), actor=olga, seat=None)
        items.append(outcomes.convert_to_item(action, actor=olga))
    talk, ask, drop = (
        add_outcome(older, OutcomeDraft("action", text), actor=olga, seat=None)
        for text in ("Talk", "Ask", "Drop")
    )
    outcomes.accept(ask, actor=olga)
    outcomes.decline(drop, "No time", actor=olga)
    trash_item(items[1], actor=olga)
    update_item(items[2], actor=olga, status=product.statuses.filter(category="done").first())
    last = held(product, "retrospective", olga, days_ago=14)
    add_outcome(last, OutcomeDraft("action", "New"), actor=olga, seat=None)
    now = held(product, "retrospective", olga)
    left = ["New", "Pair", "Talk", "Ask"]
    assert [each.text for each in last_actions(product, before=now)] == left
    outcomes.decline(talk, "It is clear by now", actor=olga)
    left.remove("Talk")
    assert [each.text for each in last_actions(product, before=now)] == left


def test_the_minutes_say_how_what_was_said_last_time_stands(
    product: Product, olga: Actor, cast: Cast
) -> None:
    past = held(product, "review", olga, days_ago=15)
    insight = add_outcome(past, OutcomeDraft("insight", "Rain", "data"), actor=olga, seat=None)
    story = create_item(product, ItemDraft("Story"), actor=olga)
    outcomes.convert_to_criterion(insight, story, actor=olga)
    assert f"- Rain (data; became an acceptance criterion of {story.ref})" in minutes_of(past)
    last = held(product, "retrospective", olga, days_ago=14)
    seat = take_seat(last, cast.max)
    for text, owner in (("Pair more", cast.dora), ("Sweep", None)):
        add_outcome(last, OutcomeDraft("action", text, owner=owner), actor=olga, seat=seat)
    assert "- Sweep (no owner; said by Max Berger (Developer))" in minutes_of(last)
    outcomes.accept(last.outcomes.get(text="Sweep"), actor=olga)
    told = minutes_of(held(product, "planning", olga))
    assert f"- Rain (became an acceptance criterion of {story.ref}, {story.status.name})" in told
    actions = "- Pair more (owner: Dora Anyango; waits)\n- Sweep (no owner; accepted)"
    assert f"## Actions of last time\n\n{actions}" in told


def test_each_team_sees_what_it_said_itself_or_all_said(
    product: Product, planned: Sprint, olga: Actor
) -> None:
    lab = create_team(product, "Lab", actor=olga)
    of_lab = create_sprint(lab, actor=olga, starts_on=date(2026, 4, 1), ends_on=date(2026, 4, 10))
    for days_ago, sprint in ((30, None), (20, planned), (10, of_lab)):
        for kind in ("review", "retrospective"):
            past = held(product, kind, olga, days_ago=days_ago)
            Ceremony.objects.filter(pk=past.pk).update(sprint=sprint)
            text = f"{days_ago} days ago"
            add_outcome(past, OutcomeDraft("insight", text, "idea"), actor=olga, seat=None)
            add_outcome(past, OutcomeDraft("action", text), actor=olga, seat=None)
    draft = CeremonyDraft("planning", timezone.now(), 60)

    def seen(sprint: Sprint | None) -> list[str]:
        now = schedule(product, replace(draft, sprint=sprint), actor=olga)
        found = [*waiting_insights(product, before=now), *last_actions(product, before=now)]
        return [outcome.text for outcome in found]

    assert seen(planned) == ["20 days ago", "20 days ago", "30 days ago"]
    assert seen(of_lab) == ["10 days ago", "10 days ago", "30 days ago"]
    assert seen(None) == ["10 days ago", "10 days ago", "20 days ago", "30 days ago"]
