"""The engine: what is read, what is refused, what a run says, what is kept."""

import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlog.rules.severity import priority, score
from dataquality.engine import conditions, profiling, reading, redact, running, suites
from dataquality.engine.redact import Policy
from dataquality.engine.sources import Source
from dataquality.forms.datasets import POLICIES
from dataquality.models import SamplePolicy
from dataquality.rules import health
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import check, parquet


def write(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def table_of(**columns: list[Any]) -> reading.Table:
    return reading.Table(pd.DataFrame(columns))


# Reading -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n1,2\n", "no_header"),
        (b"a,,c\n1,2,3\n", "no_header"),
        (b"a,b\n1,2\n1,2,3\n", "ragged"),
        (b"a,b\n1,2\n1\n", "ragged"),
        (b"a,a\n1,2\n", "duplicate_columns"),
        ("a,b\nGr\u00fcn,1\n".encode("latin-1"), "encoding"),
        ((",".join(f"c{n}" for n in range(2001)) + "\n").encode(), "too_many_columns"),
    ],
)
def test_a_bad_csv_is_refused_with_a_code(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        reading.inspect(write(tmp_path, content), "csv")
    assert refused.value.code == code


def test_a_ragged_file_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="Line 3 has 3 fields and the header has 2"):
        reading.inspect(write(tmp_path, "a,b\n1,2\n1,2,3\n"), "csv")


@pytest.mark.parametrize(
    ("name", "file_format", "code"),
    [("x.parquet", "parquet", "not_parquet"), ("x.jsonl", "jsonl", "not_jsonl")],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, file_format: str, code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        reading.inspect(write(tmp_path, "surely,not\n", name), file_format)
    assert refused.value.code == code


def test_types_are_those_of_all_values(tmp_path: Path) -> None:
    found = reading.inspect(
        write(tmp_path, "i,n,d,b,t,code\n1,1.5,2024-01-31,true,x,007\n2,,2024-02-01,false,1,008\n"),
        "csv",
    )
    assert [column.type for column in found.columns] == [
        "integer", "number", "date", "boolean", "text", "text",
    ]  # fmt: skip


def test_two_hundred_columns_are_read(tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(200))
    found = reading.inspect(write(tmp_path, f"{header}\n{','.join(['1'] * 200)}\n"), "csv")
    assert (len(found.columns), found.rows) == (200, 1)


@pytest.mark.parametrize(("name", "file_format"), [("x.parquet", "parquet"), ("x.jsonl", "jsonl")])
def test_other_formats_are_read_as_csv_is(tmp_path: Path, name: str, file_format: str) -> None:
    frame = pd.DataFrame({"age": [1, 2, 3], "word": ["a", None, "c"]})
    path = tmp_path / name
    if file_format == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True)
    found = reading.inspect(path, file_format)
    assert [(column.name, column.type) for column in found.columns] == [
        ("age", "integer"),
        ("word", "text"),
    ]
    read = reading.read(path, file_format, [column.as_dict() for column in found.columns])
    assert read.frame["word"].isna().tolist() == [False, True, False]


def test_text_stays_text_in_a_later_version(tmp_path: Path) -> None:
    schema = [{"name": "nuclei", "type": "text", "null_words": []}]
    table = reading.read(write(tmp_path, "nuclei\n1\n10\n"), "csv", schema)
    assert table.frame["nuclei"].tolist() == ["1", "10"]


def test_null_words_are_read_as_missing(tmp_path: Path) -> None:
    schema = [{"name": "nuclei", "type": "integer", "null_words": ["?"]}]
    table = reading.read(write(tmp_path, "nuclei\n1\n?\n"), "csv", schema)
    assert table.frame["nuclei"].isna().tolist() == [False, True]


def test_values_that_do_not_fit_are_counted_and_never_named(tmp_path: Path) -> None:
    schema = [{"name": "age", "type": "integer", "null_words": []}]
    with pytest.raises(DomainError) as refused:
        reading.read(write(tmp_path, "age\n1\nMeyer\n"), "csv", schema)
    assert refused.value.code == "does_not_fit"
    assert "1 values of age" in refused.value.message
    assert "Meyer" not in refused.value.message


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["2024-01-31", "9999-12-31"], "text"),
        (["0001-01-01"], "text"),
        (["2024-02-30"], "text"),
        (["2024-01-31T12:00", "9999-12-31T00:00"], "text"),
        (["2024-01-31", "2024-02-29"], "date"),
        (["123456789012345678"], "integer"),
        (["123456789012345678901"], "text"),
        (["1.5", "12345678901234567"], "text"),
    ],
)
@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_only_what_can_be_held_gets_a_type(
    tmp_path: Path, words: list[str], kind: str, file_format: str
) -> None:
    lines = words if file_format == "csv" else [json.dumps({"x": word}) for word in words]
    header = "x\n" if file_format == "csv" else ""
    path = write(tmp_path, header + "\n".join(lines) + "\n", f"x.{file_format}")
    schema = [column.as_dict() for column in reading.inspect(path, file_format).columns]
    assert schema[0]["type"] == kind
    table = reading.read(path, file_format, schema)
    assert profiling.profile(table, schema).data["rows"] == len(words)


