"""Finding the words of a glossary in texts."""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlog.rules.terms import Matcher, fold, may_become


def found(names: list[str], text: str) -> list[str]:
    """What is found, as it stands in the text."""
    matcher = Matcher({fold(name): key for key, name in enumerate(names)})
    return [text[each.start : each.end] for each in matcher.find(text)]


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (["peak hour"], "At peak hour it is slow.", ["peak hour"]),
        (["peak hour"], "PEAK HOUR, Peak\n  Hour and peak-hour", ["PEAK HOUR", "Peak\n  Hour",
                                                                  "peak-hour"]),
        (["hour", "peak hour"], "the peak hour of an hour", ["peak hour", "hour"]),
        (["peak hour", "hour glass"], "peak hour glass", ["peak hour"]),
        (["peak", "peak hour rate"], "peak hour cost", ["peak"]),
        (["peak hour"], "peak. Hour", []),
        (["peak hour"], "peak - hour", []),
        (["hour"], "hourly, rushhour, hour_of_day, hour2", []),
        (["hour", "box"], "hours and boxes", ["hours", "boxes"]),
        (["peak hour"], "peak hours, peaks hour", ["peak hours"]),
        (["hours", "hour"], "hours", ["hours"]),
        (["a", "it", "clas"], "as its class", []),
        (["Größe"], "GRÖSSE größe Gröszen", ["GRÖSSE", "größe"]),
        (["schön"], "schon scho\u0308n", ["scho\u0308n"]),
        (["Straße"], "Die Straßen der STRASSE", ["STRASSE"]),
        (["C++"], "C or C++", ["C++"]),
        (["F1-score"], "the F1 score", ["F1 score"]),
        (["peak_hour"], "peak_hour is a column", ["peak_hour"]),
        (["город"], "ГОРОД, города", ["ГОРОД"]),
        (["क"], "कि", []),  # the vowel sign belongs to the letter
        (["recall"], "https://recall.example/recall and recall's", ["recall"]),
        (["ﬁt"], "fit", ["fit"]),
        (["交通"], "交通", ["交通"]),
    ],
)  # fmt: skip
def test_whole_words_are_found_the_longest_first(
    names: list[str], text: str, expected: list[str]
) -> None:
    assert found(names, text) == expected


@pytest.mark.parametrize("name", ["", "  ", "-", "\u0308"])
def test_what_has_no_letter_folds_to_little(name: str) -> None:
    assert fold(name) in {"", "-", "\u0308"}
    assert found([], "any text") == []


def test_two_names_of_one_fold_are_one() -> None:
    same = {"Peak  Hour", "peak-hour", "PEAK HOUR", "\uff30eak hour", " peak hour "}
    assert {fold(name) for name in same} == {"peak hour"}
    assert fold("schon") != fold("schön")


def test_each_is_found_once_where_first_is_asked_for() -> None:
    matcher = Matcher({"recall": 1, "true positive rate": 1, "precision": 2})
    seen: set[int] = set()
    first = list(matcher.first_of_each("recall, precision, true positive rate", seen))
    assert [each.key for each in first] == [1, 2]
    assert list(matcher.first_of_each("precision and recall", seen)) == []


@pytest.mark.parametrize(
    ("state", "wanted"),
    list(product(["proposed", "agreed", "contested"], repeat=2)),
)
def test_what_each_state_may_become(state: str, wanted: str) -> None:
    allowed = {("proposed", "agreed"), ("proposed", "contested"),
               ("contested", "agreed"), ("agreed", "contested")}  # fmt: skip
    assert may_become(state, wanted) == ((state, wanted) in allowed)


SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su", "ta", "ve", "xi", "zo")
WORD = st.sampled_from(["a", "b", "ab", "abs", "buses", "bus", "Bus", "x", "ö"])
NAME = st.lists(WORD, min_size=1, max_size=3).map(" ".join)
TEXT = st.lists(st.one_of(WORD, st.sampled_from([".", "-", "+", "\n"])), max_size=30).map(" ".join)


