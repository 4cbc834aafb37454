"""Texts as words that can be found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlog.rules.search import asked_words, indexed_words, matches, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Report executor terminations.", ["report", "executor", "terminations"]),
        ("executorLost is never called", ["executor", "lost", "is", "never", "called"]),
        ("HTTPServer", ["http", "server"]),
        ("MED-12", ["med", "12"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("Café Ångström", ["cafe", "angstrom"]),
        ("Straße", ["strasse"]),
        ("ﬁne", ["fine"]),
        ("v2beta3", ["v2beta3"]),
        ("データ 欠損", ["テータ", "欠損"]),
        ("", []),
        ("--- !!", []),
    ],
)
def test_a_text_is_split_into_folded_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_what_a_change_of_case_joins_is_found_whole_and_in_parts() -> None:
    stored = indexed_words(["The callback executorLost"])
    assert stored.split() == ["the", "callback", "executor", "lost", "executorlost"]
    for query in ("executor", "lost", "executorLost", "executorlost", "exec", "callback lo"):
        assert matches(asked_words(query), stored), query
    assert not matches(asked_words("cutor"), stored)


@given(st.lists(st.text(max_size=60), max_size=4), st.data())
def test_any_words_of_a_text_and_their_beginnings_find_it(
    texts: list[str], data: st.DataObject
) -> None:
    stored = indexed_words(texts)
    known = [word for text in texts for word in words(text)]
    assert " ".join(stored.split()) == stored
    if not known:
        return
    word = data.draw(st.sampled_from(known))
    beginning = word[: data.draw(st.integers(1, len(word)))]
    assert matches([beginning], stored)