@pytest.mark.parametrize("year", [1, 9999])
def test_times_of_parquet_out_of_reach_are_texts(tmp_path: Path, year: int) -> None:
    path = tmp_path / "x.parquet"
    times = pd.Series([datetime(year, 1, 1), None]).astype("datetime64[us]")  # noqa: DTZ001
    pd.DataFrame({"at": times}).to_parquet(path)
    assert [column.type for column in reading.inspect(path, "parquet").columns] == ["text"]
    as_time = [{"name": "at", "type": "datetime", "null_words": []}]
    with pytest.raises(DomainError) as refused:
        reading.read(path, "parquet", as_time)
    assert refused.value.code == "does_not_fit"
    table = reading.read(path, "parquet", [{**as_time[0], "type": "text"}])
    assert table.frame["at"].tolist()[0].startswith(f"{year:04}-01-01")


def test_a_later_date_out_of_reach_does_not_fit(tmp_path: Path) -> None:
    schema = [{"name": "x", "type": "date", "null_words": []}]
    for word in ("9999-12-31", "2024-02-30"):
        with pytest.raises(DomainError) as refused:
            reading.read(write(tmp_path, f"x\n2024-01-31\n{word}\n"), "csv", schema)
        assert refused.value.code == "does_not_fit"
        assert word not in refused.value.message


LONG_IDS = [123456789012345678, None, 123456789012345679]


@pytest.mark.parametrize("file_format", ["csv", "parquet", "jsonl"])
def test_long_numbers_beside_missing_ones_stay_exact(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / f"x.{file_format}"
    if file_format == "parquet":
        pq.write_table(pa.table({"id": pa.array(LONG_IDS, pa.int64()), "n": [1, 2, 3]}), path)
    elif file_format == "jsonl":
        rows = [json.dumps({"id": id_, "n": n}) for n, id_ in enumerate(LONG_IDS, start=1)]
        write(tmp_path, "\n".join(rows), path.name)
    else:
        write(tmp_path, "id,n\n" + "".join(f"{id_ or ''},1\n" for id_ in LONG_IDS), path.name)
    schema = [column.as_dict() for column in reading.inspect(path, file_format).columns]
    assert schema[0]["type"] == "integer"
    table = reading.read(path, file_format, schema)
    unique, few, bounds = running.run_suite(
        table,
        [
            check("column_values_to_be_unique", column="id"),
            check("column_values_to_be_in_set", column="id", value_set=[LONG_IDS[0]]),
        ],
        key_columns=["id"],
    )
    assert (unique.outcome, few.outcome, bounds.outcome) == ("passed", "failed", "passed")
    assert few.sample == [{"row": 3, "id": LONG_IDS[2]}]


@pytest.mark.parametrize(
    "content",
    [
        "1,2,3\n4,5,6\n",
        "P001,Meyer,45\nP002,Kuhn,33\n",
        "P001,Meyer\nP002,Kuhn\n",
        "day,2024-01-31\nmon,2024-02-01\n",
        "1,2\n",
    ],
)
def test_a_first_line_that_is_data_is_refused_and_not_quoted(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    for look in (lambda: reading.inspect(path, "csv"), lambda: reading.measure(path, "csv", [])):
        with pytest.raises(DomainError) as refused:
            look()
        assert refused.value.code == "no_header"
        assert "P001" not in refused.value.message


@pytest.mark.parametrize(
    "content", ["q1,q2\n3,4\n", "q1,q2\n", "city\nrome\n", "x,2020_sales\n1,2\n", "P1\nP2\nQ3\n"]
)
def test_a_header_may_hold_digits(tmp_path: Path, content: str) -> None:
    assert reading.inspect(write(tmp_path, content), "csv").columns


def test_names_that_the_schema_knows_need_no_second_look(tmp_path: Path) -> None:
    schema = [{"name": "2020", "type": "integer", "null_words": []}]
    assert reading.measure(write(tmp_path, "2020\n1\n"), "csv", schema).rows == 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"x": ' + "[" * 100_000, "not_jsonl"),
        ('{"x": ' + "[" * 5_000 + "]" * 5_000 + "}", "not_jsonl"),
        ('{"x": ' + "9" * 5_000 + "}", "not_jsonl"),
        (r'{"x": "\ud800"}', "not_jsonl"),
        (r'{"\u0000": 1}', "bad_name"),
        (r'{"\ud800": 1}', "not_jsonl"),
    ],
)
def test_odd_json_lines_are_refused(tmp_path: Path, line: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        reading.inspect(write(tmp_path, line + "\n", "x.jsonl"), "jsonl")
    assert refused.value.code == code


def test_nul_in_a_name_is_refused_and_in_a_value_left_out(tmp_path: Path) -> None:
    with pytest.raises(DomainError) as refused:
        reading.inspect(write(tmp_path, "a\0,b\n1,2\n"), "csv")
    assert refused.value.code == "bad_name"
    assert running.plain({"x": ["a\0b"]}) == {"x": ["ab"]}


def compares(column: str, sign: str, parameter: Any) -> dict[str, Any]:
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": sign,
        "parameter": parameter,
    }


