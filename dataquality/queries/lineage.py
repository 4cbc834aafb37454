"""What depends on datasets: checks, settings, items and products that read of them; and what
breaks where columns come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q
from django.urls import reverse

from backlog.models import Item, Product, Subject
from backlog.queries.dependents import as_dependent
from backlog.queries.lineage import (
    MOST_READ,
    Dependent,
    Group,
    Part,
    lineage_of,
    part_of,
    uses_of_columns,
)
from dataquality.engine import suites
from dataquality.models import Dataset, DatasetVersion, Dependence
from dataquality.queries.shared_data import SharedRow, rows_of
from dataquality.rules.columns import named_columns

CHECK = "check"


@dataclass(frozen=True)
class GoneColumn:
    """A column that the newest version lacks, and what names it still, in words."""

    name: str
    used_by: Sequence[str]


@dataclass(frozen=True)
class ColumnChanges:
    """How the columns of the newest version differ from those that the dataset is read by. `new`
    are dictionaries of name and type."""

    gone: Sequence[GoneColumn] = ()
    new: Sequence[Mapping[str, str]] = ()

    def __bool__(self) -> bool:
        return bool(self.gone or self.new)

    @property
    def broken(self) -> list[GoneColumn]:
        """The columns that are gone although something names them."""
        return [column for column in self.gone if column.used_by]

    @property
    def unused(self) -> list[GoneColumn]:
        return [column for column in self.gone if not column.used_by]

    @property
    def can_be_accepted(self) -> bool:
        """Whether reading by the newest columns changes anything."""
        return bool(self.new or self.unused)


@dataclass(frozen=True)
class Lineage:
    """What depends on a dataset, by kind, and what its newest columns break."""

    groups: Sequence[Group]
    changes: ColumnChanges = ColumnChanges()

    @property
    def total(self) -> int:
        """How many are known; where it `has_more`, more depend than these."""
        return sum(len(group.dependents) for group in self.groups)

    @property
    def has_more(self) -> bool:
        return any(group.has_more for group in self.groups)


def dataset_lineage(dataset: Dataset) -> Lineage:
    """Of its own product, in a number of queries that is fixed."""
    groups = lineage_of(dataset.subject, dataset.product)
    return Lineage(groups, column_changes(dataset, uses_of_columns(groups)))


def lineage_in(dataset: Dataset, product: Product) -> Lineage:
    """Of a product that reads of it: what belongs to that product alone."""
    return Lineage(lineage_of(dataset.subject, product))


def column_uses(dataset: Dataset) -> Mapping[str, Sequence[str]]:
    """By column what of its own product names it, in words."""
    return uses_of_columns(lineage_of(dataset.subject, dataset.product))


def column_changes(dataset: Dataset, uses: Mapping[str, Sequence[str]]) -> ColumnChanges:
    """The columns of the newest version against those that it is read by; nothing where there is
    none, or it has no rows to be read."""
    version: DatasetVersion | None = dataset.current_version
    if version is None or not version.columns or not dataset.schema:
        return ColumnChanges()
    present = {str(column["name"]): str(column["type"]) for column in version.columns}
    known = dataset.column_names
    return ColumnChanges(
        gone=[GoneColumn(name, uses.get(name, ())) for name in known if name not in present],
        new=[{"name": name, "type": kind} for name, kind in present.items() if name not in known],
    )


def checks_of(subject: Subject, product: Product) -> Sequence[Dependent]:
    """The checks of its suite, with the columns that they name."""
    dataset = _own(subject, product)
    if dataset is None or dataset.current_suite is None:
        return []
    page = reverse("dataquality:suite", args=[product.key, subject.slug])
    return [
        Dependent(
            name=suites.words(expectation, with_values=False),
            how="a check",
            url=f"{page}{position}/",
            columns=named_columns(expectation["kwargs"]),
        )
        for position, expectation in enumerate(dataset.current_suite.expectations)
    ]


def settings_of(subject: Subject, product: Product) -> Sequence[Dependent]:
    """What its settings say of columns: keys, masks, batches, and the column that is watched."""
    dataset = _own(subject, product)
    if dataset is None:
        return []
    timing = dataset.timing
    said = {
        "its key": dataset.key_columns,
        "its mask": dataset.masked_columns,
        "its batches": [dataset.batch["column"]] if dataset.batch else [],
        "its schedule": [timing.watch_column] if timing and timing.watch_column else [],
    }
    settings = reverse("dataquality:dataset-settings", args=[product.key, subject.slug])
    schedule = reverse("dataquality:schedule", args=[product.key, subject.slug])
    return [
        Dependent(
            name=name.removeprefix("its ").capitalize(),
            how=name,
            url=schedule if name == "its schedule" else f"{settings}#{name[4:]}",
            columns=columns,
        )
        for name, columns in said.items()
        if columns
    ]


def dependent_items(subject: Subject, product: Product) -> Part:
    """The items of the product of which people say that they depend on it."""
    items = (
        Item.objects.alive()
        .filter(product=product, dependences__dataset=subject.pk)
        .select_related("product", "status")
        .order_by("-dependences__pk")
    )
    return part_of(
        [as_dependent(item, "depends on it", by_hand=True) for item in items[:MOST_READ]]
    )


def readers_of(subject: Subject, product: Product) -> Sequence[Dependent]:
    """For its own product: the others that read of it, and how many items of theirs depend on it;
    which those are is theirs to know."""
    if subject.product_id != product.pk:
        return []
    theirs = Count(
        "items",
        filter=Q(items__dependences__dataset=subject.pk, items__deleted_at=None),
        distinct=True,
    )
    readers = Product.objects.filter(datasets_shared_here=subject.pk).annotate(theirs=theirs)
    found = readers.order_by("name", "key").values_list("name", "theirs")
    return [Dependent(name=name, how=_reads(number)) for name, number in found]


def data_of(item: Item) -> list[SharedRow]:
    """The datasets that an item depends on and its product may read of, as they stand."""
    may_read = Q(subject__product=item.product) | Q(shared_with=item.product)
    found = (
        Dataset.objects.filter(may_read, dependences__item=item)
        .select_related("subject__product", "current_version", "current_suite")
        .distinct()
        .order_by("subject__name", "pk")
    )
    return rows_of(list(found))


def depends(dataset: Dataset, item: Item) -> bool:
    return Dependence.objects.filter(dataset=dataset, item=item).exists()


def _own(subject: Subject, product: Product) -> Dataset | None:
    """The dataset behind a subject of this product; what others keep to themselves is none."""
    if subject.product_id != product.pk:
        return None
    found: Dataset | None = (
        Dataset.objects.filter(pk=subject.pk).select_related("current_suite", "schedule").first()
    )
    return found


def _reads(items: int) -> str:
    if not items:
        return "reads how it stands"
    return "1 item depends on it" if items == 1 else f"{items} items depend on it"
