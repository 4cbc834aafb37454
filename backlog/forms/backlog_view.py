"""What the backlog page shows, as its address says: filters, groups, columns, the line that fits.

Everything that a person chose stands in the address, so that it can be sent to somebody, kept as
a view, and come back to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.functional import SimpleLazyObject

from backlog.forms.filters import DUE, ME, NONE, NOT, SEVERITIES, ItemFilters
from backlog.models import ExtraField, Kind, Product, User
from backlog.models.items import ItemQuerySet
from backlog.queries.backlogs import GROUPINGS, Offer, Span, product_backlog_items
from backlog.queries.items import EXTRA, OPEN

Choice = tuple[str, str]
RARE = ("category", "category__not", "due_before", "due_after")
YES_NO = [("true", "Yes"), ("false", "No")]


@dataclass(frozen=True)
class Facet:
    """A filter that the page offers: `kind` is how it is chosen (`any`, `one`, `date`, `text`)."""

    name: str
    label: str
    choices: Sequence[Choice] = ()
    kind: str = "any"
    can_exclude: bool = False


@dataclass(frozen=True)
class Chip:
    """A filter in force, in words, and the address without it."""

    facet: Facet
    is_not: bool
    picked: Sequence[str]
    said: str
    without: str


@dataclass(frozen=True)
class FacetMenu:
    """A filter as a menu of the page: in force with its chip or not, and the hidden fields that
    keep everything else."""

    facet: Facet
    chip: Chip | None
    fields: Sequence[tuple[str, str]]

    @property
    def picked(self) -> Sequence[str]:
        return self.chip.picked if self.chip else ()


@dataclass(frozen=True)
class Column:
    """A column of the list; `by_default` where it shows unless somebody chose otherwise. Those of
    the product's own fields have the `kind` of their field."""

    name: str
    label: str
    by_default: bool = False
    kind: str = ""

    @property
    def slug(self) -> str:
        """What the product calls its field."""
        return self.name.removeprefix(EXTRA)


COLUMNS = (
    Column("parent", "Parent", by_default=True),
    Column("labels", "Labels", by_default=True),
    Column("evidence", "Evidence", by_default=True),
    Column("criteria", "Criteria"),
    Column("due_date", "Due"),
    Column("gpu_hours", "GPU-hours"),
    Column("updated", "Changed"),
    Column("status", "Status", by_default=True),
    Column("points", "Points", by_default=True),
    Column("assignees", "Assignees", by_default=True),
)
TAGS = ("parent", "labels", "evidence")
AT_HAND = ("kind", "status", "assignee", "label", "severity")
FLAGS = ("group", "cols", "done", "line", "inbox", "triage", "page")
# What else comes along: for the rows that are asked for, and from the menus of the page.
OF_REQUESTS = frozenset(
    ["offset", "limit", "ref", "only", "in", "set", "mode", "pick", "low", "high", "off", "at"]
)


