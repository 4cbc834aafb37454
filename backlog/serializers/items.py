"""Items and what hangs on them: as they are read, written and moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, TypedDict

from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework import serializers

from backlog.models import (
    Activity,
    ActorKind,
    Backlog,
    Category,
    Comment,
    Item,
    Kind,
    Product,
    Status,
    User,
)
from backlog.queries.links import BACK, LinkedRef, is_blocked
from backlog.queries.resources import Surroundings, items_by_ref, surroundings_of
from backlog.rules.severity import Severity, worst
from backlog.serializers.links import page
from backlog.serializers.people import active_members, members_by_email
from backlog.services.items import LONGEST_CRITERION
from mlscrum.web.serializers import StrictSerializer

MOST_MOVED = 500
LINK_TYPES = sorted({*BACK, *BACK.values()})


class CriterionSerializer(StrictSerializer[Any]):
    """One line of the acceptance criteria."""

    text = serializers.CharField(max_length=LONGEST_CRITERION)
    is_met = serializers.BooleanField(default=False)


class LinkEndSerializer(serializers.Serializer[LinkedRef]):
    """A link from the item's side."""

    type = serializers.ChoiceField(source="kind", choices=LINK_TYPES)
    ref = serializers.CharField()


class ItemListSerializer(serializers.ListSerializer[Any]):
    """Items with what hangs on them, in a number of queries that does not grow."""

    def to_representation(self, data: Any) -> Any:
        return shown_items(list(data))


class ItemSerializer(serializers.Serializer[Item]):
    """An item as it is read. `severity` is the worst of its findings.

    The fields are what the schema says; `shown_items` writes them, and a test holds it to that.
    Wants items of `queries.resources.with_row`.
    """

    class Meta:
        list_serializer_class = ItemListSerializer

    ref = serializers.CharField()
    url = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    title = serializers.CharField()
    description = serializers.CharField()
    status = serializers.SlugField()
    category = serializers.ChoiceField(choices=Category.choices)
    points = serializers.FloatField(allow_null=True)
    criteria = CriterionSerializer(many=True)
    assignees = serializers.ListField(child=serializers.CharField())
    labels = serializers.ListField(child=serializers.CharField())
    due_date = serializers.DateField(allow_null=True)
    blocked = serializers.BooleanField()
    blocked_reason = serializers.CharField()
    gpu_hours = serializers.FloatField(allow_null=True)
    fields = serializers.DictField()
    links = LinkEndSerializer(many=True)
    parent = serializers.CharField(allow_null=True)
    children = serializers.ListField(child=serializers.CharField())
    backlog = serializers.ChoiceField(choices=Backlog.Kind.choices)
    sprint = serializers.IntegerField(allow_null=True)
    severity = serializers.ChoiceField(choices=[(name, name) for name in Severity], allow_null=True)
    source = serializers.CharField(allow_null=True)
    findings = serializers.ListField(child=serializers.IntegerField())
    external_source = serializers.CharField()
    external_id = serializers.CharField()
    external_url = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Item) -> dict[str, Any]:
        return shown_items([instance])[0]


def shown_items(items: Sequence[Any]) -> list[dict[str, Any]]:
    """What ItemSerializer declares, written by hand: REST framework's fields take four times as
    long, and lists of items are what this API gives most of. Wants items of `with_row`."""
    around = surroundings_of(items)
    pages = {key: page("backlog:item", key, f"{key}-1")[: -len("1/")]
             for key in {item.product_key for item in items}}  # fmt: skip
    zone = timezone.get_current_timezone()
    return [_shown(item, around, pages[item.product_key], zone) for item in items]


def _shown(item: Any, around: Surroundings, pages: str, zone: tzinfo) -> dict[str, Any]:
    pk, key, findings = item.pk, item.product_key, around.findings.get(item.pk, ())
    links = around.links.get(pk, ())
    return {
        "ref": f"{key}-{item.number}",
        "url": f"{pages}{item.number}/",
        "kind": item.kind,
        "title": item.title,
        "description": item.description,
        "status": item.status_slug,
        "category": item.status_category,
        "points": None if item.points is None else float(item.points),
        "criteria": [{"text": c["text"], "is_met": c["is_met"]} for c in item.criteria],
        "assignees": sorted(around.assignees.get(pk, ())),
        "labels": sorted(around.labels.get(pk, ())),
        "due_date": None if item.due_date is None else item.due_date.isoformat(),
        "blocked": is_blocked(item, links),
        "blocked_reason": item.blocked_reason,
        "gpu_hours": None if item.gpu_hours is None else float(item.gpu_hours),
        "fields": item.extra,
        "links": [{"type": link.kind, "ref": link.ref} for link in links],
        "parent": None if item.parent_number is None else f"{key}-{item.parent_number}",
        "children": [f"{key}-{number}" for number in around.children.get(pk, ())],
        "backlog": item.backlog_kind,
        "sprint": item.backlog_id if item.backlog_kind == Backlog.Kind.SPRINT else None,
        "severity": worst([Severity(severity) for _, severity, _ in findings])
        if findings
        else None,
        "source": findings[0][2] if findings else None,
        "findings": [finding[0] for finding in findings],
        "external_source": item.external_source,
        "external_id": item.external_id,
        "external_url": item.external_url,
        "version": item.version,
        "created_at": _time(item.created_at, zone),
        "updated_at": _time(item.updated_at, zone),
        "done_at": _time(item.done_at, zone),
        "deleted_at": _time(item.deleted_at, zone),
    }


def _time(at: datetime | None, zone: tzinfo) -> str | None:
    """As REST framework writes it: in the reader's zone, with Z for UTC."""
    if at is None:
        return None
    text = at.astimezone(zone).isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


