"""What a table looks like, and the checks that this suggests, each with the rows it breaks now.

Bounds are robust: quantiles widened by the spread between them, the type by majority, and words
such as `?` and `NA` taken for missing, so that today's dirt does not become the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dataquality.engine.answers import plain
from dataquality.engine.figures import NUMERIC, Figures, FrameFigures
from dataquality.engine.reading import DECIMAL, Table
from dataquality.engine.spreads import spread_of

NULL_WORDS = frozenset({"?", "-", "--", "na", "n/a", "nan", "null", "none", "missing", "unknown",
                        "#n/a", "."})  # fmt: skip
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 20
MOST_COMMON = 12
FEW_VALUES = 20
CATEGORY_SHARE = 0.005  # of the rows, and never fewer than two
ROWS_OF_A_CATEGORY = 5  # on average
FEW_CODES = 3
MAJORITY = 0.9
SET_SHARE = 0.97  # of the values; a set that more of them break is no rule of today
OFTEN_THERE = 0.5
UNIQUE_SHARE = 0.999
MOST_LOOKED_AT = 200  # values; more than make up half a percent each there can't be
FENCE = 3.0
MOST_GAPPY, MOST_PATTERNS = 40, 12


@dataclass(frozen=True)
class Profiled:
    """`data` is `{"rows", "columns": [...]}`, each column with the type and the words for missing
    that it was read by; suggestions are `{"expectation", "reason",
    "breaks_now"}`, the expectation as a suite holds it, `breaks_now` in rows."""

    data: Mapping[str, Any]
    suggestions: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def profile(of: Figures | Table, schema: Sequence[Mapping[str, Any]]) -> Profiled:
    """The profile of rows read by this schema, of which a database counts its own."""
    types = {str(column["name"]): str(column["type"]) for column in schema}
    words = {str(column["name"]): list(column.get("null_words", ())) for column in schema}
    figures = FrameFigures(of.frame, types) if isinstance(of, Table) else of
    columns: list[dict[str, Any]] = []
    suggested = list(_about_the_table(figures, types))
    for name in figures.kinds:
        looked = _Column(figures, name)
        columns.append(looked.description() | {"null_words": words.get(name, [])})
        suggested += looked.suggestions()
    return Profiled(
        {
            "rows": figures.rows,
            "columns": columns,
            "missing_together": _missing_together(figures, columns),
        },
        suggested,
    )


def _missing_together(
    figures: Figures, columns: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Which columns miss a value in the same rows; of very many those that miss most."""
    gappy = sorted((c for c in columns if c["nulls"]), key=lambda c: -int(c["nulls"]))
    names = {str(column["name"]) for column in gappy[:MOST_GAPPY]}
    asked = [str(column["name"]) for column in columns if column["name"] in names]
    found = figures.missing_together(asked, MOST_PATTERNS)
    return [{"columns": list(together), "rows": rows} for together, rows in found]


def _suggestion(
    kind: str, reason: str, breaks_now: int, *, severity: str = "warning", **kwargs: Any
) -> dict[str, Any]:
    return {
        "expectation": {
            "type": f"expect_{kind}", "kwargs": kwargs, "severity": severity,
            "meta": {"suggested": True},
        },
        "reason": reason,
        "breaks_now": breaks_now,
    }  # fmt: skip


