"""The report of a sprint: written down once as it closes, and read ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from backlog.models import Finding, FormerRef, Item, Kind, Stay
from mlscrum.lib import clock
from sprints.models import Sprint
from sprints.queries.exits import Standing, standing_of
from sprints.queries.findings import findings_by_day, findings_moved, open_then
from sprints.queries.sprints import figures_of
from sprints.rules.figures import Amount, Amounts, BurndownDay, Figures
from sprints.rules.findings import OpenFindings

# 1 had no findings by day; 2 nothing of what splits left over, and counted findings by the dates
# of their rows, whatever happened to them between.
VERSION = 3
MOVED_AWAY = "Moved to another product"
NO_FINDINGS: Mapping[str, int | None] = {"findings_open": None, "findings_score": None}
AMOUNTS = ("committed", "added", "removed", "completed", "remaining")
NOTHING = Amount(Decimal(0), 0, 0)


def report_of(
    sprint: Sprint, *, standing: Standing, fates: Mapping[str, str], rests: Mapping[str, Item]
) -> dict[str, Any]:
    """What is known of a sprint at the moment of its closing, as JSON that never changes.

    `fates` say by ref what becomes of what is not done, `rests` which new item holds the rest of
    one that was split. Points are as of the moment that each figure speaks of.
    """
    assert sprint.backlog.closed_at is not None, "a report is written as the sprint closes"
    found = figures_of(sprint, closed_at=sprint.backlog.closed_at)
    return _written(sprint, found, standing, fates, rests)


def shown_report(sprint: Sprint) -> dict[str, Any] | None:
    """The report of a sprint: of one that runs so far, and None before it starts."""
    if sprint.report or sprint.backlog.started_at is None:
        report: dict[str, Any] | None = sprint.report
        return report
    return _written(sprint, figures_of(sprint), standing_of(sprint), {}, {})


def _written(
    sprint: Sprint,
    found: Figures,
    standing: Standing,
    fates: Mapping[str, str],
    rests: Mapping[str, Item],
) -> dict[str, Any]:
    backlog = sprint.backlog
    return {
        "version": VERSION,
        "name": backlog.name,
        "goal": sprint.goal,
        "kind": sprint.kind,
        "team": str(backlog.team),
        "zone": sprint.zone,
        "starts_on": _plain(backlog.starts_on),
        "ends_on": _plain(backlog.ends_on),
        "started_at": _plain(backlog.started_at),
        "closed_at": _plain(backlog.closed_at),
        "closed_by": str(sprint.closed_by or ""),
        "goal_met": sprint.goal_met,
        "goal_reason": sprint.goal_reason,
        "override": sprint.override_reason,
        "gates": [
            {"subject": reason.subject.slug, "code": reason.code, "detail": reason.message}
            for reason in standing.gate_reasons
        ],
        "exit": list(standing.exit_reasons),
        "figures": shown_figures(found, split_off=_sum_of(rests.values())),
        **_burndown(sprint, found, until=backlog.closed_at or clock.now()),
        "items": _items(sprint, found, fates, rests),
        "findings": _findings(sprint),
        "people": _people(sprint, found),
    }


def burndown_of(sprint: Sprint) -> dict[str, Any]:
    """The days of a sprint and its amounts as JSON: of a closed one from its report alone, and
    none before it starts."""
    drawn: dict[str, Any]
    if sprint.report:
        days = [{**NO_FINDINGS, **day} for day in sprint.report["days"]]
        opening = {**NO_FINDINGS, **sprint.report["opening"]}
        drawn = {
            "opening": opening,
            "days": days,
            "figures": kept_figures(sprint.report["figures"]),
        }
    elif sprint.backlog.started_at is None:
        drawn = {"opening": None, "days": [], "figures": {}}
    else:
        now = clock.now()
        found = figures_of(sprint)
        drawn = {**_burndown(sprint, found, until=now), "figures": shown_figures(found)}
    return {"sprint": sprint.pk, "zone": sprint.zone, **drawn}


def _burndown(sprint: Sprint, found: Figures, *, until: datetime) -> dict[str, Any]:
    """The start and the days, each with what was open of the datasets of a data assessment."""
    of_findings = findings_by_day(sprint, found, until=until)
    opening, each = of_findings or (None, [None] * len(found.days))
    return {
        "opening": _day(found.opening, opening),
        "days": [_day(day, open_) for day, open_ in zip(found.days, each, strict=True)],
    }


def _day(day: BurndownDay, still_open: OpenFindings | None) -> dict[str, Any]:
    findings = (
        {"findings_open": still_open.count, "findings_score": still_open.score}
        if still_open
        else NO_FINDINGS
    )
    return {**{name: _plain(value) for name, value in asdict(day).items()}, **findings}


def shown_figures(found: Amounts, *, split_off: Amount = NOTHING) -> dict[str, Any]:
    """The amounts of a sprint as JSON: points, items, and how many of them have no estimate.

    `split_off` is what went on as new items when items were split at the closing. It is no part of
    what remains, for the items themselves are done, and stands in `reestimated` as what they lost.
    """
    amounts: dict[str, Any] = {name: _amount(getattr(found, name)) for name in AMOUNTS}
    return {
        **amounts,
        "split_off": _amount(split_off),
        "reestimated": float(found.reestimated),
    }


def kept_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The amounts of a report of any version; one before 3 says nothing of what was split off."""
    return {"split_off": _amount(NOTHING), **figures}