class BacklogView:
    """A page of the product backlog as an address asks for it; what makes no sense is left out and
    named in `problems`."""

    def __init__(self, product: Product, data: QueryDict, reader: User, offer: Offer) -> None:
        self.product, self.reader, self.offer = product, reader, offer
        self.facets = [*_facets(offer), *_rare_facets(data)]
        self._by_name = {facet.name: facet for facet in self.facets}
        known = QueryDict(mutable=True)
        self.problems = []
        for name in data:
            values = [value for value in data.getlist(name) if value and "\0" not in value]
            if not values or name in OF_REQUESTS:
                continue
            if name in FLAGS or name == "q" or self._facet(name):
                known.setlist(name, values)
            else:
                self.problems.append(f"“{name}” is no filter of this backlog; it was left out.")
        self.filters = ItemFilters(
            known, queryset=product_backlog_items(product), reader=reader, product=product
        )
        wrong = [] if self.filters.is_valid() else list(self.filters.errors)
        self.problems += [self._problem(name, known.getlist(name)) for name in wrong]
        for name in wrong:
            known.pop(name, None)
        if wrong:
            self.filters = ItemFilters(
                known, queryset=product_backlog_items(product), reader=reader, product=product
            )
        self.words = known

    # What is shown --------------------------------------------------------------------------

    @property
    def q(self) -> str:
        return str(self.words.get("q", ""))

    @property
    def group(self) -> str:
        wanted = str(self.words.get("group", ""))
        return wanted if wanted in GROUPINGS else ""

    @property
    def with_done(self) -> bool:
        """Whether done items show: when asked for, or when a filter speaks of statuses."""
        return self.words.get("done") == "1" or "status" in self.words

    @property
    def whole_inbox(self) -> bool:
        return self.words.get("inbox") == "all"

    @property
    def whole_triage(self) -> bool:
        return self.words.get("triage") == "all"

    @property
    def page(self) -> int:
        """Which part of the list shows where no script fetches more; from 1."""
        text = str(self.words.get("page", ""))
        return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text) else 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.chips or self.q)

    @property
    def items(self) -> ItemQuerySet:
        """The items that match, done ones among them only where they show."""
        return self.matching if self.with_done else self.matching.filter(OPEN)

    @property
    def matching(self) -> ItemQuerySet:
        """The items that match, done or not."""
        found: ItemQuerySet = self.filters.qs
        return found

    @cached_property
    def columns(self) -> dict[str, bool]:
        """Which of the columns show, by name; those of the product's own fields as well."""
        chosen = self.words.get("cols")
        if chosen is None:
            return {column.name: column.by_default for column in self.all_columns}
        wanted = set(str(chosen).split(","))
        return {column.name: column.name in wanted for column in self.all_columns}

    @cached_property
    def all_columns(self) -> list[Column]:
        extra = [
            Column(f"{EXTRA}{field.slug}", field.name, kind=field.kind)
            for field in self.offer.fields
        ]
        return [*COLUMNS[:-3], *extra, *COLUMNS[-3:]]

    @property
    def extra_columns(self) -> list[Column]:
        return [c for c in self.all_columns if c.name.startswith(EXTRA) and self.columns[c.name]]

    @property
    def tag_names(self) -> str:
        """What stands as chips behind the titles, in words."""
        return " · ".join(c.label for c in COLUMNS if c.name in TAGS and self.columns[c.name])

    @property
    def span(self) -> Span | None:
        """The points that a person said a sprint holds, as `line=20-30`."""
        match = re.fullmatch(r"([0-9.]{1,7})(?:-([0-9.]{1,7}))?", str(self.words.get("line", "")))
        try:
            ends = sorted(Decimal(end) for end in match.groups() if end) if match else []
        except InvalidOperation:
            return None
        return Span(ends[0], ends[-1], "set on this page") if ends else None

    @property
    def wants_line(self) -> bool:
        return self.words.get("line") != "off" and not self.group and not self.is_filtered

    # Its address ------------------------------------------------------------------------------

    @property
    def query(self) -> str:
        """The address's query, in one spelling, without what only this visit needs."""
        return self.with_words(page=None, inbox=None, triage=None)

    @property
    def whole_query(self) -> str:
        """The query with all that brings the same page back."""
        return self.with_words()

    def fields_without(self, *names: str) -> list[tuple[str, str]]:
        """The parameters but these as hidden fields of a form that sets them."""
        left_out = {*names, "page"}
        return [
            (name, value)
            for name in self.words
            if name not in left_out
            for value in self.words.getlist(name)
        ]

    def with_words(self, **changes: str | Sequence[str] | None) -> str:
        """The query with these parameters set, or taken away by None."""
        words = self.words.copy()
        for name, value in changes.items():
            if value is None:
                words.pop(name, None)
            elif isinstance(value, str):
                words[name] = value
            else:
                words.setlist(name, list(value))
        return words.urlencode(safe="@:,")

    @cached_property
    def chips(self) -> list[Chip]:
        """The filters in force, in the order of the menu."""
        found = []
        for facet in self.facets:
            for name in (facet.name, f"{facet.name}{NOT}"):
                picked = self.words.getlist(name)
                if picked:
                    found.append(
                        Chip(
                            facet=facet,
                            is_not=name.endswith(NOT),
                            picked=picked,
                            said=self._said(facet, picked),
                            without=self.with_words(**{name: None, "page": None}),
                        )
                    )
        return found

    @cached_property
    def menus(self) -> list[FacetMenu]:
        """The filters as menus, those in force first; what no menu offers is there when it is in
        force."""
        chips = {chip.facet.name: chip for chip in self.chips}
        menus = [
            FacetMenu(
                facet,
                chips.get(facet.name),
                self.fields_without(facet.name, f"{facet.name}{NOT}"),
            )
            for facet in self.facets
            if facet.name in chips or facet.name not in RARE
        ]
        return sorted(menus, key=lambda menu: menu.chip is None)

    @property
    def used_menus(self) -> list[FacetMenu]:
        return [menu for menu in self.menus if menu.chip]

    @property
    def free_menus(self) -> list[FacetMenu]:
        """The first few that are not in force stand on the page, the rest in a menu."""
        return [menu for menu in self.menus if not menu.chip and menu.facet.name in AT_HAND]

    @property
    def rare_menus(self) -> list[FacetMenu]:
        return [menu for menu in self.menus if not menu.chip and menu.facet.name not in AT_HAND]

    @property
    def fields_of_search(self) -> list[tuple[str, str]]:
        return self.fields_without("q")

    @property
    def fields_of_columns(self) -> list[tuple[str, str]]:
        return self.fields_without("cols")

    @property
    def fields_of_line(self) -> list[tuple[str, str]]:
        return self.fields_without("line")

    @property
    def groupings(self) -> list[tuple[str, str, str]]:
        """Value, label and address of each way to group, none first."""
        named = [("", "None"), *((name, grouping.label) for name, grouping in GROUPINGS.items())]
        return [
            (name, label, self.with_words(group=name or None, page=None)) for name, label in named
        ]

    def query_of_group(self, value: str) -> str:
        """The address of one group's items alone."""
        facet = {"epic": "parent"}.get(self.group, self.group)
        return self.with_words(group=None, page=None, **{facet: value})

    @property
    def group_label(self) -> str:
        return GROUPINGS[self.group].label if self.group else ""

    @property
    def query_of_done(self) -> str:
        """The address that shows what is done, or hides it."""
        return self.with_words(done=None if self.with_done else "1", page=None)

    def after_setting(self, data: Mapping[str, str], picked: Sequence[str]) -> str | None:
        """The query after what a menu of the page was sent for, or None where it was for nothing:
        `set` names a filter with `mode` and `pick`s, or `cols` with the columns picked."""
        name = data.get("set", "")
        if name == "cols":
            wanted = [column.name for column in self.all_columns if column.name in picked]
            default = [column.name for column in self.all_columns if column.by_default]
            return self.with_words(cols=None if wanted == default else ",".join(wanted) or "-")
        if name == "line":
            low, high = data.get("low", "").strip(), data.get("high", "").strip()
            ends = "-".join(end for end in (low, high) if end)
            return self.with_words(line="off" if data.get("off") else ends or None)
        facet = self._by_name.get(name)
        if facet is None:
            return None
        is_not = facet.can_exclude and data.get("mode") == "not"
        chosen = [value for value in picked if value]
        return self.with_words(
            **{
                name: None if is_not else chosen or None,
                f"{name}{NOT}": (chosen or None) if is_not else None,
                "page": None,
            }
        )

    # ------------------------------------------------------------------------------------------

    def _facet(self, name: str) -> Facet | None:
        facet = self._by_name.get(name) or self._by_name.get(name.removesuffix(NOT))
        if facet is not None and facet.name == name:
            return facet
        return None if facet is None or (name.endswith(NOT) and not facet.can_exclude) else facet

    def _said(self, facet: Facet, picked: Iterable[str]) -> str:
        words = dict(facet.choices)
        return ", ".join(words.get(value, value) for value in picked)

    def _problem(self, name: str, values: Sequence[str]) -> str:
        facet = self._facet(name)
        label = facet.label if facet else name
        return f"{label} can't be “{', '.join(values)}”; it was left out."


