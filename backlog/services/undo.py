"""Taking back a person's last deed in a product, as far as nobody else has gone on from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max

from backlog.models import (
    Activity,
    Actor,
    ActorKind,
    Backlog,
    Category,
    Change,
    Comment,
    Finding,
    Item,
    Kind,
    Product,
    Stay,
    Subject,
    User,
)
from backlog.queries.items import EXTRA, PLAIN, SETS, values_of
from backlog.queries.resources import items_by_ref
from backlog.rules import trees
from backlog.rules.undo import (
    BY_HAND,
    TakenBack,
    by_hand_in_words,
    field_in_words,
    listed,
    undone_in_words,
)
from backlog.services.deeds import Deed, deed
from backlog.services.finding_history import note_transitions
from backlog.services.finding_undo import ABOUT_FINDINGS, findings_back, findings_in, joins
from backlog.services.items import (
    Edited,
    about,
    done_in_past,
    edited,
    enter,
    kinds_that_count,
    open_muted_with,
    product_backlog,
    put_into_trash,
    write_edits,
)
from backlog.services.moves import permission_between
from backlog.services.ranks import (
    ABOVE,
    Placed,
    Spot,
    keys_for,
    lock_all_backlogs,
    note_places,
    place_of,
)
from backlog.services.rows import PLACE, write_items
from backlog.services.talk_undo import ABOUT_COMMENTS, ABOUT_LINKS, talk_back
from mlscrum.lib.errors import Conflict, Refused

UNDONE = "item.undone"
UNDOABLE = (
    "item.created", "item.updated", "items.updated", "item.moved", "item.deleted",
    "items.deleted", "item.restored", "items.restored", "item.confirmed_done",
    *ABOUT_LINKS, *ABOUT_COMMENTS,
)  # fmt: skip
# What ends a sprint and its plan: nothing of before is taken back one by one.
ENDINGS = ("sprint.closed", "sprint.cancelled", "sprint.deleted", "sprint.imported")
LOOKS_BACK = timedelta(hours=24)  # nobody presses Ctrl-Z for what they did last week
May = Callable[[str], bool]
MayTriage = Callable[[Subject | None], bool]


@dataclass(frozen=True)
class Undone:
    """What was taken back: in words, on which items, and whether lists changed by it."""

    said: str
    refs: Sequence[str]
    moved: bool


def undo_last(
    product: Product,
    *,
    actor: Actor,
    may: May = lambda permission: True,
    may_triage: MayTriage | None = None,
    kinds: Sequence[str] = (*UNDOABLE, *ABOUT_FINDINGS, *BY_HAND),
) -> Undone:
    """Take back the last deed of this person in the product that is not taken back yet.

    Asked again, it takes back the one before: each deed at most once, none older than 24 hours
    and none from before a sprint of the product ended.
    Items return to where they were, fields to what they held, created items to the trash. What
    somebody else has changed since stays as it is and is named. `kinds` narrows which deeds count.
    Raises Conflict where there is nothing to take back or the last deed is one that only hands can
    take back, and Refused where `may`, or of what a
    finding is about `may_triage`, denies what the deed itself had needed.
    """
    with deed(product, actor, UNDONE) as done:
        lock_all_backlogs(product)
        deeds = _last_deeds(product, actor, done.at, kinds)
        if not deeds:
            raise Conflict(
                "nothing_to_undo",
                "There is nothing of yours to undo here; an undo reaches back 24 hours, and never"
                " behind the end of a sprint.",
            )
        if deeds[0].kind in BY_HAND:
            raise Conflict("not_undoable", by_hand_in_words(deeds[0].kind, _refs_of(deeds[0])))
        if not _is_allowed(product, deeds, may, may_triage):
            raise Refused(
                "may_not_undo",
                "Your role doesn't allow this any more; ask a product owner to change it back.",
            )
        done.data |= {
            "seq": deeds[0].seq,
            "seqs": [each.seq for each in deeds],
            "undone": {
                name: value
                for name, value in {"kind": deeds[0].kind, **deeds[0].data}.items()
                if name in {"kind", "place", "anchor"}
            },
        }
        work = _TakingBack(product, actor, done, deeds)
        taken = work.take_back()
        touched = set(taken.refs)
        about(done, [item for item in work.items.values() if item.ref in touched])
    lists_changed = bool(taken.trashed or taken.placed)
    return Undone(undone_in_words(taken, work.kept), taken.refs, lists_changed)


def _refs_of(activity: Activity) -> list[str]:
    """The items that a deed says it was about."""
    named: list[str] = activity.data.get("refs") or activity.data.get("items") or []
    return [activity.item.ref] if activity.item else named


def _is_allowed(
    product: Product, deeds: Sequence[Activity], may: May, may_triage: MayTriage | None
) -> bool:
    """Whether the person may still do what the deeds did."""
    on_items = [each for each in deeds if each.kind not in ABOUT_FINDINGS]
    if on_items and not all(may(permission) for permission in _needed(product, on_items)):
        return False
    if len(on_items) == len(deeds):
        return True
    if may_triage is None:
        return may("finding.triage")
    subjects = {found.subject_id: found.subject for found in findings_in(deeds)}
    return all(may_triage(subject) for subject in subjects.values())


def _last_deeds(
    product: Product, actor: Actor, now: datetime, kinds: Sequence[str]
) -> list[Activity]:
    """The last deed that can be taken back, the latest first where it went in chunks."""
    if actor.kind != ActorKind.PERSON:
        return []
    mine = Activity.objects.filter(
        product=product,
        actor_kind=ActorKind.PERSON,
        user=actor.user,
        at__gte=now - LOOKS_BACK,
    ).order_by("-seq")
    undone = mine.filter(kind=UNDONE).values_list("data", flat=True)
    gone = [seq for data in undone for seq in data["seqs"]]
    left = mine.filter(kind__in=kinds).exclude(seq__in=gone)
    ended = Activity.objects.filter(product=product, kind__in=ENDINGS, at__gte=now - LOOKS_BACK)
    if (seq := ended.aggregate(last=Max("seq"))["last"]) is not None:
        left = left.filter(seq__gt=seq)
    last = left.first()
    if last is None:
        return []
    batch = last.data.get("batch")
    return list(left.filter(data__batch=batch)) if batch else [last]


def _needed(product: Product, deeds: Iterable[Activity]) -> set[str]:
    """The permissions that the deeds themselves needed."""
    talk = [each for each in deeds if each.kind in ABOUT_COMMENTS]
    needed = {"item.comment"} if talk else {"item.edit"}
    moves = {
        (place.from_backlog or 0, place.to_backlog or 0)
        for each in deeds
        if "place" in each.data
        for place in _places(each)
    }
    backlogs = product.backlogs.in_bulk({end for ends in moves for end in ends})
    for start, end in moves:
        was = backlogs.get(start)
        needed.add(permission_between(was, backlogs.get(end)))
        if was is not None and was.kind == Backlog.Kind.INBOX:
            needed.add("inbox.take")
    return needed


def _places(activity: Activity) -> list[Placed]:
    return [Placed(*row) for row in activity.data.get("moved", [])]


class _TakingBack:
    """One undo under way: all backlogs and the items of the deeds are locked."""

    def __init__(
        self, product: Product, actor: Actor, done: Deed, deeds: Sequence[Activity]
    ) -> None:
        self.product, self.actor, self.done, self.deeds = product, actor, done, deeds
        self.kept: list[str] = []
        self.first = deeds[-1].seq
        # Merges are taken back by splits, which see to the items themselves.
        plain = [each for each in deeds if not joins(each)]
        self.changes = list(Change.objects.filter(activity__in=plain).order_by("id"))
        self.places = _merged(place for each in reversed(deeds) for place in _places(each))
        ids = {change.item_id for change in self.changes} | set(self.places)
        self.items: dict[int, Item] = {
            item.pk: item
            for item in Item.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product", "status", "backlog", "parent__product", "parent__backlog")
            .prefetch_related("assignees", "labels")
            .annotate(above=ABOVE)
            .filter(pk__in=ids, product=product)
            .order_by("pk")
        }
        self.backlogs: dict[int, Backlog] = product.backlogs.in_bulk()
        self.before = {pk: place_of(item) for pk, item in self.items.items()}
        self.sent: dict[int, dict[str, Any]] = {}
        if gone := len(ids) - len(self.items):
            self._keep("1 item has" if gone == 1 else f"{gone} items have", "left the product.")

    def take_back(self) -> TakenBack:
        self._plan_fields()
        trashed = self._trash_again()
        placed = self._put_back()
        fields = self._give_back()
        findings = findings_back(self.deeds, actor=self.actor, at=self.done.at, keep=self._keep)
        talk = talk_back(self.deeds, self.changes, self.items, done=self.done, keep=self._keep)
        return TakenBack(
            told=talk.said,
            talked=talk.refs,
            findings=findings,
            trashed=[item.ref for item in trashed],
            placed=[item.ref for item in placed],
            edited=[edit.item.ref for edit in fields],
            fields=[name for edit in fields for name in sorted(edit.names)],
        )

    def _keep(self, what: str, why: str) -> None:
        self.kept.append(f"{what} {why}")

    def _later_changes(self, ids: Iterable[int]) -> dict[tuple[int, str], str]:
        """Who else has changed which field of these items since."""
        later = (
            Change.objects.filter(
                activity__product=self.product, activity__seq__gt=self.first, item__in=ids
            )
            .exclude(activity__user=self.actor.user, activity__actor_kind=ActorKind.PERSON)
            .select_related("activity__user")
            .order_by("id")
        )
        return {(change.item_id, change.field): _who(change.activity.user) for change in later}

    # Into the trash goes what the deed made or brought back ------------------------------------

    def _trash_again(self) -> list[Item]:
        came = {
            change.item_id
            for change in self.changes
            if change.field == "created" or (change.field == "deleted" and change.after is False)
        }
        there = [item for pk, item in self.items.items() if pk in came and not item.deleted_at]
        if not there:
            return []
        used = self._used_by_others([item.pk for item in there])
        for item in there:
            if item.pk in used:
                self._keep(f"{item.ref} stays:", f"{used[item.pk]} has worked on it since.")
        going = [item for item in there if item.pk not in used]
        if going:
            put_into_trash(going, self.done)
            self._mute_again(going)
        return going

    def _used_by_others(self, ids: Sequence[int]) -> dict[int, str]:
        """Which of these items somebody else has changed or talked about since, or has put
        something under that lives, and who."""
        used = {pk: who for (pk, _), who in self._later_changes(ids).items()}
        said = Comment.objects.filter(item__in=ids, created_at__gt=self.deeds[-1].at)
        for comment in said.exclude(author=self.actor.user).select_related("author"):
            used[comment.item_id] = _who(comment.author)
        return self._given_children(ids) | used

    def _given_children(self, ids: Sequence[int]) -> dict[int, str]:
        """Which of these items somebody else has put something under since, and who."""
        under = dict(
            Item.objects.alive()
            .filter(parent__in=ids)
            .exclude(pk__in=ids)
            .values_list("pk", "parent_id")
        )
        put = (
            Change.objects.filter(
                activity__product=self.product,
                activity__seq__gt=self.first,
                item__in=under,
                field__in=("created", "parent"),
            )
            .exclude(activity__user=self.actor.user, activity__actor_kind=ActorKind.PERSON)
            .select_related("activity__user")
            .order_by("id")
        )
        return {under[change.item_id]: _who(change.activity.user) for change in put}

    def _mute_again(self, items: Sequence[Item]) -> None:
        opened = [pk for each in self.deeds for pk in each.data.get("opened", [])]
        if opened:
            muted = Finding.objects.filter(
                pk__in=opened, item__in=[item.pk for item in items], state=Finding.State.OPEN
            )
            ids = list(muted.values_list("pk", flat=True))
            muted.update(state=Finding.State.MUTED, muted_with_item=True)
            note_transitions(Finding.objects.filter(pk__in=ids), self.done.at)

    # Back to where it was goes what the deed moved or deleted ----------------------------------

    def _put_back(self) -> list[Item]:
        homes: dict[int, Backlog] = {}
        left = [
            (self.items[place.item], place)
            for place in self.places.values()
            if place.from_backlog and place.item in self.items
        ]
        # Parents first: a task goes back only to where its parent is by then.
        for item, place in sorted(left, key=lambda pair: pair[0].kind == Kind.TASK):
            deleted = place.to_rank is None
            home = self._trashed_home(item, place) if deleted else self._moved_home(item, place)
            home = home and self._beside_parent(item, home, homes, deleted=deleted)
            if home:
                homes[item.pk] = home
        if not homes:
            return []
        back = [self.items[pk] for pk in homes]
        returned = [item for item in back if item.deleted_at]
        self._arrive(back, homes)
        self._rank(homes)
        living = [item for item in back if not _is_closed(item.backlog)]
        note_places([*back, *self._bring_tasks(living)], self.before)
        open_muted_with(returned, self.done.at)
        return back

    def _trashed_home(self, item: Item, place: Placed) -> Backlog | None:
        if item.deleted_at is None:
            return None  # somebody has brought it back already
        home = self.backlogs[place.from_backlog or 0]
        counted_there = home.pk == item.backlog_id and item.pk in self._past
        return product_backlog(self.product) if _is_closed(home) and not counted_there else home

    @cached_property
    def _past(self) -> set[int]:
        return done_in_past(list(self.items.values()))

    def _moved_home(self, item: Item, place: Placed) -> Backlog | None:
        """The backlog that an item was moved from, or None where it stays, which is said."""
        home = self.backlogs[place.from_backlog or 0]
        mover = "" if _is_at(item, place) else self._movers.get(item.pk, "")
        if item.deleted_at:
            why = "it is in the trash by now."
        elif mover:
            why = f"{mover} has moved it since."
        elif _is_closed(home) and item.backlog_id != home.pk:
            why = f"{home.name} is closed by now."
        elif home.kind == Backlog.Kind.SPRINT and item.kind == Kind.EPIC:
            why = "it is an epic by now, which never enters a sprint."
        else:
            return home
        self._keep(f"{item.ref} stays where it is:", why)
        return None

    def _beside_parent(
        self, item: Item, home: Backlog, homes: Mapping[int, Backlog], *, deleted: bool
    ) -> Backlog | None:
        """Where a task can go, which lives where its parent does; others go home, and so does work
        to come of what was done in a closed sprint."""
        parent = self.sent.get(item.pk, {}).get("parent", item.parent)
        if item.kind != Kind.TASK or parent is None or item.status.category == Category.DONE:
            return home
        parent = self.items.get(parent.pk, parent)
        where = homes.get(parent.pk) or self.backlogs[parent.backlog_id]
        is_away = parent.deleted_at and parent.pk not in homes
        if where == home or is_away or _is_closed(where):
            return home
        if deleted:
            return where
        self._keep(f"{item.ref} stays where it is:", f"it lives where {parent.ref} is.")
        return None

    @cached_property
    def _movers(self) -> dict[int, str]:
        """Who else has moved which item since."""
        later = (
            Activity.objects.filter(product=self.product, seq__gt=self.first, data__has_key="moved")
            .exclude(user=self.actor.user, actor_kind=ActorKind.PERSON)
            .select_related("user")
            .order_by("seq")
        )
        return {place.item: _who(each.user) for each in later for place in _places(each)}

    def _arrive(self, items: Sequence[Item], homes: Mapping[int, Backlog]) -> None:
        """Let the items stay in their homes from now on; their ranks come later."""
        for home in dict.fromkeys(homes.values()):
            coming = [item for item in items if homes[item.pk] == home and not item.deleted_at]
            enter(home, [item for item in coming if item.backlog_id != home.pk], self.done)
        returned = [item for item in items if item.deleted_at]
        for item in returned:
            item.backlog, item.deleted_at = homes[item.pk], None
            item.updated_at = self.done.at
            item.version += 1
            self.done.change(item, "deleted", True, False)
        # What comes back into a closed sprint counted there, and its stay there is over.
        Stay.objects.bulk_create(
            Stay(item=item, backlog=item.backlog, entered_at=self.done.at)
            for item in returned
            if not _is_closed(item.backlog)
        )

    def _rank(self, homes: Mapping[int, Backlog]) -> None:
        """Give the items their former keys where these are free; others go beside whoever has
        the key now or, where the backlog was given fresh keys since, whoever stood above."""
        ids = sorted(homes, key=lambda pk: (homes[pk].pk, self.places[pk].from_rank or ""))
        fresh, holders = self._rebalanced(), self._holders(homes)
        free: list[Item] = []
        runs: list[list[int]] = []
        for pk in ids:
            place, home = self.places[pk], homes[pk]
            keeps_keys = home.pk == place.from_backlog and home.pk not in fresh
            if keeps_keys and holders.get((home.pk, place.from_rank), pk) == pk:
                self.items[pk].rank = place.from_rank
                free.append(self.items[pk])
            elif runs and place.above == runs[-1][-1] and homes[runs[-1][0]] == home:
                runs[-1].append(pk)
            else:
                runs.append([pk])
        self._write(free)
        for run in runs:
            place, home = self.places[run[0]], homes[run[0]]
            holder = holders.get((home.pk, place.from_rank)) if home.pk not in fresh else None
            keys = keys_for(home, self._spot(home, place, holder), len(run))
            for pk, key in zip(run, keys, strict=True):
                self.items[pk].rank = key
            self._write([self.items[pk] for pk in run])

    def _rebalanced(self) -> set[int]:
        """The backlogs that got fresh keys since the deed began."""
        later = Activity.objects.filter(
            product=self.product, seq__gte=self.first, data__has_key="rebalanced"
        )
        return {pk for data in later.values_list("data", flat=True) for pk in data["rebalanced"]}

    def _holders(self, homes: Mapping[int, Backlog]) -> dict[tuple[int, str | None], int]:
        """Which items have the former keys now."""
        held = Item.objects.filter(
            backlog__in={home.pk for home in homes.values()},
            rank__in=[self.places[pk].from_rank for pk in homes],
        )
        return {(home, rank): pk for home, rank, pk in held.values_list("backlog", "rank", "pk")}

    def _spot(self, home: Backlog, place: Placed, holder: int | None) -> Spot:
        if home.pk != place.from_backlog:
            return Spot.top()
        if holder is not None:
            return Spot.before(Item(pk=holder))
        there = Item.objects.filter(pk=place.above or 0, backlog=home, rank__isnull=False)
        above = there.first()
        return Spot.after(above) if above else Spot.top()

    def _bring_tasks(self, parents: Sequence[Item]) -> list[Item]:
        """Tasks that live elsewhere, such as those made since, follow their parents."""
        strayed: dict[int, list[Item]] = defaultdict(list)
        by_id = {item.pk: item for item in parents}
        tasks = (
            Item.objects.select_for_update(no_key=True, of=("self",))
            .select_related("product", "status", "backlog")
            .annotate(above=ABOVE)
            .filter(kind=Kind.TASK, parent__in=by_id, deleted_at__isnull=True)
            .exclude(status__category=Category.DONE)
            .order_by("backlog", "rank")
        )
        for task in tasks:
            known = self.items.setdefault(task.pk, task)
            self.before.setdefault(task.pk, place_of(task))
            parent = by_id[task.parent_id or 0]
            if known.pk not in by_id and known.backlog_id != parent.backlog_id:
                strayed[parent.pk].append(known)
        for pk, followers in strayed.items():
            home = by_id[pk].backlog
            enter(home, followers, self.done)
            keys = keys_for(home, Spot.after(by_id[pk]), len(followers))
            for task, key in zip(followers, keys, strict=True):
                task.rank = key
            self._write(followers)
        return [task for followers in strayed.values() for task in followers]

    def _write(self, items: Sequence[Item]) -> None:
        write_items(items, [*PLACE, "deleted_at"])

    # What the deed edited holds its former values ----------------------------------------------

    def _plan_fields(self) -> None:
        """Choose the values that the items get back; what others have changed since stays."""
        values = self._changed_fields()
        found = Former(self.product, values.values())
        overwritten: list[tuple[Item, str]] = []
        for (pk, name), (before, after) in values.items():
            item = self.items[pk]
            if values_of(item, [name])[name] != after:
                overwritten.append((item, name))
                continue
            try:
                self.sent.setdefault(pk, {})[name] = found.value(name, before)
            except GoneError as gone:
                self._keep(f"{item.ref} keeps its {field_in_words(name)}:", str(gone))
        self._keep_overwritten(overwritten)
        self._keep_kinds()

    def _changed_fields(self) -> dict[tuple[int, str], tuple[Any, Any]]:
        """What each field held before the deed and after it, by item."""
        values: dict[tuple[int, str], tuple[Any, Any]] = {}
        for change in self.changes:
            is_field = change.field in {*PLAIN, *SETS} or change.field.startswith(EXTRA)
            if is_field and change.item_id in self.items:
                before, _ = values.get((change.item_id, change.field), (change.before, None))
                values[change.item_id, change.field] = before, change.after
        return values

    def _keep_overwritten(self, overwritten: Sequence[tuple[Item, str]]) -> None:
        if not overwritten:
            return
        changed = self._later_changes({item.pk for item, _ in overwritten})
        for item, name in overwritten:
            who = changed.get((item.pk, name), "somebody")
            self._keep(
                f"{item.ref} keeps its {field_in_words(name)}:", f"{who} has changed it since."
            )

    def _keep_kinds(self) -> None:
        """A kind goes back only where what stands under the item can stay there, and where no
        running sprint counts by it."""
        for item, why in kinds_that_stay(self.items, self.sent):
            self._keep(f"{item.ref} keeps its kind:", why)

    def _give_back(self) -> list[Edited]:
        edits = []
        for pk, sent in self.sent.items():
            item = self.items[pk]
            if item.deleted_at:
                self._keep(f"{item.ref} stays as it is:", "it is in the trash by now.")
                continue
            try:
                edit = edited(item, sent, self.done)
            except ValidationError as error:
                fields = listed(field_in_words(name) for name in sent)
                self._keep(f"{item.ref} keeps its {fields}:", error.messages[0])
            else:
                edits += [edit] if edit else []
        write_edits(self.product, edits, self.done, self.actor)
        return edits


class GoneError(Exception):
    """A former value that is not there any more, and why."""


class Former:
    """What changes keep by slug, e-mail, name and ref, as it is today; one query of each."""

    def __init__(self, product: Product, values: Iterable[tuple[Any, Any]]) -> None:
        self.product = product
        self.befores = [before for before, _ in values]

    def value(self, name: str, before: Any) -> Any:
        """The value to be set. Raises GoneError where there is no such thing any more."""
        if name.startswith(EXTRA) and name.removeprefix(EXTRA) not in self._extra_fields:
            raise GoneError("the product has no such field any more.")
        if name == "status":
            return self._one(self._statuses, before, "that status is gone.")
        if name == "parent" and before is not None:
            return self._one(self._living, before, f"{before} is not there any more.")
        if name == "assignees":
            return self._all(self._members, before, "is no member any more.")
        if name == "labels":
            return self._all(self._labels, before, "is no label any more.")
        if name in {"points", "gpu_hours"} and before is not None:
            return Decimal(str(before))
        if name == "due_date" and before is not None:
            return date.fromisoformat(before)
        return before

    @staticmethod
    def _one(known: Mapping[str, Any], name: str, why: str) -> Any:
        if name not in known:
            raise GoneError(why)
        return known[name]

    @staticmethod
    def _all(known: Mapping[str, Any], names: Sequence[str], why: str) -> list[Any]:
        gone = [name for name in names if name not in known]
        if gone:
            raise GoneError(f"{gone[0]} {why}")
        return [known[name] for name in names]

    @cached_property
    def _statuses(self) -> dict[str, Any]:
        return {status.slug: status for status in self.product.statuses.all()}

    @cached_property
    def _members(self) -> dict[str, Any]:
        members = User.objects.filter(memberships__product=self.product)
        return {user.email: user for user in members}

    @cached_property
    def _labels(self) -> dict[str, Any]:
        return {label.name: label for label in self.product.labels.all()}

    @cached_property
    def _living(self) -> dict[str, Item]:
        return items_by_ref(
            self.product, [before for before in self.befores if isinstance(before, str)]
        )

    @cached_property
    def _extra_fields(self) -> set[str]:
        return set(self.product.extra_fields.values_list("slug", flat=True))


def kinds_that_stay(
    items: Mapping[int, Item], sent: Mapping[int, dict[str, Any]]
) -> Iterator[tuple[Item, str]]:
    """Take out of what is sent each kind that an item can't go back to, and say why."""
    kinds = {pk: fields["kind"] for pk, fields in sent.items() if "kind" in fields}
    children = Item.objects.alive().filter(parent__in=kinds) if kinds else Item.objects.none()
    for child in children.only("parent_id", "kind"):
        parent = child.parent_id or 0
        problem = trees.parent_problem(child.kind, kinds[parent])
        if problem and sent[parent].pop("kind", None):
            yield items[parent], problem
    wanted = [(items[pk], fields["kind"]) for pk, fields in sent.items() if "kind" in fields]
    for item, why in kinds_that_count(wanted):
        del sent[item.pk]["kind"]
        yield item, why


def _merged(places: Iterable[Placed]) -> dict[int, Placed]:
    """From where to where each item went, by its id, however often the deeds moved it."""
    merged: dict[int, Placed] = {}
    for place in places:
        first = merged.get(place.item, place)
        merged[place.item] = first._replace(to_backlog=place.to_backlog, to_rank=place.to_rank)
    return merged


def _is_at(item: Item, place: Placed) -> bool:
    return (item.backlog_id, item.rank) == (place.to_backlog, place.to_rank)


def _is_closed(backlog: Backlog) -> bool:
    return backlog.state == Backlog.State.CLOSED


def _who(user: User | None) -> str:
    return str(user) if user else "the evidence"