class Vocabulary:
    """What requests may name in a product, read once however many rows name it."""

    def __init__(self, product: Product) -> None:
        self.product = product

    @cached_property
    def statuses(self) -> dict[str, Status]:
        return {status.slug: status for status in self.product.statuses.all()}

    @cached_property
    def members(self) -> dict[str, User]:
        return active_members(self.product)

    def status(self, slug: str) -> Status:
        """Raises a field error where there is none."""
        if slug not in self.statuses:
            raise serializers.ValidationError(
                f"There is no status {slug}; choose {', '.join(self.statuses)}.", code="no_status"
            )
        return self.statuses[slug]


def vocabulary(serializer: serializers.BaseSerializer[Any]) -> Vocabulary:
    """The one of all serializers of a request; they share their root's context."""
    context: dict[str, Any] = serializer.context
    found: Vocabulary = context.setdefault("vocabulary", Vocabulary(context["product"]))
    return found


class NewItemSerializer(StrictSerializer[Item]):
    """An item to be. Needs the `product` in its context."""

    title = serializers.CharField(max_length=250)
    kind = serializers.ChoiceField(choices=Kind.choices, required=False)
    description = serializers.CharField(
        max_length=100_000, allow_blank=True, trim_whitespace=False, required=False
    )
    status = serializers.CharField(max_length=40, required=False)
    points = serializers.DecimalField(
        max_digits=6,
        decimal_places=1,
        min_value=0,
        max_value=9999,
        allow_null=True,
        required=False,
    )
    assignees = serializers.ListField(child=serializers.EmailField(), max_length=50, required=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=50,
        required=False,
        help_text="Names; a label that the product lacks is made.",
    )
    criteria = CriterionSerializer(many=True, required=False)
    due_date = serializers.DateField(allow_null=True, required=False)
    blocked_reason = serializers.CharField(max_length=300, allow_blank=True, required=False)
    gpu_hours = serializers.DecimalField(
        max_digits=9, decimal_places=1, min_value=0, allow_null=True, required=False
    )
    fields = serializers.DictField(
        source="extra",
        required=False,
        help_text="Values of the product's own fields by slug; null takes one out.",
    )
    external_url = serializers.URLField(max_length=1000, allow_blank=True, required=False)
    parent = serializers.CharField(max_length=30, allow_null=True, required=False)

    @property
    def product(self) -> Product:
        product: Product = self.context["product"]
        return product

    def validate_status(self, value: str) -> Status:
        return vocabulary(self).status(value)

    def validate_assignees(self, value: list[str]) -> list[User]:
        known = vocabulary(self).members
        if isinstance(self.instance, Item) and not {email.lower() for email in value} <= set(known):
            # Who has left since stays: an item can be sent back as it was read.
            known = {user.email.lower(): user for user in self.instance.assignees.all()} | known
        return members_by_email(self.product, value, known)

    def validate_criteria(self, value: list[dict[str, Any]]) -> list[tuple[str, bool]]:
        return [(row["text"], row["is_met"]) for row in value]

    def validate_parent(self, value: str | None) -> Item | None:
        return None if value is None else _one(self.product, value)


class ItemEditSerializer(NewItemSerializer):
    """Changes of an item. With the `version` that they were made for, changes of others stay."""

    version = serializers.IntegerField(min_value=1, required=False)


class MoveSerializer(StrictSerializer[Item]):
    """Items, in the order given, and one place: `before`, `after` or `to`. Needs the `product`
    in its context."""

    refs = serializers.ListField(
        child=serializers.CharField(max_length=30), allow_empty=False, max_length=MOST_MOVED
    )
    before = serializers.CharField(max_length=30, required=False)
    after = serializers.CharField(max_length=30, required=False)
    to = serializers.ChoiceField(choices=["top", "bottom"], required=False)
    sprint = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=20,
        help_text="The id of a sprint, `active`, or null for the product backlog; "
        "left out, the items stay in the backlog they are in.",
    )
    status = serializers.CharField(max_length=40, required=False)

    def validate_status(self, value: str) -> Status:
        return vocabulary(self).status(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"before", "after", "to"} & set(attrs)) != 1:
            raise serializers.ValidationError("Say one of before, after and to.", code="one_place")
        return attrs


class MovedSerializer(serializers.Serializer[Any]):
    """The items that moved, tasks of theirs included, in their new order."""

    items = ItemSerializer(many=True)


class CommentSerializer(serializers.Serializer[Comment]):
    """A comment. `author` is null where the evidence speaks, and where `said_by` names who said it
    in the file that it was imported from."""

    id = serializers.IntegerField()
    author = serializers.EmailField(source="author.email", default=None, allow_null=True)
    said_by = serializers.CharField(read_only=True)
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)


class NewCommentSerializer(StrictSerializer[Comment]):
    text = serializers.CharField(max_length=20_000)


class Doer(TypedDict):
    kind: str
    user: str | None
    token: str | None


class FieldChange(TypedDict):
    field: str
    before: Any
    after: Any
    version: int


class ActivitySerializer(serializers.Serializer[Activity]):
    """One deed and what it changed of this item."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField()

    def get_actor(self, activity: Activity) -> Doer:
        return {
            "kind": ActorKind(activity.actor_kind).value,
            "user": activity.user.email if activity.user else None,
            "token": activity.token.name if activity.token else None,
        }

    def get_changes(self, activity: Activity) -> list[FieldChange]:
        return [
            {"field": c.field, "before": c.before, "after": c.after, "version": c.version}
            for c in activity.changes.all()
        ]


def _one(product: Product, ref: str) -> Item:
    found = items_by_ref(product, [ref])
    if ref not in found:
        raise serializers.ValidationError(f"There is no item {ref} in {product.key}.", "no_item")
    return found[ref]
