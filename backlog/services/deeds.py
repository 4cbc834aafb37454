"""Deeds: one service call, one transaction, one activity row with what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from backlog.models import Activity, Actor, ActorKind, Change, Item, Product, Subject
from mlscrum.lib import clock, live


@dataclass
class Moment:
    """When a deed happened, one for it and all that joined it; once it is fixed, it stays."""

    at: datetime
    is_fixed: bool = False


@dataclass
class Deed:
    """A deed under way: what it is about and what it has changed so far."""

    product: Product
    actor: Actor
    kind: str
    moment: Moment
    item: Item | None = None
    subject: Subject | None = None
    data: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    happened: bool = True

    @property
    def at(self) -> datetime:
        """When it happened: read it once the locks are held."""
        return self.moment.at

    def happen_at(self, at: datetime) -> None:
        """Let it happen at this moment and at no later one, whatever joins it from now on."""
        self.moment.at, self.moment.is_fixed = at, True

    def change(self, item: Item, name: str, before: Any, after: Any) -> None:
        """Remember that a field of an item went from one value to another."""
        self.changes.append(
            Change(item=item, field=name, before=before, after=after, version=item.version)
        )

    def nothing_happened(self) -> None:
        """Leave no activity row: the call found nothing to do."""
        self.happened = False


_current: ContextVar[Deed | None] = ContextVar("deed", default=None)


@contextmanager
def deed(
    product: Product,
    actor: Actor,
    kind: str,
    *,
    item: Item | None = None,
    subject: Subject | None = None,
    **data: Any,
) -> Iterator[Deed]:
    """Wrap a service: on leaving, one activity row and its changes, in the same transaction.

    A nested deed of the same product joins the outermost, which alone gets a row and takes the
    changes and data of all; that a nested one found nothing to do is its own affair. The sequence
    number is taken by the last statements of the transaction, so that it has no gaps and its
    row is locked for a moment only.
    """
    outer = _current.get()
    if outer is not None and outer.product == product:
        outer.data.update(data)
        yield Deed(product, actor, kind, outer.moment, item, subject, outer.data, outer.changes)
        return
    with transaction.atomic():
        current = Deed(product, actor, kind, Moment(clock.now()), item, subject, dict(data))
        mark = _current.set(current)
        try:
            yield current
        finally:
            _current.reset(mark)
        if current.happened:
            _write(current)


def remember(name: str, value: Any) -> None:
    """Add to one of the lists in the data of the deed under way; without a deed, to none."""
    current = _current.get()
    if current is not None:
        current.data.setdefault(name, []).append(value)


def happen_now() -> None:
    """Let the deed under way happen at this moment, for it has waited for its locks until now.

    What came first while it waited would otherwise seem to have come later: an item that enters a
    sprint right after its start would have been there at the start. A moment that is fixed stays.
    """
    current = _current.get()
    if current is not None and not current.moment.is_fixed:
        current.moment.at = max(current.at, clock.now())


def _write(done: Deed) -> None:
    activity = Activity.objects.create(
        product=done.product,
        seq=_next_seq(done.product),
        kind=done.kind,
        at=done.at,
        actor_kind=done.actor.kind,
        user=done.actor.user,
        token=done.actor.token,
        code_host=done.actor.code_host,
        item=done.item,
        subject=done.subject,
        data=_with_tab(done),
    )
    for change in done.changes:
        change.activity = activity
    Change.objects.bulk_create(done.changes)
    transaction.on_commit(partial(live.nudge, done.product.pk), robust=True)


def _with_tab(done: Deed) -> dict[str, Any]:
    """The open page that did it has shown it already, and can pass over it in its stream.

    What the installation does for somebody who is not to be known, such as a card of a
    retrospective, names no page: other deeds of the same page bear a name.
    """
    tab = live.tab.get()
    return {**done.data, "tab": tab} if tab and done.actor.kind != ActorKind.SYSTEM else done.data


def _next_seq(product: Product) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE backlog_activitycounter SET seq = seq + 1 WHERE product_id = %s RETURNING seq",
            [product.pk],
        )
        row = cursor.fetchone()
    return int(row[0])
