"""The data of the demo products: patients with dirt in them and two files that are cleaned; counts
of the loop detectors of a city."""

from __future__ import annotations

import csv
import io
import itertools
import math
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction

from backlog.models import Actor, Product
from dataquality.models import Dataset, DatasetVersion, SamplePolicy
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import ServerPath, Upload
from dataquality.services.suites import save_suite
from dataquality.services.versions import Delivered, add_version
from mlscrum.lib.errors import DomainError

ROWS = 1000
MISSING_AGES = 87
OUTLYING_AGES = 4
UNREAD_NUCLEI = 16
# Two uploads make a finding resolve: the same patients cleaned, and the export of a week later.
GREEN_BATCHES = 2
CLEANED_FILES = ("patients-cleaned.csv", "patients-next-week.csv")
PATIENTS_SLUG = "patients"
Row = dict[str, Any]


def add_patients(product: Product, actor: Actor) -> None:
    """Register the dataset Patients with its suite, and lay the cleaned files beside it."""
    rows = _patients()
    folder = settings.SOURCES_DIR / product.key
    folder.mkdir(parents=True, exist_ok=True)
    for week, name in enumerate(CLEANED_FILES):
        (folder / name).write_text(_as_csv(_cleaned(rows, week)))
    dataset = register_dataset(
        product,
        DatasetDraft(
            name="Patients",
            slug=PATIENTS_SLUG,
            description="One row per examined patient, exported by the clinics every week.",
            personal_data=True,
            sample_policy=SamplePolicy.VALUES,
            key_columns=["patient_id"],
            green_batches=GREEN_BATCHES,
        ),
        _upload("patients.csv", _as_csv(_dirty(rows))),
        actor=actor,
    )
    save_suite(dataset, SUITE, actor=actor)


def add_detectors(product: Product, actor: Actor) -> None:
    """Register the dataset Loop detectors with its suite."""
    dataset = register_dataset(
        product,
        DatasetDraft(
            name="Loop detectors",
            slug="loop-detectors",
            description="What each detector counted in an hour, sent by the traffic office.",
            personal_data=False,
            sample_policy=SamplePolicy.VALUES,
            key_columns=["detector", "hour"],
        ),
        _upload("loop-detectors.csv", _as_csv(_counts())),
        actor=actor,
    )
    save_suite(dataset, COUNTS_SUITE, actor=actor)


def take_files_away(product: Product) -> None:
    """Once the product is deleted, remove the files of its datasets and the cleaned ones, with the
    product's folder of sources where nothing else lies in it."""
    versions = DatasetVersion.objects.filter(dataset__subject__product=product).exclude(file="")
    keys = list(versions.values_list("file", flat=True))
    folder = settings.SOURCES_DIR / product.key

    def remove_files() -> None:
        for key in keys:
            default_storage.delete(key)
        for name in CLEANED_FILES:
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody's files lie in it too, or it is gone
            folder.rmdir()

    transaction.on_commit(remove_files)


def cleaned_file_of(dataset: Dataset) -> str | None:
    """The demo's next cleaned file that lies ready to become a version of this dataset; None where
    there is none, or all have become one."""
    product = dataset.product
    if not product.is_demo or dataset.slug != PATIENTS_SLUG:
        return None
    used = set(dataset.versions.values_list("filename", flat=True))
    folder = settings.SOURCES_DIR / product.key
    return next((n for n in CLEANED_FILES if n not in used and (folder / n).is_file()), None)


def use_cleaned_file(dataset: Dataset, *, actor: Actor, name: str = "") -> Delivered:
    """Make a cleaned file of the demo a version of its patients, by default the next; raises
    DomainError without one. One that is a version already stays that version."""
    product = dataset.product
    offered = cleaned_file_of(dataset)
    is_known = product.is_demo and dataset.slug == PATIENTS_SLUG and name in CLEANED_FILES
    chosen = name if is_known else offered
    if chosen is None or not (settings.SOURCES_DIR / product.key / chosen).is_file():
        raise DomainError("no_cleaned_file", f"There is no cleaned file of {dataset.name}.")
    return add_version(dataset, ServerPath(chosen), actor=actor)


