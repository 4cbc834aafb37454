"""Findings that people have merged: each keeps its own counts, one of them speaks for all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from backlog.models import Finding, Occurrence, Product
from backlog.rules import evidence as rules
from backlog.rules.evidence import Observation, Outcome
from backlog.services.findings.reading import is_answer


@dataclass(frozen=True)
class Family:
    """A finding and its aliases; `members` holds the finding itself as well."""

    root: Finding
    members: list[Finding]

    def says(self, heard: Mapping[int, Observation], at: datetime) -> Observation:
        """What all of them say together: red if one is, green only when none is red any more.

        `heard` is what a report saw under the name of each; what it did not ask, or asked of
        older data, stands as it stood.
        """
        current = {
            member.pk: heard[member.pk]
            for member in self.members
            if member.pk in heard and is_answer(heard[member.pk]) and at >= member.last_batch_at
        }
        unheard = [member for member in self.members if member.pk not in current]
        still_red = any(member.last_outcome == Outcome.FAILED for member in unheard)
        together = rules.merged(list(current.values())) if current else None
        if together is None or (together.outcome == Outcome.PASSED and still_red):
            return Observation(
                self.root.check_name, {}, self.root.title, Outcome.VACUOUS, fingerprint="alias"
            )
        own = current.get(self.root.pk)
        is_own = own is not None and own.outcome == Outcome.FAILED
        title = own.title if own is not None and is_own else self.root.title
        return replace(together, title=title)

    def count(self, own: Mapping[str, Observation], rows: Mapping[str, Finding]) -> None:
        """An occurrence more where an alias is red and the finding itself is not."""
        red = [
            member
            for member in self.members
            if rows.get(member.fingerprint) is member
            and own[member.fingerprint].outcome == Outcome.FAILED
        ]
        if red and self.root not in red:
            self.root.alias_count += 1


def families_of(product: Product, ids: Collection[int]) -> dict[int, list[int]]:
    """All that is merged with any of these findings: the ids of each family by that of the finding
    that speaks for it. In one statement."""
    aliases = Finding.objects.filter(product=product, merged_into__isnull=False)
    families: dict[int, list[int]] = {}
    for pk, root in aliases.order_by("pk").values_list("pk", "merged_into_id"):
        families.setdefault(root or 0, [root or 0]).append(pk)
    wanted = set(ids)
    return {root: family for root, family in families.items() if wanted.intersection(family)}


def reds_of_aliases(finding: Finding) -> int:
    """How many reports saw an alias red and the finding itself not."""
    red = Occurrence.objects.filter(outcome=Outcome.FAILED)
    own = red.filter(finding=finding).values("report")
    theirs = red.filter(Q(finding__merged_into=finding)).exclude(report__in=own)
    return theirs.values("report").distinct().count()
