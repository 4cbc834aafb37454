"""Search over titles, refs, descriptions and comments: the same refs on both databases."""

from __future__ import annotations

import random

import pytest

from backlog.models import Actor, Item, Product, SearchText
from backlog.queries.search import best_of, found_by
from backlog.rules.search import asked_words, matches
from backlog.services.items import ItemDraft, comment, create_items, trash_item, update_item
from backlog.services.search import index_items
from tests.bench.texts import texts
from tests.conftest import Cast

MOST_AT_ONCE = 1_000


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def refs_of(product: Product, query: str) -> list[str]:
    return [item.ref for item in best_of(product, query, limit=50)[0]]


def test_words_and_their_beginnings_find_items_by_any_of_their_texts(
    product: Product, olga_acts: Actor
) -> None:
    items = create_items(
        product,
        [
            ItemDraft(title="The callback executorLost is never called"),
            ItemDraft(title="Cache executors", description="Pulling them from *HDFS* is slow."),
            ItemDraft(title="Café opening hours"),
        ],
        actor=olga_acts,
    )
    comment(items[2], "Ask Zoë about the espresso machine.", actor=olga_acts)
    lost, cached, cafe = (item.ref for item in items)
    assert refs_of(product, "executor") == [cached, lost]
    assert refs_of(product, "executor lost") == [lost]
    assert refs_of(product, "executorlost") == [lost]
    assert refs_of(product, "hdf") == [cached]
    assert refs_of(product, "CAFE") == [cafe]
    assert refs_of(product, "zoe esp") == [cafe]
    assert refs_of(product, "nothing") == []
    assert refs_of(product, "-- !") == []
    assert refs_of(product, cafe.lower())[0] == cafe


def test_titles_come_before_other_texts_and_the_newest_first(
    product: Product, olga_acts: Actor
) -> None:
    first, second, third = create_items(
        product,
        [
            ItemDraft(title="Latency of the worklist"),
            ItemDraft(title="Other", description="latency"),
            ItemDraft(title="Measure latency"),
        ],
        actor=olga_acts,
    )
    assert refs_of(product, "latency") == [third.ref, first.ref, second.ref]


def test_what_is_edited_said_or_thrown_away_is_found_as_it_is_now(
    product: Product, olga_acts: Actor
) -> None:
    (item,) = create_items(product, [ItemDraft(title="Old words")], actor=olga_acts)
    item = update_item(item, actor=olga_acts, title="New words", description="about bananas")
    assert refs_of(product, "old") == []
    assert refs_of(product, "new banana") == [item.ref]
    comment(item, "and pineapples", actor=olga_acts)
    assert refs_of(product, "pineapples") == [item.ref]
    trash_item(item, actor=olga_acts)
    assert refs_of(product, "pineapples") == []


def test_other_products_are_not_searched(
    product: Product, other_product: Product, olga_acts: Actor
) -> None:
    create_items(other_product, [ItemDraft(title="Secret plan")], actor=Actor.system())
    assert refs_of(product, "secret") == []


def test_huge_texts_and_odd_signs_are_taken(product: Product, olga_acts: Actor) -> None:
    words = " ".join(f"word{number}" for number in range(20_000))
    (item,) = create_items(
        product,
        [ItemDraft(title="Huge ' \" \\ & | ! ( ) : * 🎉 مرحبا", description=words[:100_000])],
        actor=olga_acts,
    )
    assert refs_of(product, "word9999") == [item.ref]
    assert refs_of(product, "huge مرحبا") == [item.ref]
    assert refs_of(product, "' \" \\ & | ! huge") == [item.ref]


def test_fifty_queries_over_thousands_of_items_find_what_the_rules_say(
    product: Product, olga_acts: Actor
) -> None:
    _, found_texts = texts()  # 6,372 real ones where they lie beside the project
    drafts = [ItemDraft(title=text.title, description=text.description) for text in found_texts]
    for start in range(0, len(drafts), MOST_AT_ONCE):
        create_items(product, drafts[start : start + MOST_AT_ONCE], actor=olga_acts)
    stored = dict(SearchText.objects.values_list("item_id", "words"))
    dice = random.Random(3)
    vocabulary = sorted({word for words in stored.values() for word in words.split()})
    queries = [dice.choice(vocabulary) for _ in range(20)]
    queries += [word[: dice.randint(1, len(word))] for word in dice.sample(vocabulary, 20)]
    queries += [
        " ".join(dice.sample(stored[pk].split(), 2)) for pk in dice.sample(list(stored), 10)
    ]
    for query in queries:
        asked = asked_words(query)
        expected = {pk for pk, words in stored.items() if matches(asked, words)}
        found = found_by(Item.objects.filter(product=product), query)
        assert set(found.values_list("pk", flat=True)) == expected, query


def test_indexing_takes_few_statements(
    product: Product, olga_acts: Actor, django_assert_max_num_queries: object
) -> None:
    items = create_items(
        product, [ItemDraft(title=f"Item {number}") for number in range(300)], actor=olga_acts
    )
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        index_items([item.pk for item in items])