# Suites --------------------------------------------------------------------------------------
SCHEMA = [
    {"name": "age", "type": "integer", "null_words": []},
    {"name": "name", "type": "text", "null_words": []},
]


@pytest.mark.parametrize(
    ("expectation", "pointer", "code"),
    [
        (check("nonsense", column="age"), "/type", "unknown_type"),
        (check("column_values_to_be_unique", column="no"), "/kwargs/column", "unknown_column"),
        (check("column_values_to_be_unique"), "/kwargs/column", "required"),
        (check("column_values_to_be_unique", column="age", x=1), "/kwargs/x", "unknown_kwarg"),
        (
            check("column_values_to_match_regex", column="name", regex="("),
            "/kwargs/regex",
            "bad_regex",
        ),
        (
            check("column_values_to_be_between", column="age", min_value=9, max_value=1),
            "/kwargs/min_value",
            "min_above_max",
        ),
        (check("column_values_to_be_between", column="age"), "/kwargs/min_value", "no_bound"),
        (
            check("column_values_to_be_between", column="age", min_value="x"),
            "/kwargs/min_value",
            "bad_bound",
        ),
        (
            check("column_values_to_be_in_set", column="age", value_set=[]),
            "/kwargs/value_set",
            "empty_list",
        ),
        (
            check("column_values_to_not_be_null", column="age", mostly=2),
            "/kwargs/mostly",
            "bad_value",
        ),
        (check("column_values_to_be_unique", "loud", column="age"), "/severity", "bad_severity"),
        (check("table_row_count_to_equal_other_table", other_table_name="t"), "/type", "sql_only"),
        (
            check("column_values_to_be_unique", column="age", row_condition="age > 3"),
            "/kwargs/row_condition",
            "string_condition",
        ),
    ],
)
def test_everything_wrong_is_said_before_a_suite_is_saved(
    expectation: Any, pointer: str, code: str
) -> None:
    found = suites.problems([expectation], SCHEMA)
    assert [(error.pointer, error.code) for error in found] == [(f"/expectations/0{pointer}", code)]


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "comparison", "column": "age", "operator": ">", "parameter": 1},
        {"type": "comparison", "column": {"name": ["age"]}, "operator": ">", "parameter": 1},
        {"type": "comparison", "column": {"name": "gone"}, "operator": ">", "parameter": 1},
        {"type": "comparison", "column": {"name": "age"}, "operator": "NOT IN", "parameter": [1]},
        {"type": "comparison", "column": {"name": "age"}, "operator": [], "parameter": 1},
        {"type": "comparison", "column": {"name": "age"}, "operator": ">"},
        {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": [1]},
        {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": "x"},
        {"type": "comparison", "column": {"name": "age"}, "operator": "IN", "parameter": 1},
        {"type": "comparison", "column": {"name": "age"}, "operator": "IN", "parameter": [[1]]},
        {"type": "comparison", "column": {"name": "name"}, "operator": "==", "parameter": 1},
        {**compares("age", ">", 1), "also": 1},
        {"type": "nullity", "column": {"name": "age"}},
        {"type": [], "column": {"name": "age"}},
        {"type": "and", "conditions": []},
        {"type": "pass_through", "pass_through_filter": "age > 1"},
    ],
)
def test_a_condition_that_can_not_be_judged_is_refused_and_yet_has_words(condition: Any) -> None:
    bad = check("column_values_to_be_unique", column="age", row_condition=condition)
    found = suites.problems([bad], SCHEMA)
    assert [error.pointer for error in found] == ["/expectations/0/kwargs/row_condition"]
    assert suites.words(bad).startswith("Unique, where ")


def test_conditions_are_nested_ten_deep_at_most() -> None:
    condition: dict[str, Any] = compares("age", ">", 1)
    for _ in range(10):
        condition = {"type": "and", "conditions": [condition]}
    deep = check("column_values_to_be_unique", column="age", row_condition=condition)
    assert [error.code for error in suites.problems([deep], SCHEMA)] == ["bad_condition"]


PARTS_OF_CONDITIONS = ("type", "conditions", "column", "name", "operator", "parameter", "is_null")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(PARTS_OF_CONDITIONS, inner),
        )
    ),
    max_leaves=8,
)  # fmt: skip
TYPES = st.sampled_from([
    "expect_column_values_to_be_between", "expect_column_values_to_be_in_set",
    "expect_column_values_to_match_regex", "expect_compound_columns_to_be_unique",
    "expect_column_quantile_values_to_be_between", "expect_column_values_to_be_of_type",
])  # fmt: skip
NAMES = ("column", "column_list", "min_value", "max_value", "mostly", "value_set", "regex",
         "row_condition", "condition_parser", "quantile_ranges", "type_")  # fmt: skip