def _check(kind: str, severity: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {}}


SUITE = [
    _check("column_values_to_not_be_null", "critical", column="age", mostly=0.98),
    _check("column_values_to_be_between", "warning", column="age", min_value=0, max_value=120),
    _check("column_mean_to_be_between", "warning", column="systolic", min_value=110, max_value=140),
    _check(
        "column_values_to_be_in_set",
        "critical",
        column="bare_nuclei",
        value_set=[str(number) for number in range(1, 11)],
    ),
    _check("column_values_to_be_unique", "critical", column="patient_id"),
    _check(
        "column_values_to_be_in_set",
        "critical",
        column="class",
        value_set=["benign", "malignant"],
    ),
]


COUNTS_SUITE = [
    _check("column_values_to_not_be_null", "critical", column="vehicles", mostly=0.99),
    _check("column_values_to_be_between", "critical", column="vehicles", min_value=0,
           max_value=2400),
    _check("column_values_to_be_between", "warning", column="speed_kmh", min_value=0,
           max_value=130),
    _check("column_values_to_be_in_set", "warning", column="district",
           value_set=["North", "Harbour", "Old town", "South"]),
]  # fmt: skip


def _counts() -> list[Row]:
    """Two weeks of twelve detectors by the hour; one of them counts what can't be on Mondays."""
    dice = random.Random(7)  # noqa: S311  a demo, no secret
    rows = []
    for day, hour, detector in itertools.product(range(14), range(24), range(12)):
        district = ("North", "Harbour", "Old town", "South")[detector % 4]
        peak = 6.5 if district == "North" else 8
        flow = (
            250
            + 1400 * math.exp(-((hour - peak) ** 2) / 3)
            + 900 * math.exp(-((hour - 17) ** 2) / 5)
        )
        broken = detector == 4 and day % 7 == 0 and hour in (7, 8)
        vehicles = 9999 if broken else round(flow * dice.uniform(0.9, 1.1))
        rows.append(
            {
                "detector": f"D{detector + 1:02d}",
                "district": district,
                "hour": f"2026-10-{day + 5:02d}T{hour:02d}:00:00",
                "vehicles": vehicles,
                "speed_kmh": round(62 - min(vehicles, 2400) / 60 + dice.uniform(-4, 4)),
            }
        )
    return rows


def _patients() -> list[Row]:
    """The same clean patients on every call."""
    dice = random.Random(8)  # noqa: S311  a demo, no secret
    return [
        {
            "patient_id": f"P{number:05d}",
            "clinic": dice.choice(("North", "Harbour", "Hill")),
            "age": min(96, max(18, round(dice.gauss(56, 16)))),
            "systolic": round(dice.gauss(125, 14)),
            "bare_nuclei": str(dice.choice((1, 1, 1, 1, 2, 3, 5, 8, 10, 10))),
            "class": dice.choice(("benign", "benign", "malignant")),
        }
        for number in range(1, ROWS + 1)
    ]


def _dirty(rows: Sequence[Row]) -> list[Row]:
    """With missing ages, four ages nobody has, and nuclei that nobody could read."""
    dice = random.Random(9)  # noqa: S311  a demo, no secret
    dirty = [dict(row) for row in rows]
    places = dice.sample(range(ROWS), MISSING_AGES + OUTLYING_AGES + UNREAD_NUCLEI)
    for place in places[:MISSING_AGES]:
        dirty[place]["age"] = ""
    for place in places[MISSING_AGES : MISSING_AGES + OUTLYING_AGES]:
        dirty[place]["age"] = 999
    for place in places[MISSING_AGES + OUTLYING_AGES :]:
        dirty[place]["bare_nuclei"] = "?"
    return dirty


def _cleaned(rows: Sequence[Row], week: int) -> list[Row]:
    """What the clinics sent after they were asked, so many weeks later: nearly every age, every
    nucleus read."""
    return [
        {**row, "age": "" if place % 91 == week else row["age"]} for place, row in enumerate(rows)
    ]


def _as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _upload(name: str, text: str) -> Upload:
    data = text.encode()
    return Upload(name, [data], len(data))
