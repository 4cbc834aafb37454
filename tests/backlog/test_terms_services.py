"""Deeds on the glossary: propose, change, agree, contest, talk, import."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from backlog.models import Actor, Product, Term, TermName, TermNews
from backlog.queries.notifications import unread_count
from backlog.queries.term_news import unseen
from backlog.queries.terms import find_by_name, find_term, matcher_of, uses_of, versions_of
from backlog.services.items import ItemDraft, comment, create_item, trash_item
from backlog.services.term_imports import import_terms, plan_import
from backlog.services.term_news import mark_seen
from backlog.services.terms import (
    agree_term,
    contest_term,
    delete_remark,
    delete_term,
    edit_remark,
    propose_term,
    redefine,
    say,
)
from mlscrum.lib.errors import Conflict, Invalid, Refused
from tests.conftest import Cast


@pytest.fixture
def dora(cast: Cast) -> Actor:
    return Actor.person(cast.dora)


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def term(product: Product, dora: Actor) -> Term:
    return propose_term(
        product,
        "peak hour",
        "The busiest hour of a day.",
        actor=dora,
        meanings={"planner": "7 to 8 in the morning"},
        synonyms=["rush hour"],
    )


def kinds(product: Product) -> list[str]:
    found = product.activities.filter(kind__startswith="term.").order_by("seq")
    return list(found.values_list("kind", flat=True))


def test_a_word_is_proposed_with_its_meanings_and_one_activity_row(
    term: Term, product: Product, cast: Cast
) -> None:
    found = find_term(product, term.pk)
    assert (found.word, found.state, found.version) == ("peak hour", "proposed", 1)
    assert found.proposed_by == cast.dora
    assert [name.name for name in found.names.all()] == ["peak hour", "rush hour"]
    assert [(each.trade, each.text) for each in found.meanings.all()] == [
        ("planner", "7 to 8 in the morning")
    ]
    assert kinds(product) == ["term.proposed"]
    assert product.activities.latest("seq").data == {"term": term.pk, "word": "peak hour"}


@pytest.mark.parametrize("name", ["Peak-Hour", "PEAK  HOUR", "Rush Hour", "\uff30eak hour"])
def test_a_name_belongs_to_one_word_however_it_is_written(
    term: Term, product: Product, olga: Actor, name: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        propose_term(product, name, "Another", actor=olga)
    assert refused.value.error_dict["word"][0].code == "taken"
    with pytest.raises(ValidationError) as refused:
        propose_term(product, "load", "Another", actor=olga, synonyms=[name])
    assert "synonyms" in refused.value.error_dict
    assert product.terms.count() == 1
    assert find_by_name(product, name) == term


def test_the_database_holds_that_a_name_belongs_to_one_word(term: Term, product: Product) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TermName.objects.create(term=term, product=product, name="x", folded="rush hour")


def test_another_product_has_words_of_its_own(
    term: Term, other_product: Product, cast: Cast
) -> None:
    propose_term(other_product, "peak hour", "Black Friday", actor=Actor.person(cast.sam))
    assert Term.objects.filter(word="peak hour").count() == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("word", {"word": "  "}),
        ("word", {"word": "x" * 121}),
        ("word", {"word": "\ufdfa" * 100}),  # which folds to eighteen letters each
        ("definition", {"definition": " \n"}),
        ("definition", {"definition": "x" * 4001}),
        ("synonyms", {"synonyms": ["x" * 121]}),
        ("synonyms", {"synonyms": [f"s{number}" for number in range(31)]}),
        ("meanings", {"meanings": {"": "something"}}),
        ("meanings", {"meanings": {"Planner": "a", "planner": "b"}}),
        ("meanings", {"meanings": {"planner": "x" * 2001}}),
    ],
)
def test_what_can_not_be_kept_is_refused_at_its_field(
    product: Product, dora: Actor, field: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        propose_term(product, actor=dora, **{"word": "w", "definition": "d", **wrong})
    assert list(refused.value.error_dict) == [field]
    assert not product.terms.exists()
    assert kinds(product) == []


def test_a_word_that_is_its_own_synonym_has_none(product: Product, dora: Actor) -> None:
    term = propose_term(product, "GPU", "A card", actor=dora, synonyms=["gpu", " ", "card", "Card"])
    assert [name.name for name in term.names.all()] == ["GPU", "card"]


def test_a_word_goes_from_proposed_by_contested_to_agreed(
    term: Term, product: Product, dora: Actor, cast: Cast
) -> None:
    contest_term(term, "Two hours, says the survey.", actor=dora)
    found = find_term(product, term.pk)
    assert (found.state, found.reason) == ("contested", "Two hours, says the survey.")
    assert [remark.text for remark in found.talk.all()] == ["Two hours, says the survey."]
    agree_term(term, actor=Actor.person(cast.max), definition="7 to 9 on working days.")
    found = find_term(product, term.pk)
    assert (found.state, found.reason, found.agreed_by) == ("agreed", "", cast.max)
    assert found.definition == "7 to 9 on working days."
    contest_term(found, "And in the evening?", actor=dora)
    assert find_term(product, term.pk).state == "contested"
    assert kinds(product) == ["term.proposed", "term.contested", "term.agreed", "term.contested"]


def test_old_definitions_stay_readable(term: Term, product: Product, olga: Actor) -> None:
    agree_term(term, actor=olga, definition="7 to 9.")
    redefine(term, actor=olga, synonyms=["rush hour", "busy hour"])
    past = versions_of(find_term(product, term.pk))
    assert [(one.version.number, one.version.deed, one.is_redefined) for one in past] == [
        (3, "changed", False),
        (2, "agreed", True),
        (1, "proposed", True),
    ]
    assert past[-1].version.definition == "The busiest hour of a day."
    data = product.activities.get(kind="term.agreed").data
    assert data["changes"] == [
        {"field": "definition", "before": "The busiest hour of a day.", "after": "7 to 9."}
    ]


def test_what_is_agreed_or_contested_already_is_a_conflict(term: Term, olga: Actor) -> None:
    agree_term(term, actor=olga)
    with pytest.raises(Conflict) as refused:
        agree_term(term, actor=olga)
    assert refused.value.code == "already_agreed"
    contest_term(term, "No.", actor=olga)
    with pytest.raises(Conflict):
        contest_term(term, "No, no.", actor=olga)


def test_a_contest_takes_a_reason(term: Term, olga: Actor) -> None:
    with pytest.raises(ValidationError):
        contest_term(term, "  ", actor=olga)
    with pytest.raises(ValidationError):
        contest_term(term, "x" * 2001, actor=olga)
    with pytest.raises(IntegrityError), transaction.atomic():
        Term.objects.filter(pk=term.pk).update(state="contested", reason="")


def test_who_comes_second_is_told_and_sees_both(term: Term, olga: Actor, dora: Actor) -> None:
    redefine(term, actor=olga, version=1, definition="From Olga")
    with pytest.raises(Conflict) as refused:
        redefine(term, actor=dora, version=1, definition="From Dora", synonyms=["x"])
    assert refused.value.status == 409
    assert refused.value.extra["conflicts"] == [
        {
            "field": "definition",
            "base": "The busiest hour of a day.",
            "theirs": "From Olga",
            "yours": "From Dora",
        }
    ]
    with pytest.raises(Conflict):
        agree_term(term, actor=dora, version=1)
    assert find_term(term.product, term.pk).definition == "From Olga"


def test_who_comes_second_with_another_part_passes(term: Term, olga: Actor, dora: Actor) -> None:
    redefine(term, actor=olga, version=1, definition="From Olga", synonyms=["rush hour"])
    redefine(
        term,
        actor=dora,
        version=1,
        definition="The busiest hour of a day.",  # as Dora's form was shown it
        synonyms=["busy hour"],
    )
    found = find_term(term.product, term.pk)
    assert found.definition == "From Olga"
    assert [name.name for name in found.names.all()] == ["peak hour", "busy hour"]


def test_a_change_that_changes_nothing_leaves_no_trace(
    term: Term, product: Product, olga: Actor
) -> None:
    redefine(term, actor=olga, word=" peak  hour ", synonyms=["rush hour"])
    assert find_term(product, term.pk).version == 1
    assert kinds(product) == ["term.proposed"]


def test_a_deleted_word_leaves_its_meaning_in_the_activity(
    term: Term, product: Product, olga: Actor
) -> None:
    assert product.glossary_stamp
    delete_term(term, actor=olga)
    assert product.activities.get(kind="term.deleted").data["definition"] == term.definition
    assert product.glossary_stamp == ""
    assert matcher_of(product) is None
    with pytest.raises(Conflict):
        redefine(term, actor=olga, definition="x")


def test_people_change_their_own_remarks_alone(term: Term, dora: Actor, olga: Actor) -> None:
    remark = say(term, " In our city it is noon. ", actor=dora)
    assert remark.text == "In our city it is noon."
    edit_remark(remark, "It is noon.", actor=dora)
    with pytest.raises(Refused):
        edit_remark(remark, "Mine", actor=olga)
    with pytest.raises(Refused):
        delete_remark(remark, actor=olga)
    with pytest.raises(ValidationError):
        say(term, "", actor=dora)
    with pytest.raises(ValidationError):
        say(term, "x" * 10_001, actor=dora)
    delete_remark(remark, actor=dora)
    assert not term.talk.exists()
    assert kinds(term.product)[1:] == ["term.said", "term.remark_edited", "term.remark_deleted"]


def test_the_matcher_is_made_anew_when_a_name_changes_and_else_costs_nothing(
    term: Term, product: Product, olga: Actor, django_assert_num_queries: Any
) -> None:
    first = matcher_of(product)
    with django_assert_num_queries(0):
        assert matcher_of(product) is first
    redefine(term, actor=olga, synonyms=["busy time"])
    product.refresh_from_db()
    fresh = matcher_of(product)
    assert fresh is not None
    assert fresh.holds("a busy time")
    assert not fresh.holds("a rush hour")


def test_where_a_word_stands_is_found_in_titles_texts_and_comments(
    term: Term, product: Product, olga: Actor
) -> None:
    titled = create_item(product, ItemDraft("Model the rush hours"), actor=olga)
    described = create_item(product, ItemDraft("b", description="At **peak-hour**."), actor=olga)
    said = create_item(product, ItemDraft("c"), actor=olga)
    comment(said, "Peak hour again", actor=olga)
    create_item(product, ItemDraft("Peak, and an hour later"), actor=olga)
    gone = create_item(product, ItemDraft("Peak hour"), actor=olga)
    trash_item(gone, actor=olga)
    uses = uses_of(find_term(product, term.pk))
    assert {item.ref for item in uses.items} == {titled.ref, described.ref, said.ref}
    assert (uses.total, uses.is_more) == (3, False)


FILE = """word,definition,synonyms,state,meaning:planner,meaning:data scientist
peak hour,7 to 9.,rush hour|busy hour,agreed,,The 95th percentile
recall,"Found of all, in per cent",sensitivity,,,TP / (TP + FN)
"""


def test_a_file_changes_and_adds_words_in_one_deed(
    term: Term, product: Product, olga: Actor
) -> None:
    plan = import_terms(product, FILE, actor=olga)
    assert (plan.new, plan.changed, plan.same) == (1, 1, 0)
    found = find_term(product, term.pk)
    assert (found.state, found.definition, found.version) == ("agreed", "7 to 9.", 2)
    assert {each.trade: each.text for each in found.meanings.all()} == {
        "data scientist": "The 95th percentile"
    }
    recall = find_by_name(product, "sensitivity")
    assert recall is not None
    assert (recall.word, recall.state) == ("recall", "proposed")
    assert kinds(product) == ["term.proposed", "term.imported"]
    again = import_terms(product, FILE, actor=olga)
    assert (again.new, again.changed, again.same) == (0, 0, 2)
    assert kinds(product) == ["term.proposed", "term.imported"]


def test_what_a_file_leaves_out_stays(term: Term, product: Product, olga: Actor) -> None:
    import_terms(product, "Word;Meaning:Operator\nPeak Hour;All day\n", actor=olga)
    found = find_term(product, term.pk)
    assert found.definition == "The busiest hour of a day."
    assert [name.name for name in found.names.all()] == ["Peak Hour", "rush hour"]
    assert {each.trade for each in found.meanings.all()} == {"planner", "Operator"}


def test_a_file_with_a_fault_does_nothing_and_names_each_row(
    term: Term, product: Product, olga: Actor
) -> None:
    text = (
        "word,definition,synonyms,state\n"
        "good,Fine,,\n"
        ",No word,,\n"
        "bare,,,\n"
        "odd,x,,perhaps\n"
        "one,x,same,\n"
        "two,x,Same,\n"
        "rush hour,x,,\n"
    )
    plan = plan_import(product, text)
    assert [(each.row, each.column) for each in plan.problems] == [
        (3, "word"),
        (4, "definition"),
        (5, "state"),
        (7, "synonyms"),
        (8, "word"),
    ]
    with pytest.raises(Invalid):
        import_terms(product, text, actor=olga)
    assert product.terms.count() == 1
    assert kinds(product) == ["term.proposed"]


def test_a_word_taken_back_by_a_file_is_a_fault(term: Term, product: Product, olga: Actor) -> None:
    agree_term(term, actor=olga)
    plan = plan_import(product, "word,state\npeak hour,proposed\n")
    assert [each.message for each in plan.problems] == [
        "The word is agreed; it does not become proposed again."
    ]
    import_terms(product, "word,state\npeak hour,contested\n", actor=olga)
    assert find_term(product, term.pk).talk.count() == 1


def test_two_thousand_words_come_in_at_few_statements(
    product: Product, olga: Actor, django_assert_max_num_queries: Any
) -> None:
    lines = [f"word {number},Number {number}.,syn {number},," for number in range(2000)]
    text = "word,definition,synonyms,state,meaning:planner\n" + "\n".join(lines)
    with django_assert_max_num_queries(120):
        import_terms(product, text, actor=olga)
    assert product.terms.count() == 2000
    changed = text.replace("Number", "Figure")
    with django_assert_max_num_queries(300):
        assert import_terms(product, changed, actor=olga).changed == 2000


@pytest.mark.skipif("connection.vendor == 'sqlite'")
@pytest.mark.django_db(transaction=True)
def test_two_people_who_propose_one_word_at_once_make_one(product: Product, cast: Cast) -> None:
    start, said = threading.Barrier(2), []

    def propose(actor: Actor) -> None:
        start.wait()
        try:
            propose_term(Product.objects.get(pk=product.pk), "recall", "x", actor=actor)
            said.append("made")
        except ValidationError:
            said.append("told")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=propose, args=[Actor.person(person)])
        for person in (cast.olga, cast.dora)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == ["made", "told"]
    assert product.terms.count() == 1


def told_of(cast: Cast, name: str) -> list[str]:
    return [told.words for told in unseen(cast[name])]


def test_who_had_a_hand_in_a_word_is_told_that_it_is_contested(
    term: Term, cast: Cast, dora: Actor, olga: Actor
) -> None:
    redefine(term, actor=Actor.person(cast.max), definition="The hour of most cars.")
    agree_term(term, actor=olga)
    contest_term(term, "Two hours, says the survey.", actor=Actor.person(cast.vera))
    told = "Vera Novak contests what “peak hour” means"
    for name in ("dora", "max", "olga"):
        assert told_of(cast, name) == [told], name
    assert (told_of(cast, "vera"), told_of(cast, "sina"), told_of(cast, "sam")) == ([], [], [])
    assert unread_count(cast.dora) == 1
    assert mark_seen(cast.dora, term) == 1
    assert (told_of(cast, "dora"), unread_count(cast.dora)) == ([], 0)
    agree_term(term, actor=dora)
    assert told_of(cast, "max") == []  # settled: there is nothing to see any more


def test_a_contest_after_another_is_told_once(
    term: Term, cast: Cast, dora: Actor, olga: Actor
) -> None:
    agree_term(term, actor=olga)
    contest_term(term, "Two hours, says the survey.", actor=Actor.person(cast.vera))
    agree_term(term, actor=dora)
    contest_term(term, "Three hours by now.", actor=Actor.person(cast.vera))
    assert told_of(cast, "olga") == ["Vera Novak contests what “peak hour” means"]
    assert (unread_count(cast.olga), unread_count(cast.dora)) == (1, 1)
    agree_term(term, actor=dora)
    contest_term(term, "One hour and a half.", actor=olga)
    assert told_of(cast, "olga") == []  # who contests it now need not be told of an earlier time


def test_who_contests_their_own_word_or_has_left_is_told_nothing(
    product: Product, term: Term, cast: Cast, olga: Actor
) -> None:
    redefine(term, actor=Actor.person(cast.max), definition="The hour of most cars.")
    product.members.filter(user=cast.max).delete()
    contest_term(term, "I was wrong.", actor=olga)
    assert (told_of(cast, "olga"), told_of(cast, "max")) == ([], [])
    assert TermNews.objects.count() == 1  # Dora's


def test_the_page_of_news_names_the_contested_word_until_it_is_opened(
    term: Term, cast: Cast, olga: Actor, as_person: Any
) -> None:
    contest_term(term, "Two hours.", actor=olga)
    client = as_person(cast.dora)
    page = f"/p/MED/glossary/{term.pk}/"
    assert page in client.get("/notifications/").content.decode()
    client.get(page)
    assert page not in client.get("/notifications/").content.decode()