KWARGS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))
EXPECTATION = st.fixed_dictionaries(
    {"type": TYPES | JSON},
    optional={"kwargs": KWARGS | JSON, "severity": JSON, "meta": JSON, "also": JSON},
)


@settings(max_examples=300)
@given(st.lists(EXPECTATION | JSON, max_size=3) | JSON)
def test_whatever_json_is_sent_as_a_suite_it_is_judged(sent: Any) -> None:
    if not suites.problems(sent, SCHEMA):
        for expectation in suites.tidy(sent):
            assert suites.words(expectation)
            assert suites.check_of(expectation)


@pytest.mark.parametrize(
    ("expectation", "pointer"),
    [
        (check("column_values_to_be_between", column="name", min_value=3), "min_value"),
        (check("column_mean_to_be_between", column="name", min_value=3), "column"),
        (check("column_values_to_be_of_type", column="name", type_=[1]), "type_"),
        (check("column_values_to_match_json_schema", column="name", json_schema=1), "json_schema"),
        (check("column_values_to_match_regex", column="name", regex="a{99999999999}"), "regex"),
        (check("column_values_to_match_regex", column="name", regex="(" * 20_000), "regex"),
    ],
)
def test_what_great_expectations_could_not_do_is_refused(expectation: Any, pointer: str) -> None:
    found = suites.problems([expectation], SCHEMA)
    assert [error.pointer for error in found] == [f"/expectations/0/kwargs/{pointer}"]


def test_an_empty_suite_is_refused() -> None:
    assert [error.code for error in suites.problems([], SCHEMA)] == ["empty_suite"]


