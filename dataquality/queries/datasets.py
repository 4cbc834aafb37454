"""Datasets as their lists and pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.paginator import Page, Paginator
from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, Window
from django.db.models.functions import Coalesce, RowNumber
from django.http import Http404

from backlog.models import Actor, Finding, Product
from dataquality.models import FINISHED, Dataset, DatasetVersion, Run, RunState, Trigger
from dataquality.queries.pictures import Sparkline, sparkline

CURVE_LENGTH = 30
DATASETS_ON_A_PAGE = 50
COUNTED = FINISHED - {RunState.CANCELLED}
SEEN_AT = Coalesce("batch_at", "version__seen_at")  # of the data that a run looked at


@dataclass(frozen=True)
class OpenFindings:
    """Open findings of one dataset: how many of each priority, and how many could not run."""

    by_priority: dict[str, int] = field(default_factory=dict)
    could_not_run: int = 0

    @property
    def total(self) -> int:
        return sum(self.by_priority.values()) + self.could_not_run


@dataclass(frozen=True)
class DatasetRow:
    """A dataset in the list: its runs that count, oldest first, and what is open."""

    dataset: Dataset
    runs: Sequence[Run]
    findings: OpenFindings
    shares_name: bool = False

    @property
    def last_run(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    @property
    def health(self) -> float | None:
        return self.last_run.health if self.last_run else None

    @property
    def healths(self) -> list[float | None]:
        """Of the last runs that count, oldest first; None where nothing was judged."""
        return [run.health for run in self.runs]

    @property
    def curve(self) -> Sparkline:
        return sparkline(self.healths, "Health of the last runs", low=0, high=100)


def find_dataset(product: Product, slug: str) -> Dataset:
    """The dataset of this product, or 404."""
    dataset: Dataset | None = Dataset.objects.of(product).filter(subject__slug=slug).first()
    if dataset is None:
        raise Http404(f"There is no dataset {slug}.")
    return dataset


def find_version(dataset: Dataset, number: int) -> DatasetVersion:
    """The version of this dataset, or 404."""
    version = dataset.versions.select_related("created_by").filter(number=number).first()
    if version is None:
        raise Http404(f"There is no version {number}.")
    version.dataset = dataset
    return version


def find_batch(dataset: Dataset, key: str) -> DatasetVersion:
    """The version of this dataset that is this batch (`batch` of a run), or 404."""
    slug, _, sha256 = key.partition(":")
    version = dataset.versions.filter(sha256=sha256).exclude(sha256="").first()
    if version is None or slug != dataset.slug:
        raise Http404("There is no such batch.")
    version.dataset = dataset
    return version


def dataset_page(product: Product, number: str | None) -> Page[Dataset]:
    """One page of a product's datasets, by name; a page that is none is the first or last."""
    return Paginator(Dataset.objects.of(product), DATASETS_ON_A_PAGE).get_page(number)


def dataset_rows(product: Product, datasets: Sequence[Dataset]) -> list[DatasetRow]:
    """These datasets as the list shows them, in two queries."""
    runs: dict[int, list[Run]] = {dataset.pk: [] for dataset in datasets}
    for run in _counted(datasets, CURVE_LENGTH):
        runs[run.dataset_id].append(run)
    findings = _open_findings(product)
    names = Counter(dataset.name for dataset in datasets)
    return [
        DatasetRow(
            dataset,
            runs[dataset.pk],
            findings.get(dataset.pk, OpenFindings()),
            shares_name=names[dataset.name] > 1,
        )
        for dataset in datasets
    ]


def last_counted(datasets: Sequence[Dataset]) -> dict[int, Run]:
    """By dataset its last run that counts, by the time of the batch."""
    return {run.dataset_id: run for run in _counted(datasets, 1)}


def open_findings(dataset: Dataset) -> OpenFindings:
    """What is open about one dataset."""
    return _open_findings(dataset.product, dataset).get(dataset.pk, OpenFindings())


def open_finding_ids(dataset: Dataset) -> set[int]:
    """The ids of all that is open about one dataset."""
    found = Finding.objects.filter(subject=dataset.subject, state=Finding.State.OPEN)
    return set(found.values_list("pk", flat=True))


def runs_that_count(dataset: Dataset, number: int = CURVE_LENGTH) -> list[Run]:
    """The last tracked and finished runs, by default 30, oldest batch first."""
    return list(_counted([dataset], number))


def median_to_resolve(dataset: Dataset) -> timedelta | None:
    """Half of the findings that turned green or were fixed took no longer than this."""
    length = ExpressionWrapper(F("resolved_at") - F("first_seen"), DurationField())
    spans = (
        Finding.objects.filter(
            subject=dataset.subject, state=Finding.State.RESOLVED, resolved_at__isnull=False
        )
        .annotate(length=length)
        .order_by("length")
        .values_list("length", flat=True)
    )
    number = spans.count()
    middle = list(spans[(number - 1) // 2 : number // 2 + 1]) if number else []
    return sum(middle, timedelta()) / len(middle) if middle else None


def may_see_values(dataset: Dataset, actor: Actor, *, allowed: bool) -> bool:
    """Whether the actor may see raw values: by role (`allowed`), or named by the dataset."""
    if allowed:
        return True
    user = actor.user
    return user is not None and dataset.value_viewers.filter(pk=user.pk).exists()


def _counted(datasets: Sequence[Dataset], number: int) -> Sequence[Run]:
    """So many of the last runs that count of each dataset, oldest first."""
    runs = Run.objects.filter(
        ~Q(trigger=Trigger.INGEST) | Q(dataset__current_suite=None),
        dataset__in=datasets,
        tracked=True,
        state__in=COUNTED,
    ).annotate(of=Coalesce("batch_at", "version__seen_at"))
    newest_first = Window(
        RowNumber(), partition_by="dataset_id", order_by=[SEEN_AT.desc(), F("id").desc()]
    )
    last: list[Run] = list(
        runs.annotate(age=newest_first)
        .filter(age__lte=number)
        .select_related("version")
        .order_by("dataset_id", SEEN_AT.asc(), "id")
    )
    return last


def _open_findings(product: Product, dataset: Dataset | None = None) -> dict[int, OpenFindings]:
    findings = Finding.objects.filter(
        product=product, state=Finding.State.OPEN, subject__dataset__isnull=False
    )
    if dataset is not None:
        findings = findings.filter(subject=dataset.subject)
    by_priority: dict[int, Counter[str]] = {}
    could_not_run: Counter[int] = Counter()
    for row in findings.values("subject_id", "is_execution", "priority").annotate(n=Count("pk")):
        if row["is_execution"]:
            could_not_run[row["subject_id"]] += row["n"]
        else:
            by_priority.setdefault(row["subject_id"], Counter())[row["priority"]] += row["n"]
    return {
        pk: OpenFindings(dict(sorted(by_priority.get(pk, {}).items())), could_not_run[pk])
        for pk in {*by_priority, *could_not_run}
    }
