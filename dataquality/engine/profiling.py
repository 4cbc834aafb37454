"""What a table looks like, and the checks that this suggests, each with the rows it breaks now.

Bounds are robust: quantiles widened by the spread between them, the type by majority, and words
such as `?` and `NA` taken for missing, so that today's dirt does not become the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dataquality.engine.answers import plain
from dataquality.engine.reading import DECIMAL, Table

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
UNIQUE_SHARE = 0.999
NUMERIC = frozenset({"integer", "number"})


@dataclass(frozen=True)
class Profiled:
    """`data` is `{"rows", "columns": [...]}`; suggestions are `{"expectation", "reason",
    "breaks_now"}`, the expectation as a suite holds it, `breaks_now` in rows."""

    data: Mapping[str, Any]
    suggestions: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def profile(table: Table, schema: Sequence[Mapping[str, Any]]) -> Profiled:
    """The profile of a table read by this schema."""
    types = {str(column["name"]): str(column["type"]) for column in schema}
    frame = table.frame
    columns, suggested = [], list(_about_the_table(frame, types))
    for name in frame.columns:
        looked = _Column(frame[name], str(name), types.get(str(name), "text"))
        columns.append(looked.description())
        suggested += looked.suggestions()
    return Profiled({"rows": len(frame), "columns": columns}, suggested)


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


def _about_the_table(frame: pd.DataFrame, types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if types:
        gone = len(set(types) ^ set(map(str, frame.columns)))
        yield _suggestion(
            "table_columns_to_match_set", "The columns are those that were registered.", gone,
            severity="critical", column_set=list(types),
        )  # fmt: skip
    if len(frame) >= 10:
        yield _suggestion(
            "table_row_count_to_be_between",
            "A file with half or twice as many rows is worth a look.",
            0,
            min_value=len(frame) // 2,
            max_value=len(frame) * 2,
        )


class _Column:
    """One column under the eye."""

    def __init__(self, series: pd.Series[Any], name: str, kind: str) -> None:
        self.series, self.name, self.kind = series, name, kind
        self.present: pd.Series[Any] = series.dropna()
        if kind == "integer":  # beside missing ones whole numbers are held as floats
            self.present = self.present.astype("int64")
        self.counts = self.present.value_counts()
        self.null_like: dict[str, int] = {}
        if kind == "text":
            self.null_like = {
                str(word): int(count)
                for word, count in self.counts.items()
                if str(word).strip().lower() in NULL_WORDS
            }
        self.sound = (
            self.present[~self.present.isin(list(self.null_like))]
            if self.null_like
            else self.present
        )

    @property
    def dirt(self) -> int:
        return len(self.present) - len(self.sound)

    def description(self) -> dict[str, Any]:
        """Counts, and what the values look like, by type."""
        described: dict[str, Any] = {
            "name": self.name,
            "type": self.kind,
            "rows": len(self.series),
            "nulls": int(self.series.isna().sum()),
            "distinct": len(self.counts),
            "null_like": self.null_like,
            "reads_as_number": self._reads_as_number(),
        }
        if self.present.empty:
            return described
        if self.kind in NUMERIC:
            described |= self._figures()
        elif self.kind in {"date", "datetime"}:
            described |= {"min": plain(self.present.min()), "max": plain(self.present.max())}
            described["histogram"] = self._months()
        else:
            top = self.counts.head(MOST_COMMON)
            described["top"] = [[_label(value), int(count)] for value, count in top.items()]
        return described

    def suggestions(self) -> Iterator[dict[str, Any]]:
        """Checks worth having, the soundest first."""
        if self.sound.empty:
            return
        yield from self._about_nulls()
        yield from self._about_uniqueness()
        if self.kind in NUMERIC:
            yield from self._about_bounds()
        elif self.kind == "text":
            yield from self._about_texts()

    def _about_nulls(self) -> Iterator[dict[str, Any]]:
        missing = int(self.series.isna().sum())
        share = missing / len(self.series)
        if share > 1 - MAJORITY:
            return  # a column that is often empty is probably meant to be
        mostly = {} if missing == 0 else {"mostly": math.floor(100 * (1 - share)) / 100}
        reason = (
            "No value is missing."
            if missing == 0
            else f"{100 * share:.1f} % are missing today; more would be news."
        )
        yield _suggestion(
            "column_values_to_not_be_null", reason, missing,
            severity="critical", column=self.name, **mostly,
        )  # fmt: skip

    def _about_uniqueness(self) -> Iterator[dict[str, Any]]:
        if self.kind == "number" or len(self.sound) < FEW_VALUES:
            return
        if len(self.counts) / len(self.present) < UNIQUE_SHARE:
            return
        doubled = int(self.present.duplicated(keep=False).sum())
        yield _suggestion(
            "column_values_to_be_unique", "Nearly every value stands once.", doubled,
            severity="critical", column=self.name,
        )  # fmt: skip

    def _about_bounds(self) -> Iterator[dict[str, Any]]:
        if len(self.present) == 1:
            return  # one value has no spread
        if codes := self._codes():
            yield _suggestion(
                "column_values_to_be_in_set",
                f"{len(codes)} numbers make up the column, and none stands between them.",
                int((~self.present.isin(codes)).sum()),
                column=self.name,
                value_set=codes,
            )
            return
        low, high = self._fences()
        breaking = int(((self.present < low) | (self.present > high)).sum())
        yield _suggestion(
            "column_values_to_be_between",
            "From the 1 % to the 99 % quantile, widened by the spread between the quartiles.",
            breaking,
            column=self.name,
            min_value=low,
            max_value=high,
        )

    def _codes(self) -> list[int]:
        """The whole numbers that stand for kinds, such as 2 and 4, where a range would let 3 pass;
        else nothing."""
        common = self.counts[self.counts >= max(2, CATEGORY_SHARE * len(self.present))]
        few = min(FEW_CODES, len(self.present) // ROWS_OF_A_CATEGORY)
        is_few = 1 < len(common) <= few and common.sum() >= MAJORITY * len(self.present)
        if self.kind != "integer" or not is_few:
            return []
        codes = sorted(int(value) for value in common.index)
        return codes if codes[-1] - codes[0] >= len(codes) else []

    def _about_texts(self) -> Iterator[dict[str, Any]]:
        values = self.counts.drop(labels=list(self.null_like))
        # A value that stands for few rows may be a person; a set is of categories alone.
        common = values[values >= max(2, CATEGORY_SHARE * len(self.sound))]
        few = min(FEW_VALUES, len(self.sound) // ROWS_OF_A_CATEGORY)
        if 0 < len(common) <= few and common.sum() >= MAJORITY * len(self.sound):
            breaking = len(self.present) - int(common.sum())
            words = ", ".join(self.null_like)
            reason = f"{len(common)} values make up the column"
            yield _suggestion(
                "column_values_to_be_in_set",
                f"{reason}; {words} looks like a missing value." if words else f"{reason}.",
                breaking,
                column=self.name,
                value_set=sorted(map(_text, common.index), key=_natural),
            )
        elif self._reads_as_number() >= MAJORITY * len(self.present):
            breaking = len(self.present) - self._reads_as_number()
            yield _suggestion(
                "column_values_to_match_regex", "The texts are numbers.", breaking,
                column=self.name, regex=rf"^\s*(?:{DECIMAL.pattern})\s*$",
            )  # fmt: skip

    def _reads_as_number(self) -> int:
        """How many values of a column of texts are numbers."""
        if self.kind != "text" or self.present.empty:
            return 0
        return int(self.present.astype("str").str.strip().str.fullmatch(DECIMAL).sum())

    def _fences(self) -> tuple[Any, Any]:
        """Robust bounds: no narrower than the bulk, no wider than a spread beyond it."""
        low, q1, q3, high = (float(v) for v in self.present.quantile([0.01, 0.25, 0.75, 0.99]))
        spread = q3 - q1
        least, most = float(self.present.min()), float(self.present.max())
        bottom, top = max(least, low - spread), min(most, high + spread)
        if self.kind == "integer":
            return math.floor(bottom), math.ceil(top)
        return float(f"{bottom:.6g}"), float(f"{top:.6g}")

    def _figures(self) -> dict[str, Any]:
        values = self.present.astype("float64")
        bins = min(BINS, max(1, len(self.counts)))
        cut = pd.cut(values, bins=bins, include_lowest=True) if values.nunique() > 1 else None
        histogram = (
            [[_label(plain(values.iloc[0])), len(values)]]
            if cut is None
            else [
                [f"{interval.left:.4g} to {interval.right:.4g}", int(count)]
                for interval, count in _intervals(cut)
            ]
        )
        return {
            "min": plain(self.present.min()),
            "max": plain(self.present.max()),
            "mean": plain(values.mean()),
            "quantiles": {str(q): plain(values.quantile(q)) for q in QUANTILES},
            "histogram": histogram,
        }

    def _months(self) -> list[list[Any]]:
        months = self.present.dt.to_period("M").value_counts().sort_index()
        return [[str(month), int(count)] for month, count in months.tail(BINS * 2).items()]


def _intervals(cut: pd.Series[Any]) -> list[tuple[Any, int]]:
    return [(interval, int(count)) for interval, count in cut.value_counts(sort=False).items()]


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