def test_a_structured_condition_passes_and_narrows_the_rows() -> None:
    condition = {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": 50}
    adults = check("column_values_to_not_be_null", column="name", row_condition=condition)
    assert suites.problems([adults], SCHEMA) == []
    found = running.run_suite(table_of(age=[20, 60, 70], name=[None, "b", None]), [adults])
    assert (found[0].element_count, found[0].unexpected_count) == (2, 1)


def test_a_threshold_is_no_part_of_the_identity() -> None:
    one = check("column_values_to_be_in_set", column="age", value_set=[1], mostly=0.9)
    other = check("column_values_to_be_in_set", "warning", column="age", value_set=[2])
    assert suites.check_of(one) == suites.check_of(other)
    assert suites.twins([one, other]) == [[0, 1]]
    apart = {**other, "meta": {"check_key": "second"}}
    assert suites.twins([one, apart]) == []


def test_twins_are_kept_apart_one_by_one() -> None:
    bounds = [1, 2, 3]
    alike = [check("column_max_to_be_between", column="age", max_value=top) for top in bounds]
    others = [check("column_values_to_not_be_null", column="age")]
    once = suites.kept_apart([*alike, *others], 0)
    assert suites.twins(once) == [[1, 2]]
    twice = suites.kept_apart(once, 2)
    assert suites.twins(twice) == []
    assert [made["meta"].get("check_key") for made in twice] == [
        "critical", None, "critical 2", None
    ]  # fmt: skip
    assert [made["kwargs"] for made in twice] == [made["kwargs"] for made in [*alike, *others]]


# Running -------------------------------------------------------------------------------------
def medical_table(*, rows: int = 1000) -> reading.Table:
    """EVIDENCE 1: 87 of 1,000 ages are missing, 4 of the 913 others are out of bounds."""
    dice = random.Random(1)
    ages: list[float | None] = [dice.randint(20, 90) for _ in range(rows)]
    for place in range(87):
        ages[place] = None
    for place in range(100, 104):
        ages[place] = 999
    systolic = [120 + place % 9 for place in range(rows)]
    return table_of(age=ages, systolic=systolic)


MEDICAL = [
    check("column_values_to_not_be_null", column="age", mostly=0.98),
    check("column_values_to_be_between", "warning", column="age", min_value=0, max_value=120),
    check("column_mean_to_be_between", "info", column="systolic", min_value=110, max_value=140),
    check("column_values_to_match_regex", column="case_no", regex="^[A-Z]{2}"),
]


def test_the_medical_example_comes_out() -> None:
    missing, bounds, mean, gone, guard = running.run_suite(medical_table(), MEDICAL)
    assert missing.unexpected_percent == pytest.approx(8.7)
    assert missing.excess == pytest.approx(6.7)
    assert priority(score("critical", missing.excess)) == "P1"  # type: ignore[arg-type]
    assert bounds.unexpected_count == 4
    assert bounds.unexpected_percent == pytest.approx(0.438, abs=0.001)
    assert priority(score("warning", bounds.excess)) == "P4"  # type: ignore[arg-type]
    assert (mean.outcome, gone.outcome, guard.outcome) == ("passed", "errored", "passed")
    assert gone.error_code == "missing_column"
    found = [(result.outcome, result.severity) for result in (missing, bounds, mean, gone)]
    stands = health.statistics(found)
    assert round(stands.health or 0) == 17
    assert (stands.passed + stands.failed, stands.total) == (3, 4)


def test_an_empty_table_is_vacuous_but_for_the_guard() -> None:
    found = running.run_suite(table_of(age=[], systolic=[]), MEDICAL[:3])
    assert [result.outcome for result in found] == ["vacuous", "vacuous", "vacuous", "failed"]


def test_a_column_of_nothing_is_vacuous_for_its_values_and_fails_for_its_nulls() -> None:
    found = running.run_suite(
        table_of(age=pd.Series([None, None], dtype="float64").tolist(), x=[1, 2]),
        [MEDICAL[0], MEDICAL[1]],
    )
    assert [result.outcome for result in found[:2]] == ["failed", "vacuous"]


def test_bounds_of_dates_may_be_days() -> None:
    table = reading.Table(pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-03-01"])}))
    found = running.run_suite(
        table, [check("column_values_to_be_between", column="at", min_value="2024-02-01")]
    )
    assert (found[0].outcome, found[0].unexpected_count) == ("failed", 1)


def test_excess_of_a_figure_is_its_distance_from_the_nearest_bound() -> None:
    far = check("column_mean_to_be_between", column="x", min_value=10, max_value=20)
    found = running.run_suite(table_of(x=[30.0, 30.0]), [far])
    assert found[0].excess == pytest.approx(50.0)  # 10 beyond 20, over max(|20|, 10)


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
@pytest.mark.parametrize(
    ("figure", "bounds", "outcome"),
    [
        ("max", {"max_value": 10}, "failed"),
        ("max", {"min_value": 10}, "passed"),
        ("min", {"min_value": 0}, "failed"),
        ("mean", {"max_value": 10}, "failed"),
        ("sum", {"max_value": 10}, "failed"),
    ],
)
def test_a_figure_that_is_no_finite_number_says_so(
    tmp_path: Path, engine: str, figure: str, bounds: dict[str, Any], outcome: str
) -> None:
    endless = float("-inf" if figure == "min" else "inf")
    parquet(tmp_path, x=[float("nan"), endless, 1.0])
    source = Source(
        "path", str(tmp_path / "x.parquet"), [{"name": "x", "type": "number"}],
        {"format": "parquet"},
    )  # fmt: skip
    rows = source if engine == "duckdb" else reading.Table(pd.read_parquet(tmp_path / "x.parquet"))
    checks = [
        check(f"column_{figure}_to_be_between", column="x", **bounds),
        check("column_values_to_be_between", column="x", min_value=0, max_value=10),
    ]
    told, rows_that_fail, _ = running.run_suite(rows, checks)
    assert (told.outcome, told.observed_value) == (outcome, None)
    assert told.message == "What comes out is no finite number, so none is shown."
    name = "-Infinity" if figure == "min" else "Infinity"
    assert (rows_that_fail.sample, rows_that_fail.message) == ([{"row": 2, "x": name}], "")


def test_progress_is_told_and_ends_at_the_total() -> None:
    told: list[tuple[int, int]] = []
    many = [check("column_values_to_be_unique", column="age")] * 20
    running.run_suite(
        medical_table(), many, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (21, 21)
    assert len(told) > 1


def test_a_string_condition_that_slipped_in_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    evil = check(
        "column_values_to_not_be_null",
        column="age",
        row_condition=f"@pd.io.common.os.system('touch {marker}') == 0",
        condition_parser="pandas",
    )
    assert suites.problems([evil], SCHEMA)
    found = running.run_suite(table_of(age=[1, None]), [evil])
    assert [(result.outcome, result.error_code) for result in found] == [
        ("errored", "bad_condition"),
        ("passed", ""),
    ]
    assert not marker.exists()


ADULTS = compares("age", ">", 50)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (compares("age", ">", 50), [1, 2]),
        (compares("age", "<=", 60), [0, 1]),
        (compares("age", "==", 60), [1]),
        (compares("age", "!=", 60), [0, 2, 3]),
        (compares("age", "IN", [20, 70]), [0, 2]),
        (compares("age", "NOT_IN", [20, 70]), [1, 3]),
        (compares("word", "==", "`"), [2]),
        (compares("at", ">=", "2024-02-01"), [1, 2]),
        ({"type": "nullity", "column": {"name": "age"}, "is_null": True}, [3]),
        ({"type": "nullity", "column": {"name": "age"}, "is_null": False}, [0, 1, 2]),
        ({"type": "and", "conditions": [ADULTS, compares("word", "!=", "b")]}, [2]),
        (
            {
                "type": "or",
                "conditions": [
                    {"type": "and", "conditions": [ADULTS, compares("word", "==", "b")]},
                    compares("age", "<", 30),
                ],
            },
            [0, 1],
        ),
    ],
)
def test_a_condition_chooses_rows(condition: Any, rows: list[int]) -> None:
    frame = pd.DataFrame({
        "age": [20, 60, 70, None],
        "word": ["a", "b", "`", "d"],
        "at": pd.to_datetime(pd.Series(["2024-01-01", "2024-02-01", "2024-03-01", None])),
    })  # fmt: skip
    schema = [
        {"name": "age", "type": "integer"},
        {"name": "word", "type": "text"},
        {"name": "at", "type": "date"},
    ]
    conditional = check("column_values_to_not_be_null", column="word", row_condition=condition)
    assert suites.problems([conditional], schema) == []
    assert list(conditions.rows(frame, condition).index) == rows


def test_rows_of_a_condition_keep_their_numbers() -> None:
    adults = check("column_values_to_be_in_set", column="name", value_set=["b"])
    adults["kwargs"]["row_condition"] = ADULTS
    found = running.run_suite(table_of(age=[20, 60, 70], name=["x", "b", "y"]), [adults])
    assert found[0].sample == [{"row": 3, "name": "y"}]


@pytest.mark.parametrize(
    "expectation",
    [
        check("column_mean_to_be_between", column="age", min_value=0),
        check("column_max_to_be_between", column="age", min_value=0),
        check("column_unique_value_count_to_be_between", column="age", min_value=1),
        check("column_distinct_values_to_be_in_set", column="age", value_set=[1]),
        check("column_values_to_be_in_set", column="age", value_set=[1]),
        check("column_values_to_be_unique", column="age"),
        check("column_pair_values_to_be_equal", column_A="age", column_B="name"),
    ],
)
def test_a_check_whose_condition_matches_no_row_is_vacuous(expectation: Any) -> None:
    nobody = {**expectation["kwargs"], "row_condition": compares("age", ">", 200)}
    found = running.run_suite(
        table_of(age=[20, 60], name=["a", "b"]), [{**expectation, "kwargs": nobody}]
    )
    assert [result.outcome for result in found] == ["vacuous", "passed"]


def test_a_check_whose_rows_hold_no_value_is_vacuous() -> None:
    mean = check("column_mean_to_be_between", column="x", min_value=0, row_condition=ADULTS)
    found = running.run_suite(table_of(age=[20, 60], x=[1.0, None]), [mean])
    assert found[0].outcome == "vacuous"


def test_a_condition_that_can_not_be_judged_is_errored_and_quotes_nothing() -> None:
    for condition, code in (
        (compares("age", ">", "Meyer"), "bad_condition"),
        (compares("gone", ">", 1), "missing_column"),
        ({"type": "comparison", "column": "age"}, "bad_condition"),
    ):
        bad = check("column_values_to_not_be_null", column="age", row_condition=condition)
        found = running.run_suite(table_of(age=[20, 60]), [bad])
        assert (found[0].outcome, found[0].error_code) == ("errored", code)
        assert "Meyer" not in found[0].message


def test_a_bound_that_is_no_date_is_errored() -> None:
    table = reading.Table(pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-03-01"])}))
    bad = check("column_values_to_be_in_set", column="at", value_set=["Meyer"])
    good = check("column_values_to_not_be_null", column="at")
    found = running.run_suite(table, [bad, good])
    assert [result.outcome for result in found] == ["errored", "passed", "passed"]


# Redaction -----------------------------------------------------------------------------------
CANARY = "Canary Meyer"


def results_with_canary(policy: Policy) -> str:
    table = table_of(id=["k1", "k2", "k3"], name=[CANARY, "b", "c"])
    suite = [
        check("column_values_to_be_in_set", column="name", value_set=["b", "c"]),
        check("column_distinct_values_to_be_in_set", column="name", value_set=["b", "c"]),
        check("column_max_to_be_between", column="name", max_value="B"),
        check("column_mean_to_be_between", column="name", min_value=0),
    ]
    found = running.run_suite(table, suite, key_columns=["id"])
    return repr(redact.results(found, policy))


@pytest.mark.parametrize(
    ("sample", "masked", "sees_name", "sees_key"),
    [
        ("none", (), False, False),
        ("keys", (), False, True),
        ("values", (), True, True),
        ("values", ("name",), False, True),
    ],
)
def test_values_of_rows_are_kept_as_the_policy_says(
    sample: str, masked: tuple[str, ...], *, sees_name: bool, sees_key: bool
) -> None:
    policy = Policy(sample, personal_data=True, key_columns=("id",), masked_columns=masked)
    kept = results_with_canary(policy)
    assert (CANARY in kept) is sees_name
    assert ("'k1'" in kept) is sees_key


@pytest.mark.parametrize("name", ["last, first", "plain", "a,b"])
def test_a_masked_column_keeps_no_observed_value_whatever_it_is_called(name: str) -> None:
    table = table_of(**{name: [CANARY, "b"], "c": ["x", "y"]})
    suite = [
        check("column_max_to_be_between", column=name, max_value="B"),
        check("column_pair_values_to_be_equal", column_A="c", column_B=name),
    ]
    policy = Policy("values", personal_data=True, masked_columns=(name,))
    assert CANARY not in repr(redact.results(running.run_suite(table, suite), policy))


@pytest.mark.parametrize(
    ("expectation", "title"),
    [
        (
            check("column_values_to_be_in_set", column="name", value_set=["b", CANARY]),
            "1 value of name is outside the set of 2 values",
        ),
        (
            check("column_values_to_not_be_in_set", column="name", value_set=["b"]),
            "1 value of name is within a set of 1 value that must not occur",
        ),
        (
            check(
                "column_values_to_not_be_null",
                column="c",
                row_condition=compares("name", "==", CANARY),
            ),
            "c is missing in 100 % of rows (limit 0 %), where a condition holds",
        ),
    ],
)
def test_a_title_holds_no_value(expectation: Any, title: str) -> None:
    table = table_of(name=[CANARY, "b", "x"], c=[None, "y", "z"])
    found = running.run_suite(table, [expectation])
    assert found[0].title == title


@pytest.mark.parametrize("personal", [True, False])
def test_the_choice_of_counts_says_which_profiles_hold_values(personal: bool) -> None:
    promised = str(dict(POLICIES)[SamplePolicy.NONE])
    assert "where the data is personal, results and profile hold none either" in promised
    assert Policy("none", personal_data=personal).keeps_values is not personal


def test_a_profile_of_personal_data_keeps_nothing_but_counts() -> None:
    frame = pd.DataFrame({"name": [CANARY] * 30, "age": list(range(30))})
    schema = [{"name": "name", "type": "text"}, {"name": "age", "type": "integer"}]
    found = profiling.profile(reading.Table(frame), schema)
    assert CANARY in repr(found)
    safe = redact.profile(found, Policy("none", personal_data=True))
    assert CANARY not in repr(safe)
    assert "max" not in safe.data["columns"][1]
    assert safe.data["columns"][1]["distinct"] == 30


def test_passwords_in_addresses_are_scrubbed() -> None:
    assert redact.text("at postgres://me:secret@db/x") == "at postgres://***@db/x"


# Profiling -----------------------------------------------------------------------------------
def test_todays_dirt_does_not_become_the_rule(tmp_path: Path) -> None:
    rows = [f"{n},{'?' if n < 16 else n % 10 + 1},{n % 7}" for n in range(699)]
    path = write(tmp_path, "id,bare_nuclei,other\n" + "\n".join(rows) + "\n")
    schema = [column.as_dict() for column in reading.inspect(path, "csv").columns]
    found = profiling.profile(reading.read(path, "csv", schema), schema)
    nuclei = next(c for c in found.data["columns"] if c["name"] == "bare_nuclei")
    assert (nuclei["type"], nuclei["null_like"]) == ("text", {"?": 16})
    suggested = next(
        s
        for s in found.suggestions
        if s["expectation"]["type"] == "expect_column_values_to_be_in_set"
    )
    assert suggested["expectation"]["kwargs"]["value_set"] == [str(n) for n in range(1, 11)]
    assert suggested["breaks_now"] == 16
    assert len(found.suggestions) >= 8
    assert suites.problems([s["expectation"] for s in found.suggestions], schema) == []


def test_bounds_are_robust_against_a_few_outliers() -> None:
    frame = pd.DataFrame({"age": [*([30, 40, 50, 60] * 250), 999, 999, 999, 999]})
    found = profiling.profile(reading.Table(frame), [{"name": "age", "type": "integer"}])
    bounds = next(
        s
        for s in found.suggestions
        if s["expectation"]["type"] == "expect_column_values_to_be_between"
    )
    assert bounds["breaks_now"] == 4
    assert bounds["expectation"]["kwargs"]["max_value"] < 999


@pytest.mark.parametrize("rows", [10, 30, 190, 1000])
@pytest.mark.parametrize("visits", [1, 2])
def test_names_of_people_are_never_suggested_as_a_set(rows: int, visits: int) -> None:
    names = [f"Anna Meyer{number // visits}" for number in range(min(rows, 20 * visits))]
    names += ["Max"] * (rows - len(names))
    found = profiling.profile(
        table_of(name=names), [{"name": "name", "type": "text", "null_words": []}]
    )
    sets = [s["expectation"]["kwargs"].get("value_set") for s in found.suggestions]
    assert "Anna Meyer" not in repr(sets)


def suggested_for(values: list[Any]) -> dict[str, dict[str, Any]]:
    """The suggestions about a column x of whole numbers, kwargs by type."""
    found = profiling.profile(table_of(x=values), [{"name": "x", "type": "integer"}])
    return {
        str(one["expectation"]["type"]): one["expectation"]["kwargs"] for one in found.suggestions
    }


def test_numbers_that_stand_for_kinds_are_suggested_as_a_set() -> None:
    found = suggested_for([2, 4, 4, 2, 2, 4] * 10 + [3])
    assert found["expect_column_values_to_be_in_set"]["value_set"] == [2, 4]
    assert "expect_column_values_to_be_between" not in found


@pytest.mark.parametrize("values", [[1, 2, 3] * 10, list(range(0, 90, 3))])
def test_other_whole_numbers_are_suggested_as_a_range(values: list[int]) -> None:
    found = suggested_for(values)
    assert "expect_column_values_to_be_between" in found
    assert "expect_column_values_to_be_in_set" not in found


def test_a_set_that_many_rows_break_is_no_rule() -> None:
    """Losses: none for most, and many amounts of which some are frequent."""
    losses = [0] * 940 + [1902, 1977] * 10 + list(range(200, 240))
    found = suggested_for(losses)
    assert "expect_column_values_to_be_in_set" not in found
    assert "expect_column_values_to_be_between" in found


@pytest.mark.parametrize(
    ("missing", "mostly", "severity"),
    [(0, None, "critical"), (5, 0.95, "critical"), (20, 0.8, "warning"), (60, None, None)],
)
def test_gaps_of_today_are_allowed_and_more_would_be_news(
    missing: int, mostly: float | None, severity: str | None
) -> None:
    frame = pd.DataFrame({"x": [None] * missing + list(range(100 - missing))}, dtype="Int64")
    found = profiling.profile(reading.Table(frame), [{"name": "x", "type": "integer"}])
    kind = "expect_column_values_to_not_be_null"
    told = [s["expectation"] for s in found.suggestions if s["expectation"]["type"] == kind]
    assert [one["severity"] for one in told] == ([severity] if severity else [])
    assert [one["kwargs"].get("mostly") for one in told] == ([mostly] if severity else [])


def test_one_row_suggests_no_bounds() -> None:
    assert "expect_column_values_to_be_between" not in suggested_for([7])


def test_categories_of_a_small_table_are_suggested() -> None:
    found = profiling.profile(
        table_of(clinic=["North", "Hill"] * 10), [{"name": "clinic", "type": "text"}]
    )
    sets = [s["expectation"]["kwargs"].get("value_set") for s in found.suggestions]
    assert ["Hill", "North"] in sets


# What a suite or a file must not cost ------------------------------------------------------
@pytest.mark.parametrize(
    "regex", ["(?=a)^(a+)+$", r"(a)\1", "(?<!x)a", "a{99999999999}", "(" * 20_000 + ")" * 20_000]
)
def test_a_regex_that_could_run_for_hours_is_refused(regex: str) -> None:
    suite = [check("column_values_to_match_regex", column="name", regex=regex)]
    (problem,) = suites.problems(suite, [{"name": "name", "type": "text"}])
    assert problem.code == "bad_regex"


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"$ref": "http://127.0.0.1:9/x"}, "$ref"),
        ({"properties": {"a": [{"$ref": "file:///etc/passwd"}]}}, "$ref"),
        ({"$dynamicRef": "other.json#x"}, "$dynamicRef"),
        ({"$id": "http://example.org/x"}, "$id"),
        ({"$schema": "http://example.org/schema"}, "$schema"),
        ({"items": {"pattern": "(a+)+$"}}, "pattern"),
        ({"enum": ["x" * 70_000]}, "signs"),
    ],
)
def test_a_json_schema_fetches_nothing_and_runs_no_pattern(schema: Any, word: str) -> None:
    suite = [check("column_values_to_match_json_schema", column="name", json_schema=schema)]
    (problem,) = suites.problems(suite, [{"name": "name", "type": "text"}])
    assert problem.code == "bad_schema"
    assert word in problem.detail


