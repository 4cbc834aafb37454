"""What commits and pull requests do to the items that they name: stand on them as evidence, and
move those that they fix."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError

from backlog.models import (
    Actor,
    Category,
    CodeHost,
    FormerRef,
    Item,
    ItemEvidence,
    OnMerge,
    Status,
)
from backlog.rules.code_events import MERGED, OPEN, Work, goes_on, status_after
from backlog.rules.code_refs import fixed_in, named_in
from backlog.services.item_evidence import EvidenceDraft, put_evidence
from backlog.services.items import update_item
from mlscrum.lib.errors import DomainError

MOST_LINKS = 100  # of one message, so that its host gets an answer in time
LONGEST_BRANCH = 250
COMMIT = re.compile(r"(/commit/[0-9a-f]{10})[0-9a-f]+\Z")
Reaches = Callable[[Item], bool]


@dataclass(frozen=True)
class _Link:
    """One piece of work on one item; `number` is that of the ref by which it was named."""

    number: int
    work: Work
    fixes: bool


def take_works(
    host: CodeHost, works: Sequence[Work], *, reaches: Reaches
) -> tuple[list[str], bool]:
    """Put each piece of work on the items that it names, and move those that it fixes; what was
    done with each, and what could not be, in a line, and whether anything was linked. Refs of
    other products are passed over.

    An item that moved to another product is found by its old ref, where the code host `reaches` it.
    """
    links = _links(host, works)
    shown = links[:MOST_LINKS]
    items = _items(host, {link.number for link in shown}, reaches)
    taken = [_take(host, link, items) for link in shown]
    lines = [line for line, _ in taken]
    if len(links) > len(taken):
        lines.append(f"{len(links) - len(taken)} further links were left out; push less at once.")
    return list(dict.fromkeys(lines)), any(is_linked for _, is_linked in taken)


def _links(host: CodeHost, works: Sequence[Work]) -> list[_Link]:
    """What is fixed first, then the newest first."""
    key = host.product.key
    links = []
    for work in reversed(works):
        fixed = fixed_in(work.says, key)
        numbers = [*fixed, *named_in(work.names, key), *_linked_before(host, work)]
        links += [_Link(number, work, number in fixed) for number in dict.fromkeys(numbers)]
    return sorted(links, key=lambda link: not link.fixes)


def _linked_before(host: CodeHost, work: Work) -> list[int]:
    """Items that a pull request named once still hear how it ends."""
    if not work.pull_request:
        return []
    items = Item.objects.alive().filter(
        product=host.product, evidence__tool=host.kind, evidence__run_id=work.run_id
    )
    return list(items.values_list("number", flat=True))


def _items(host: CodeHost, numbers: set[int], reaches: Reaches) -> dict[int, Item | str]:
    """The item of each number, or why there is none that can be written to."""
    key = host.product.key
    found: dict[int, Item | str] = {number: f"There is no {key}-{number}." for number in numbers}
    row = ("product", "status", "backlog", "parent__product")
    for item in Item.objects.filter(product=host.product, number__in=numbers).select_related(*row):
        is_there = item.deleted_at is None
        found[item.number] = item if is_there else f"{item.ref} is in the trash."
    former = FormerRef.objects.filter(product=host.product, number__in=numbers)
    for one in former.select_related(*(f"item__{name}" for name in row)):
        if one.item.deleted_at is None and reaches(one.item):
            found[one.number] = one.item
        else:
            found[one.number] = f"{key}-{one.number} is in another product by now."
    return found


def _take(host: CodeHost, link: _Link, items: dict[int, Item | str]) -> tuple[str, bool]:
    """What was done in a line, and whether the item has the work now."""
    item = items[link.number]
    if isinstance(item, str):
        return item, False
    ref, actor = f"{host.product.key}-{link.number}", Actor.of_code_host(host)
    before = (
        ItemEvidence.objects.filter(item=item, tool=host.kind, run_id=link.work.run_id)
        .values("status", "context")
        .first()
    )
    was = before["status"] if before else ""
    work = replace(link.work, status=status_after(was, link.work.status))
    moves = link.fixes and _is_news(before, work)
    # That it fixes the item is noted once the item was moved: one that broke off between is moved
    # as the message comes again.
    noted = _draft(work, fixes=link.fixes and not moves)
    try:
        put_evidence(item, host.kind, work.run_id, noted, actor=actor)
    except (DomainError, ValidationError) as error:
        return f"{ref}: {_short(work)} was not linked. {_said(error)}", False
    line = f"{ref}: {_short(work)} is {work.status}"
    if not moves:
        return line, True
    moved, told = _move(host, item, work, actor)
    own = ItemEvidence.objects.filter(item=moved, tool=host.kind, run_id=work.run_id)
    own.update(context=_draft(work, fixes=True).context)
    items[link.number] = moved
    return f"{line}; {told}" if told else line, True


def _draft(work: Work, *, fixes: bool) -> EvidenceDraft:
    context: dict[str, Any] = {"branch": work.branch[:LONGEST_BRANCH]} if work.branch else {}
    if work.pull_request:
        context["pull_request"] = work.pull_request
    if fixes:
        context["fixes"] = True
    return EvidenceDraft(
        status=work.status, url=work.url, commit=work.commit[:100], context=context
    )


def _is_news(before: Mapping[str, Any] | None, work: Work) -> bool:
    """Whether this was not known of the item yet: what is told again moves nothing, for somebody
    may have moved the item since."""
    if before is None or before["status"] != work.status:
        return True
    return not before["context"].get("fixes")


def _move(host: CodeHost, item: Item, work: Work, actor: Actor) -> tuple[Item, str]:
    """The item where it belongs now that this work fixes it, and what was done in words."""
    target, why_not = _target(host, work)
    if target is None:
        return item, why_not
    if item.product_id != host.product_id:
        return item, "its status stays, for it is in another product by now"
    if not goes_on(item.status.category, item.status.position, target.category, target.position):
        return item, ""
    try:
        return update_item(item, actor=actor, status=target), f"set to {target.name}"
    except (DomainError, ValidationError) as error:
        return item, f"it could not be set to {target.name}. {_said(error)}"


def _target(host: CodeHost, work: Work) -> tuple[Status | None, str]:
    """Where an item goes that this work fixes, or why nowhere; empty where that needs no word."""
    if work.status == OPEN:
        return (host.opened_status, "") if work.pull_request else (None, "")
    if work.status != MERGED or host.on_merge == OnMerge.STAY:
        return None, ""
    if not work.lands:
        return None, "its status stays, for it was not merged into the default branch"
    if host.on_merge == OnMerge.STATUS:
        gone = "its status stays, for the one to set it to was deleted; choose another"
        return host.merged_status, "" if host.merged_status else gone
    return host.product.statuses.filter(category=Category.DONE).order_by("position").first(), ""


def _short(work: Work) -> str:
    """Its name as people read it: with the first digits of a commit."""
    return COMMIT.sub(r"\1", work.run_id)


def _said(error: DomainError | ValidationError) -> str:
    return error.message if isinstance(error, DomainError) else " ".join(error.messages)
