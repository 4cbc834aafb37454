"""Imports as the pages and REST show them: the list, one with its counts, its lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404

from backlog.models import Import, ImportLine, Product

IMPORTS_PER_PAGE = 20
LINES_PER_PAGE = 100
OUTCOMES = tuple(ImportLine.Outcome.values)
LEVELS = tuple(ImportLine.Level.values)


@dataclass(frozen=True)
class ImportCounts:
    """How many rows become (or became) what; errors and warnings count rows that have some."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    errors: int = 0
    warnings: int = 0

    @property
    def touched(self) -> int:
        return self.new + self.updated

    @property
    def rows(self) -> int:
        return self.new + self.updated + self.unchanged + self.skipped


@dataclass(frozen=True)
class ImportRow:
    imported: Import
    counts: ImportCounts


def imports_of(product: Product) -> QuerySet[Import]:
    """The imports of a product with what their state follows from, the latest first."""
    return product.imports.select_related(
        "product", "job", "check_job", "revert_job", "user", "token__user", "reverter"
    ).order_by("-pk")


def find_import(product: Product, import_id: int) -> Import:
    found = imports_of(product).filter(pk=import_id).first()
    if found is None:
        raise Http404("There is no such import.")
    return found


def import_page(product: Product, number: str | None) -> Page[Import]:
    page: Page[Import] = Paginator(imports_of(product), IMPORTS_PER_PAGE).get_page(number)
    return page


def import_rows(imports: Sequence[Import]) -> list[ImportRow]:
    counts = counts_by_import(imports)
    return [ImportRow(each, counts[each.pk]) for each in imports]


def counts_by_import(imports: Iterable[Import]) -> dict[int, ImportCounts]:
    """The counts of these imports, in one query."""
    counts = {each.pk: ImportCounts() for each in imports}
    found = (
        ImportLine.objects.filter(imported__in=counts, row__gt=0)
        .values("imported")
        .annotate(
            **{outcome: Count("pk", filter=Q(outcome=outcome)) for outcome in OUTCOMES},
            errors=Count("pk", filter=Q(level=ImportLine.Level.ERROR)),
            warnings=Count("pk", filter=Q(level=ImportLine.Level.WARNING)),
        )
        .order_by()
        .values_list("imported", *OUTCOMES, "errors", "warnings")
    )
    for pk, *numbers in found:
        counts[pk] = ImportCounts(*numbers)
    return counts


def counts_of(imported: Import) -> ImportCounts:
    return counts_by_import([imported])[imported.pk]


def lines_of(imported: Import, show: str = "") -> QuerySet[ImportLine]:
    """The lines in the order of the file; `show` is an outcome or a level, empty for all."""
    lines = imported.lines.select_related("item__product").order_by("row")
    if show in LEVELS:
        return lines.filter(level=show, row__gt=0)
    return lines.filter(outcome=show) if show in OUTCOMES else lines


def lines_page(imported: Import, show: str, number: str | None) -> Page[ImportLine]:
    """A page of lines of rows; what is said of the whole file stands apart."""
    found = lines_of(imported, show).filter(row__gt=0)
    page: Page[ImportLine] = Paginator(found, LINES_PER_PAGE).get_page(number)
    return page


def said_of_file(imported: Import) -> list[dict[str, str]]:
    """The problems of the file as a whole."""
    line = imported.lines.filter(row=0).first()
    return list(line.problems) if line else []
