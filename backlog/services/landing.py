"""Where the words of a file land in a product: statuses, people, labels, fields of its own.

Only `make_room` writes, so that a dry run says what an import would do.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.text import slugify

from backlog.importers import mapping as mappings
from backlog.importers.mapping import Found, Target
from backlog.importers.ordering import priorities_in_order
from backlog.importers.parsed import (
    WHOLE_FILE,
    ImportedFile,
    ImportedItem,
    Level,
    Parsed,
    RowProblem,
)
from backlog.models import Actor, Category, ExtraField, Item, Label, Product, Status, User
from backlog.rules import extra_fields as rules
from backlog.services.extra_fields import MOST_CHOICES, MOST_FIELDS, create_field, update_field
from backlog.services.items import LONGEST_CRITERION, MOST_CRITERIA
from backlog.services.labels import MOST_LABELS, labels_named

PRIORITY = "Priority"
FORMER_SPRINT = "Former sprint"  # whether or not the sprint itself comes along
LONGEST_LABEL = Label._meta.get_field("name").max_length or 0
LONGEST_FIELD_NAME = ExtraField._meta.get_field("name").max_length or 0
LONGEST_REASON = Item._meta.get_field("blocked_reason").max_length or 0
LONGEST_ID = Item._meta.get_field("external_id").max_length or 0
LONGEST_URL = Item._meta.get_field("external_url").max_length or 0
USUAL_PRIORITIES = ("High", "Medium", "Low")
Warn = Callable[[str, str], None]  # a code and a sentence
_is_address = URLValidator(schemes=["http", "https"])


@dataclass
class FieldPlan:
    """A field of the product that the file fills; without a slug it is still to be made."""

    name: str
    kind: str
    choices: list[str] = field(default_factory=list)
    slug: str = ""
    gets_choices: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a row wants its item to be: values by the names that services give them, but labels
    and fields of the product by their folded names; and a digest of each value."""

    item: ImportedItem
    fields: Mapping[str, Any]
    labels: Sequence[str]
    extra: Mapping[str, Any]
    digests: Mapping[str, str]
    problems: list[RowProblem]

    @property
    def row(self) -> int:
        return self.item.row


@dataclass
class Landing:
    """What the words of one file mean in the product, as both stand now."""

    product: Product
    mapping: mappings.Mapping
    statuses: dict[str, Status]
    people: dict[str, User]  # members by e-mail address in small letters
    authors: dict[str, User]  # of comments, by the file's words
    labels: dict[str, Label | str]  # by folded name; a mere name is still to be made
    carried: frozenset[Target]  # what the file has columns for
    fields: dict[str, FieldPlan] = field(default_factory=dict)  # by folded name
    problems: list[RowProblem] = field(default_factory=list)  # of the whole file

    def carries(self, *targets: Target) -> bool:
        """Whether the file has a column for one of these."""
        return not self.carried.isdisjoint(targets)

    def status(self, category: Category) -> Status:
        """The first status of a category, or the first of all."""
        found = [each for each in self.statuses.values() if each.category == category]
        return (found or list(self.statuses.values()))[0]


def land(product: Product, mapping: mappings.Mapping, parsed: Parsed) -> Landing:
    """Look up all that a file's words may mean; what the product lacks is planned, not made."""
    people = {
        user.email.casefold(): user
        for user in User.objects.filter(memberships__product=product, is_active=True)
    }
    landing = Landing(
        product=product,
        mapping=mapping,
        statuses={status.slug: status for status in product.statuses.order_by("position")},
        people=people,
        authors=_authors(parsed.items, mapping, people),
        labels={label.name.casefold(): label for label in product.labels.all()},
        carried=frozenset(column.target for column in mapping.columns),
    )
    _plan_labels(landing, parsed.items)
    _plan_fields(landing, parsed.items)
    return landing