def _facets(offer: Offer) -> list[Facet]:
    """The menus; what a menu holds is read when it is drawn, or a chip names a part of it."""

    def later(first: Sequence[Choice], rest: Callable[[], Iterable[Choice]]) -> Any:
        return SimpleLazyObject(lambda: [*first, *rest()])

    statuses = later((), lambda: ((s.slug, s.name) for s in offer.statuses))
    nobody = ((ME, "Me"), (NONE, "Nobody"))
    people = later(nobody, lambda: ((person.email, str(person)) for person in offer.people))
    labels = later(((NONE, "No label"),), lambda: ((x.name, x.name) for x in offer.labels))
    epics = later(
        ((NONE, "No parent"),), lambda: ((e.ref, f"{e.ref} {e.title}") for e in offer.epics)
    )
    sources = later(((NONE, "No finding"),), lambda: ((s, s) for s in offer.sources))
    return [
        Facet("kind", "Kind", [(k.value, str(k.label)) for k in Kind], can_exclude=True),
        Facet("status", "Status", statuses, can_exclude=True),
        Facet("assignee", "Assignee", people, can_exclude=True),
        Facet("label", "Label", labels, can_exclude=True),
        Facet("parent", "Parent", epics, can_exclude=True),
        Facet(
            "severity",
            "Severity",
            [(s, str(label).capitalize()) for s, label in SEVERITIES],
            can_exclude=True,
        ),
        Facet("source", "Source", sources, can_exclude=True),
        Facet("blocked", "Blocked", YES_NO, kind="one"),
        Facet("estimated", "Estimated", YES_NO, kind="one"),
        Facet("due", "Due", DUE, can_exclude=True),
        Facet("updated_since", "Changed since", kind="date"),
        *(_own_facet(field) for field in offer.fields),
    ]


def _rare_facets(data: QueryDict) -> list[Facet]:
    """Filters that REST knows and no menu offers: an address may name them all the same."""
    return [
        Facet(name, name.replace("__not", " not").replace("_", " ").capitalize(), kind="text")
        for name in RARE
        if name in data
    ]


def _own_facet(field: ExtraField) -> Facet:
    """The filter by a field of the product's own."""
    name = f"{EXTRA}{field.slug}"
    if field.kind == "checkbox":
        return Facet(name, field.name, YES_NO, kind="one")
    if field.kind == "choice":
        choices = [(NONE, "None"), *((choice, choice) for choice in field.choices)]
        return Facet(name, field.name, choices, can_exclude=True)
    kind = "date" if field.kind == "date" else "text"
    return Facet(name, field.name, kind=kind, can_exclude=True)