def _about_the_table(figures: Figures, types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if types:
        gone = len(set(types) ^ set(figures.kinds))
        yield _suggestion(
            "table_columns_to_match_set", "The columns are those that were registered.", gone,
            severity="critical", column_set=list(types),
        )  # fmt: skip
    if figures.rows >= 10:
        yield _suggestion(
            "table_row_count_to_be_between",
            "A file with half or twice as many rows is worth a look.",
            0,
            min_value=figures.rows // 2,
            max_value=figures.rows * 2,
        )


class _Column:
    """One column under the eye."""

    def __init__(self, figures: Figures, name: str) -> None:
        self.figures, self.name, self.kind = figures, name, figures.kinds[name]
        self.summary = figures.summary(name)
        self.values = self.summary.values
        self.common = figures.most_common(name, MOST_LOOKED_AT) if self.values else []
        self.null_like: dict[str, int] = {}
        if self.kind == "text" and self.values:
            self.null_like = figures.words_for_missing(name, NULL_WORDS)

    @property
    def sound(self) -> int:
        """How many values are no words for missing."""
        return self.values - sum(self.null_like.values())

    def description(self) -> dict[str, Any]:
        """Counts, and what the values look like, by type."""
        described: dict[str, Any] = {
            "name": self.name,
            "type": self.kind,
            "rows": self.figures.rows,
            "nulls": self.figures.rows - self.values,
            "distinct": self.summary.distinct,
            "null_like": self.null_like,
            "reads_as_number": self._numbers,
        }
        if not self.values:
            return described
        if self.kind in NUMERIC:
            described |= self._figures()
        elif self.kind in {"date", "datetime"}:
            described |= {"min": plain(self.summary.low), "max": plain(self.summary.high)}
            months = self.figures.months(self.name)[-BINS * 2 :]
            described["histogram"] = [[month, count] for month, count in months]
        else:
            top = self.common[:MOST_COMMON]
            described["top"] = [[_label(value), count] for value, count in top]
        if spread := spread_of(self.figures, self.name):
            described["spread"] = spread
        return described

    def suggestions(self) -> Iterator[dict[str, Any]]:
        """Checks worth having, the soundest first."""
        if not self.sound:
            return
        yield from self._about_nulls()
        yield from self._about_uniqueness()
        if self.kind in NUMERIC:
            yield from self._about_bounds()
        elif self.kind == "text":
            yield from self._about_texts()

    def _about_nulls(self) -> Iterator[dict[str, Any]]:
        missing = self.figures.rows - self.values
        share = missing / self.figures.rows
        if share > 1 - OFTEN_THERE:
            return  # a column that is mostly empty is probably meant to be
        mostly = {} if missing == 0 else {"mostly": math.floor(100 * (1 - share)) / 100}
        reason = (
            "No value is missing."
            if missing == 0
            else f"{100 * share:.1f} % are missing today; more would be news."
        )
        yield _suggestion(
            "column_values_to_not_be_null", reason, missing,
            severity="critical" if share <= 1 - MAJORITY else "warning", column=self.name, **mostly,
        )  # fmt: skip

    def _about_uniqueness(self) -> Iterator[dict[str, Any]]:
        if self.kind == "number" or self.sound < FEW_VALUES:
            return
        if self.summary.distinct / self.values < UNIQUE_SHARE:
            return
        doubled = self.figures.repeated(self.name)
        yield _suggestion(
            "column_values_to_be_unique", "Nearly every value stands once.", doubled,
            severity="critical", column=self.name,
        )  # fmt: skip

    def _about_bounds(self) -> Iterator[dict[str, Any]]:
        if self.values == 1:
            return  # one value has no spread
        if codes := self._codes():
            held = sum(count for value, count in self.common if value in codes)
            yield _suggestion(
                "column_values_to_be_in_set",
                f"{len(codes)} numbers make up the column, and none stands between them.",
                self.values - held,
                column=self.name,
                value_set=codes,
            )
            return
        bounds = self._fences()
        if bounds is None:
            return
        low, high = bounds
        yield _suggestion(
            "column_values_to_be_between",
            "From the 1 % to the 99 % quantile, widened by the spread between the quartiles.",
            sum(self.figures.beyond(self.name, low, high)),
            column=self.name,
            min_value=low,
            max_value=high,
        )

    def _codes(self) -> list[int]:
        """The whole numbers that stand for kinds, such as 2 and 4, where a range would let 3 pass;
        else nothing."""
        least = max(2, CATEGORY_SHARE * self.values)
        common = {value: count for value, count in self.common if count >= least}
        few = min(FEW_CODES, self.values // ROWS_OF_A_CATEGORY)
        is_few = 1 < len(common) <= few and sum(common.values()) >= SET_SHARE * self.values
        if self.kind != "integer" or not is_few:
            return []
        codes = sorted(int(value) for value in common)
        return codes if codes[-1] - codes[0] >= len(codes) else []

    def _about_texts(self) -> Iterator[dict[str, Any]]:
        # A value that stands for few rows may be a person; a set is of categories alone.
        least = max(2, CATEGORY_SHARE * self.sound)
        common = {
            str(value): count
            for value, count in self.common
            if count >= least and value not in self.null_like
        }
        held = sum(common.values())
        few = min(FEW_VALUES, self.sound // ROWS_OF_A_CATEGORY)
        if 0 < len(common) <= few and held >= SET_SHARE * self.sound:
            words = ", ".join(self.null_like)
            reason = f"{len(common)} values make up the column"
            yield _suggestion(
                "column_values_to_be_in_set",
                f"{reason}; {words} looks like a missing value." if words else f"{reason}.",
                self.values - held,
                column=self.name,
                value_set=sorted(map(_text, common), key=_natural),
            )
        elif self._numbers >= MAJORITY * self.values:
            yield _suggestion(
                "column_values_to_match_regex", "The texts are numbers.",
                self.values - self._numbers, column=self.name,
                regex=rf"^\s*(?:{DECIMAL.pattern})\s*$",
            )  # fmt: skip

    @cached_property
    def _numbers(self) -> int:
        """How many values of a column of texts are numbers."""
        return self.figures.numbers(self.name) if self.kind == "text" and self.values else 0

    @cached_property
    def _quantiles(self) -> dict[float, float]:
        found = self.figures.quantiles(self.name, QUANTILES)
        return dict(zip(QUANTILES, found, strict=True))

    def _fences(self) -> tuple[Any, Any] | None:
        """Robust bounds: no narrower than the bulk, no wider than a spread beyond it; None where
        infinite numbers leave none."""
        low, q1, q3, high = (self._quantiles[share] for share in (0.01, 0.25, 0.75, 0.99))
        spread = q3 - q1
        least, most = float(self.summary.low), float(self.summary.high)
        bottom, top = max(least, low - spread), min(most, high + spread)
        if not (math.isfinite(bottom) and math.isfinite(top)):
            return None
        if self.kind == "integer":
            return math.floor(bottom), math.ceil(top)
        return float(f"{bottom:.6g}"), float(f"{top:.6g}")

    def _figures(self) -> dict[str, Any]:
        described = {
            "min": plain(self.summary.low),
            "max": plain(self.summary.high),
            "mean": plain(self.summary.mean),
            "quantiles": {str(share): plain(one) for share, one in self._quantiles.items()},
        }
        least, most = float(self.summary.low), float(self.summary.high)
        if not (math.isfinite(least) and math.isfinite(most)):
            return described
        return described | self._histogram(least, most) | self._outliers()

    def _histogram(self, least: float, most: float) -> dict[str, Any]:
        """Counts in bins of one width; a value on an edge is in the bin below it."""
        bins = min(BINS, max(1, self.summary.distinct)) if most > least else 1
        edges = [least + (most - least) * place / bins for place in range(bins)] + [most]
        if bins == 1:
            return {"histogram": [[_label(self.summary.low), self.values]],
                    "histogram_edges": [least, most]}  # fmt: skip
        totals = [*self.figures.up_to(self.name, edges[1:-1]), self.values]
        counts = [total - before for before, total in zip([0, *totals], totals, strict=False)]
        sides = zip(edges, edges[1:], counts, strict=False)
        return {
            "histogram": [[f"{left:.4g} to {right:.4g}", count] for left, right, count in sides],
            "histogram_edges": edges,
        }

    def _outliers(self) -> dict[str, Any]:
        """Values beyond Tukey's far fences, three spreads of the quartiles from them; nothing
        where half of the values are the same, for then there is no spread."""
        q1, q3 = self._quantiles[0.25], self._quantiles[0.75]
        if q1 == q3:
            return {}
        low, high = q1 - FENCE * (q3 - q1), q3 + FENCE * (q3 - q1)
        below, above = self.figures.beyond(self.name, low, high)
        found = {"low": plain(low), "high": plain(high), "below": below, "above": above}
        return {"outliers": found}


def _label(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _text(value: Any) -> str:
    return str(plain(value))


def _natural(text: str) -> tuple[int, float, str]:
    """Numbers in their order, before words."""
    try:
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)