def make_room(landing: Landing, *, actor: Actor) -> None:
    """Make the labels and fields that were planned, in the caller's deed."""
    missing = [name for name in landing.labels.values() if isinstance(name, str)]
    for label in labels_named(landing.product, missing, actor=actor):
        landing.labels[label.name.casefold()] = label
    present = {each.slug: each for each in landing.product.extra_fields.all()}
    for plan in landing.fields.values():
        if not plan.slug:
            made = create_field(
                landing.product, plan.name, plan.kind, actor=actor, choices=plan.choices
            )
            plan.slug = made.slug
        elif plan.gets_choices:
            update_field(present[plan.slug], actor=actor, choices=plan.choices)
        plan.gets_choices = False


def wanted_of(landing: Landing, item: ImportedItem, parent: ImportedItem | None) -> Wanted:
    """A row in the words of the product; `parent` is the row it stands under in the same file.

    Only what the file has columns for is wanted. What doesn't fit is left out with a warning.
    """
    problems: list[RowProblem] = []

    def warn(code: str, message: str, column: str = "") -> None:
        problems.append(RowProblem(item.row, column, Level.WARNING, code, message))

    fields: dict[str, Any] = {"title": item.title}
    has = landing.carries
    if has(Target.KIND):
        fields["kind"] = item.kind
    if has(Target.DESCRIPTION) or item.description:
        fields["description"] = item.description
    if has(Target.STATUS, Target.DONE_AT):
        fields["status"] = _status(landing, item, warn)
    if has(Target.POINTS, Target.ROLE_POINTS):
        fields["points"] = item.points
    if has(Target.ASSIGNEES):
        fields["assignees"] = list(_assignees(landing, item, warn))
    if has(Target.DUE_DATE):
        fields["due_date"] = item.due_date
    if has(Target.BLOCKED_REASON):
        fields["blocked_reason"] = _cut(item.blocked_reason, LONGEST_REASON, "blocked reason", warn)
    if has(Target.GPU_HOURS):
        hours = item.gpu_hours
        fields["gpu_hours"] = None if hours is None else round(hours, 1)
    if has(Target.CRITERIA):
        fields["criteria"] = _criteria(item, warn)
    if has(Target.EXTERNAL_URL) or landing.mapping.site_url:
        fields["external_url"] = _address(item.external_url, warn)
    labels = list(_labels(landing, item, warn)) if has(Target.LABELS) else []
    extra = _extra(landing, item, warn)
    digests = {name: digest_of(_plain(value)) for name, value in fields.items()}
    digests |= {f"fields.{name}": digest_of(value) for name, value in extra.items()}
    if has(Target.LABELS):
        digests["labels"] = digest_of(sorted(labels))
    if has(Target.PARENT):
        digests["parent"] = digest_of(item.parent or (parent.title if parent else ""))
    if has(Target.COMMENTS):
        said = [(str(each.at), each.author, each.text) for each in item.comments]
        digests["comments"] = digest_of(said)
    if item.files:
        digests["files"] = digest_of_files(item.files)
    if has(Target.DONE_AT):
        digests["done_at"] = digest_of(str(item.done_at))
    return Wanted(item, fields, labels, extra, digests, problems)