def naive(names: list[str], text: str) -> list[tuple[int, int, str]]:
    """The same by trying each name at each word of the text."""
    tokens = [(match[0].casefold(), *match.span()) for match in re.finditer(r"\w+|\S", text)]
    hits, place = [], 0
    while place < len(tokens):
        fits = [name for name in names if _fits(tokens[place:], name.casefold().split())]
        if not fits:
            place += 1
            continue
        best = max(fits, key=lambda name: (len(name.split()), _is_exact(tokens[place:], name)))
        last = place + len(best.split()) - 1
        hits.append((tokens[place][1], tokens[last][2], fold(best)))
        place = last + 1
    return hits


def _fits(tokens: list[tuple[str, int, int]], words: list[str]) -> bool:
    here = [token for token, _, _ in tokens[: len(words)]]
    if len(here) < len(words) or here[:-1] != words[:-1]:
        return False
    last, wanted = here[-1], words[-1]
    return last == wanted or (
        len(wanted) >= 3
        and (last == wanted + "es" or (last == wanted + "s" and not last.endswith("ss")))
    )


def _is_exact(tokens: list[tuple[str, int, int]], name: str) -> bool:
    words = name.casefold().split()
    return [token for token, _, _ in tokens[: len(words)]] == words


@given(st.lists(NAME, max_size=12), TEXT)
def test_it_finds_what_trying_each_name_finds(names: list[str], text: str) -> None:
    keys = {fold(name): key for key, name in enumerate(names)}
    words = {key: folded for folded, key in keys.items()}
    matcher = Matcher(keys)
    hits = [(each.start, each.end, words[each.key]) for each in matcher.find(text)]
    assert hits == naive(names, text)


@given(st.lists(st.text(max_size=12), max_size=8), st.text(max_size=80))
def test_any_text_is_read_without_a_fault(names: list[str], text: str) -> None:
    folded = {fold(name): key for key, name in enumerate(names) if fold(name)}
    end = 0
    for each in Matcher(folded).find(text):
        assert end <= each.start < each.end <= len(text)
        end = each.end


@given(st.text(max_size=30))
def test_a_name_is_found_whole_in_itself(name: str) -> None:
    hits = [(each.start, each.end) for each in Matcher({fold(name): 7}).find(name) if fold(name)]
    if fold(name) and "://" not in name:
        assert [name[start:end].strip() for start, end in hits] == [name.strip()]


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """How often functions are called meanwhile, Python's own included: the same on any machine."""
    calls: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: calls.update([event]))
    try:
        yield calls
    finally:
        sys.setprofile(None)


def test_two_thousand_words_take_no_more_steps_than_two() -> None:
    text = "the model reads a scan of the lesion at peak hour and stores a verdict " * 100
    steps = []
    for count in (2, 2000):
        matcher = Matcher({f"term{number} of the house": number for number in range(count)})
        with counted_calls() as calls:
            assert not list(matcher.find(text))
        steps.append(sum(calls.values()))
    assert len(text.split()) < max(steps) < 1.05 * min(steps)


def test_names_of_many_alike_words_are_no_trap() -> None:
    names = {" ".join(["a"] * length): length for length in range(1, 60)}
    begun = time.process_time()
    hits = list(Matcher(names).find("a " * 50_000))
    assert time.process_time() - begun < 10
    assert len(hits) == 50_000 // 59 + 1


@pytest.mark.soak
def test_the_figures_of_two_thousand_words(capsys: pytest.CaptureFixture[str]) -> None:
    choice = random.Random(5)
    words = [f"{choice.choice(SYLLABLES)}{choice.choice(SYLLABLES)}" for _ in range(4000)]
    names: dict[str, int] = {}
    while len(names) < 2000:
        names[" ".join(choice.choices(words[:1000], k=choice.randint(1, 4)))] = len(names)
    text = " ".join(choice.choices(words, k=20_000))[:100_000]
    begun = time.perf_counter()
    matcher = Matcher(names)
    made = time.perf_counter()
    hits = len(list(matcher.find(text)))
    done = time.perf_counter()
    with capsys.disabled():
        print(f"\n{len(names):,} words made ready in {1000 * (made - begun):.0f} ms")
        print(f"{hits:,} found in {len(text):,} characters in {1000 * (done - made):.0f} ms")
    assert hits > 1000
    assert done - made < 2
