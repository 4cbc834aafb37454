"""The engine: what is read, what is refused, what a run says, what is kept."""

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backlog.rules.severity import priority, score
from dataquality.engine import profiling, reading, redact, running, suites
from dataquality.engine.redact import Policy
from dataquality.rules import health
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import check


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
    )
    assert suites.problems([evil], SCHEMA)
    assert not marker.exists()


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