def digest_of(value: Any) -> str:
    """Sixteen signs that differ where the values do."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def digest_of_files(files: Iterable[ImportedFile]) -> str:
    """As digest_of, of names and contents."""
    return digest_of([(file.name, digest_of(file.base64)) for file in files])


def _plain(value: Any) -> Any:
    if isinstance(value, Status):
        return value.slug
    if isinstance(value, list) and value and isinstance(value[0], User):
        return sorted(user.email for user in value)
    return value


def _status(landing: Landing, item: ImportedItem, warn: Warn) -> Status:
    if not item.status:
        return landing.status(Category.DONE if item.done_at else Category.TODO)
    slug = landing.mapping.statuses.get(item.status, "")
    if slug in landing.statuses:
        return landing.statuses[slug]
    status = landing.status(Category.DONE if item.done_at else Category.TODO)
    warn(
        "unknown_status",
        f"The status “{item.status[:80]}” is matched with none of ours: taken as {status.name}.",
    )
    return status


def _assignees(landing: Landing, item: ImportedItem, warn: Warn) -> Iterator[User]:
    seen: set[int] = set()
    for word in item.assignees:
        user = landing.people.get(landing.mapping.people.get(word, "").casefold())
        if user is None:
            warn(
                "unknown_person",
                f"“{word[:80]}” is matched with no member and was left out: invite them, or choose "
                "somebody, and import the file again.",
            )
        elif user.pk not in seen:
            seen.add(user.pk)
            yield user


def _labels(landing: Landing, item: ImportedItem, warn: Warn) -> Iterator[str]:
    seen: set[str] = set()
    for word in item.labels:
        name = _label_name(word)
        folded = name.casefold()
        if not name:
            continue
        if folded not in landing.labels:
            warn(
                "too_many_labels",
                f"The label {name} was left out: a product has at most {MOST_LABELS}.",
            )
        elif folded not in seen:
            seen.add(folded)
            if len(name) < len(_whole_label(word)):
                warn("long_label", f"The label was cut at {LONGEST_LABEL} signs: {name}.")
            yield folded


def _label_name(word: str) -> str:
    """A word as a label may be called."""
    return _whole_label(word)[:LONGEST_LABEL].strip()


def _whole_label(word: str) -> str:
    return " ".join(word.replace(",", " ").split()).lstrip("#- ").strip()


def _criteria(item: ImportedItem, warn: Warn) -> list[tuple[str, bool]]:
    kept = []
    for each in item.criteria[:MOST_CRITERIA]:
        text = " ".join(each.text.split())
        if text:
            kept.append((_cut(text, LONGEST_CRITERION, "criterion", warn), each.done))
    if len(item.criteria) > MOST_CRITERIA:
        warn(
            "too_many_criteria",
            f"An item has at most {MOST_CRITERIA} criteria; "
            f"{len(item.criteria) - MOST_CRITERIA} were left out.",
        )
    return kept


def _address(address: str, warn: Warn) -> str:
    if not address:
        return ""
    try:
        _is_address(address)
    except ValidationError:
        is_fine = False
    else:
        is_fine = len(address) <= LONGEST_URL
    if not is_fine:
        warn("bad_external_url", f"{address[:80]} is no address that a browser opens; left out.")
    return address if is_fine else ""


def _cut(text: str, longest: int, name: str, warn: Warn) -> str:
    if len(text) <= longest:
        return text
    warn("too_long", f"The {name} was cut at {longest:,} signs.")
    return f"{text[: longest - 1].rstrip()}…"


def _extra(landing: Landing, item: ImportedItem, warn: Warn) -> dict[str, Any]:
    """Values of the product's fields; None where the file has the field and the row nothing."""
    sent = {name.casefold(): text for name, text in _extra_texts(item)}
    kept: dict[str, Any] = {}
    for folded, plan in landing.fields.items():
        text = sent.get(folded, "")
        if plan.kind == "text":
            text = _cut(text, rules.LONGEST_TEXT, f"field {plan.name}", warn)
        elif plan.kind == "choice":
            text = " ".join(text.split())
        try:
            kept[folded] = rules.kept(plan.kind, text, plan.choices)
        except rules.BadValue:
            kept[folded] = None
            warn("bad_field", f"“{text[:80]}” does not fit the field {plan.name}; left out.")
    return kept


def _extra_texts(item: ImportedItem) -> Iterator[tuple[str, str]]:
    for name, text in (
        (PRIORITY, item.priority),
        (FORMER_SPRINT, item.sprint),
        *item.extra.items(),
    ):
        if text:
            yield name[:LONGEST_FIELD_NAME].strip(), text


