"""What checks of drift are held against: the spreads of a reference version."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Q

from dataquality.engine import ours, sources
from dataquality.engine.ours import PREVIOUS, Reference
from dataquality.engine.spreads import spread_of
from dataquality.models import Dataset, DatasetVersion, Profile
from dataquality.rules.drift import Spread
from dataquality.rules.readings import read_alike
from dataquality.services.origins import readable
from mlscrum.lib.errors import DomainError


def references_for(
    version: DatasetVersion, expectations: Sequence[Mapping[str, Any]]
) -> dict[str, Reference]:
    """What the checks of a suite are held against when they look at this version.

    It comes from the reference's profile, as far as that was kept and read columns as the schema
    says now, else from its file. Where there is neither, the reference says so.
    """
    wanted: dict[str, set[str]] = {}
    for check in expectations:
        if check["type"] in ours.AGAINST_A_REFERENCE:
            columns = wanted.setdefault(ours.reference_of(check), set())
            columns.add(str(check["kwargs"].get("column")))
    return {named: _reference(version, named, columns) for named, columns in wanted.items()}


def references_of(dataset: Dataset) -> set[int]:
    """The ids of the versions that checks of the suite in force are held against by now."""
    suite, current = dataset.current_suite, dataset.current_version
    checks = suite.expectations if suite is not None else []
    named = {
        ours.reference_of(check) for check in checks if check["type"] in ours.AGAINST_A_REFERENCE
    }
    numbers = [int(one) for one in named if one != PREVIOUS]
    found = set(dataset.versions.filter(number__in=numbers).values_list("pk", flat=True))
    before = version_before(current) if PREVIOUS in named and current is not None else None
    return found | ({before.pk} if before is not None else set())


def _reference(version: DatasetVersion, named: str, columns: Collection[str]) -> Reference:
    if named == PREVIOUS:
        found = version_before(version)
        if found is None:
            return Reference("", nothing="There is no version before this one to compare with.")
    else:
        found = version.dataset.versions.filter(number=int(named)).first()
        if found is None:
            return Reference("", trouble=f"There is no version {named}; choose another reference.")
    name = f"version {found.number}"
    if found.pk == version.pk:
        return Reference(name, nothing="This is the reference version itself.")
    found.dataset = version.dataset
    kept = kept_spreads(found)
    if all(column in kept for column in columns):
        return Reference(name, kept)
    try:
        return Reference(name, kept | _counted(found, [c for c in columns if c not in kept]))
    except DomainError as error:
        return Reference(name, trouble=f"{name.capitalize()} can't be compared with. {error}")


def version_before(version: DatasetVersion) -> DatasetVersion | None:
    """The version before this one that can still be read, or of which a profile was kept."""
    found: DatasetVersion | None = (
        version.dataset.versions.filter(tracked=True, number__lt=version.number)
        .filter(~Q(file="") | Q(profile__finished_at__isnull=False))
        .order_by("-number")
        .first()
    )
    return found


def kept_spreads(version: DatasetVersion) -> dict[str, Spread]:
    """The spreads of a version's profile, of columns that are still read as they were then; none
    where its policy keeps no values."""
    profile = Profile.objects.filter(version=version, finished_at__isnull=False).first()
    columns = profile.data.get("columns", []) if profile is not None else []
    schema = {column["name"]: column for column in version.dataset.schema}
    return {
        str(column["name"]): column["spread"]
        for column in columns
        if column.get("spread") and read_alike(column, schema.get(column["name"]))
    }


def _counted(version: DatasetVersion, columns: Sequence[str]) -> dict[str, Spread]:
    """The spreads of columns by the version's file; raises DomainError where it is gone."""
    if version.dataset.is_live:
        raise DomainError(
            "no_reference",
            "A database keeps no earlier rows, and no profile of them was kept that reads "
            f"{', '.join(columns)} as now.",
        )
    if not version.file:
        raise DomainError("no_reference", "Its rows were purged; choose another reference.")
    with readable(version) as source, sources.counted(source) as figures:
        found = {name: spread_of(figures, name) for name in columns if name in figures.kinds}
    return {name: spread for name, spread in found.items() if spread is not None}