def _sum_of(items: Iterable[Item]) -> Amount:
    points = [item.points or Decimal(0) for item in items]
    return Amount(sum(points, Decimal(0)), len(points), 0)


def _amount(amount: Amount) -> dict[str, float | int]:
    return {
        "points": float(amount.points),
        "items": amount.items,
        "unestimated": amount.unestimated,
    }


def _items(
    sprint: Sprint, found: Figures, fates: Mapping[str, str], rests: Mapping[str, Item]
) -> list[dict[str, Any]]:
    """Every item that was ever in the sprint while it ran, in the order of numbers. Of what lives
    in another product by now, whose people may not be ours, only that it was here."""
    product, ever = sprint.backlog.product_id, _ever_in(found)
    items = (
        Item.objects.filter(pk__in=ever, product=product)
        .select_related("product", "status", "parent__product")
        .prefetch_related("assignees")
    )
    rows = {item.number: _item_row(item, fates, rests) | _part(found, item.pk) for item in items}
    if len(rows) < len(ever):
        here = {item.pk for item in items}
        left = FormerRef.objects.filter(product=product, item__in=ever - here)
        for former in left.select_related("product"):
            rows[former.number] = _left_row(former) | _part(found, former.item_id)
    return [rows[number] for number in sorted(rows)]


def _part(found: Figures, pk: int) -> dict[str, bool]:
    """What part an item had in the sprint."""
    return {
        "committed": pk in found.committed_items,
        "added": pk in found.added_items,
        "removed": pk in found.removed_items,
        "done": pk in found.done_items,
    }


def _item_row(item: Item, fates: Mapping[str, str], rests: Mapping[str, Item]) -> dict[str, Any]:
    return {
        "ref": item.ref,
        "title": item.title,
        "kind": item.kind,
        "points": _plain(item.points),
        "parent": item.parent.ref if item.parent else "",
        "assignees": [str(person) for person in item.assignees.all()],
        "fate": fates.get(item.ref, ""),
        "rest": rests[item.ref].ref if item.ref in rests else "",
        "rest_points": _plain(rests[item.ref].points) if item.ref in rests else None,
    }


def _left_row(former: FormerRef) -> dict[str, Any]:
    return {
        "ref": str(former),
        "title": MOVED_AWAY,
        "kind": Kind.STORY,
        "points": None,
        "parent": "",
        "assignees": [],
        "fate": "",
        "rest": "",
        "rest_points": None,
    }


def _ever_in(found: Figures) -> set[int]:
    ever = {*found.committed_items, *found.added_items, *found.removed_items}
    return ever | {*found.done_items, *found.open_items}


def _findings(sprint: Sprint) -> dict[str, int]:
    """How often findings came to count as open while the sprint ran, and ceased to, be it because
    they were resolved or muted; and how many are open at its end. Those of its datasets, or of the
    whole product where it names none: what was open at the start + opened - closed = open."""
    backlog = sprint.backlog
    assert backlog.started_at is not None, "a planned sprint has no report"
    found = Finding.objects.filter(product=backlog.product)
    subjects = list(sprint.subjects.values_list("subject", flat=True))
    if subjects:
        found = found.filter(subject__in=subjects)
    until = backlog.closed_at or clock.now()
    opened, closed = findings_moved(found, backlog.started_at, until)
    if backlog.external_id:  # it came along when it had been over for long
        return {"opened": opened, "closed": closed, "open": open_then(found, until)}
    return {
        "opened": opened,
        "closed": closed,
        "open": found.filter(state=Finding.State.OPEN).count(),
    }


def _people(sprint: Sprint, found: Figures) -> list[str]:
    """Who had a part in it, by name: of an item that was in it, of a task that was, or by what
    they had given to it."""
    backlog = sprint.backlog
    lay = Stay.objects.filter(backlog=backlog, item__kind=Kind.TASK).exclude(
        left_at__lte=backlog.started_at
    )
    tasks = set(lay.values_list("item", flat=True))
    items = Item.objects.filter(pk__in=_ever_in(found) | tasks, product=backlog.product_id)
    names = {str(person) for item in items.prefetch_related("assignees")
             for person in item.assignees.all()}  # fmt: skip
    names |= {str(share.user) for share in sprint.shares.select_related("user")}
    return sorted(names)


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