def test_a_json_schema_of_its_own_parts_passes_and_runs() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"age": {"type": "integer"}},
        "properties": {"age": {"$ref": "#/$defs/age"}},
    }
    suite = [check("column_values_to_match_json_schema", column="name", json_schema=schema)]
    assert suites.problems(suite, [{"name": "name", "type": "text"}]) == []
    result, _ = running.run_suite(table_of(name=['{"age": 3}', '{"age": "x"}']), suite)
    assert (result.outcome, result.unexpected_count) == ("failed", 1)


def test_a_small_file_that_holds_a_large_table_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000_000)
    bomb = tmp_path / "bomb.parquet"
    pd.DataFrame({"text": ["x" * 500] * 10_000}).to_parquet(bomb)
    assert bomb.stat().st_size < 20_000
    with pytest.raises(DomainError) as refused:
        reading.inspect(bomb, "parquet")
    assert refused.value.code == "too_large"
    monkeypatch.undo()
    assert reading.inspect(bomb, "parquet").rows == 10_000


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_a_table_of_too_many_cells_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    monkeypatch.setattr(reading, "MAX_CELLS", 100)
    frame = pd.DataFrame({"a": ["x"] * 60, "b": ["y"] * 60})
    path = tmp_path / "data"
    if file_format == "csv":
        frame.to_csv(path, index=False)
    elif file_format == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    with pytest.raises(DomainError) as refused:
        reading.inspect(path, file_format)
    assert refused.value.code == "too_large"


def test_json_lines_that_each_bring_a_column_are_refused_early(tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    path.write_text("".join(f'{{"k{number}": 1}}\n' for number in range(5_000)))
    with pytest.raises(DomainError) as refused:
        reading.inspect(path, "jsonl")
    assert refused.value.code == "too_many_columns"