def _authors(
    items: Iterable[ImportedItem], mapping: mappings.Mapping, people: Mapping[str, User]
) -> dict[str, User]:
    words = {said.author for item in items for said in item.comments if said.author}
    known = mappings.match_people(
        (Found(word, 1) for word in words), ((user.email, user.name) for user in people.values())
    )
    known |= {word: email for word, email in mapping.people.items() if word in words and email}
    found = {word: people.get(email.casefold()) for word, email in known.items()}
    return {word: user for word, user in found.items() if user is not None}


def _plan_labels(landing: Landing, items: Iterable[ImportedItem]) -> None:
    """As many new labels as the product has room for, the most frequent first."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for item in items:
        for word in item.labels:
            if name := _label_name(word):
                counts[name.casefold()] += 1
                names.setdefault(name.casefold(), name)
    new = [folded for folded, _ in counts.most_common() if folded not in landing.labels]
    room = max(0, MOST_LABELS - len(landing.labels))
    landing.labels |= {folded: names[folded] for folded in new[:room]}


def _plan_fields(landing: Landing, items: Sequence[ImportedItem]) -> None:
    """As many new fields as the product has room for: priority and sprint, then the fullest."""
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    texts: dict[str, set[str]] = {}
    for item in items:
        for name, text in _extra_texts(item):
            folded = name.casefold()
            counts[folded] += 1
            names.setdefault(folded, name)
            texts.setdefault(folded, set()).add(text)
    first = [name.casefold() for name in (PRIORITY, FORMER_SPRINT) if name.casefold() in counts]
    ordered = [*first, *(folded for folded, _ in counts.most_common() if folded not in first)]
    present = list(landing.product.extra_fields.all())
    by_name = {each.name.casefold(): each for each in present}
    by_slug = {each.slug: each for each in present}
    urgency = priorities_in_order(items)
    hours = {
        (column.detail or column.name)[:LONGEST_FIELD_NAME].strip()
        for column in landing.mapping.of(Target.EXTRA_HOURS)
    }
    room = MOST_FIELDS - len(present)
    for folded in ordered:
        name, values = names[folded], texts[folded]
        known = by_name.get(folded) or by_slug.get(slugify(folded).replace("-", "_"))
        if known is not None:
            landing.fields[folded] = _present_field(known, _choices(urgency, values))
        elif room > 0:
            room -= 1
            is_number = name in hours and all(map(_is_number, values))
            landing.fields[folded] = (
                _priority_field(_choices(urgency, values))
                if name == PRIORITY
                else FieldPlan(name, "number" if is_number else "text")
            )
        else:
            _say_no_room(landing, name, counts[folded])


def _present_field(known: ExtraField, words: Sequence[str]) -> FieldPlan:
    """A field that is there; a choice gets the words that it lacks."""
    plan = FieldPlan(known.name, known.kind, list(known.choices), known.slug)
    if known.kind == "choice":
        new = [word for word in words if word not in plan.choices]
        room = MOST_CHOICES - len(plan.choices)
        plan.choices += new[:room]
        plan.gets_choices = bool(new[:room])
    return plan


def _priority_field(words: list[str]) -> FieldPlan:
    if len(words) < 2:
        words += [word for word in USUAL_PRIORITIES if word not in words]
    return FieldPlan(PRIORITY, "choice" if len(words) <= MOST_CHOICES else "text", words)


def _choices(urgency: Sequence[str], values: set[str]) -> list[str]:
    """The words, the most urgent first where they are priorities, with gaps as fields keep them."""
    ordered = [word for word in urgency if word in values]
    words = [*ordered, *sorted(values - set(ordered))]
    return list(dict.fromkeys(" ".join(word.split()) for word in words))


def _is_number(text: str) -> bool:
    try:
        rules.kept("number", text)
    except rules.BadValue:
        return False
    return True


def _say_no_room(landing: Landing, name: str, count: int) -> None:
    landing.problems.append(
        RowProblem(
            WHOLE_FILE,
            name,
            Level.WARNING,
            "too_many_fields",
            f"“{name}” of {count:,} rows is left out: a product has at most {MOST_FIELDS} fields "
            "of its own. Leave other columns out to make room for it.",
        )
    )
