"""Items and what hangs on them: as they are read, written and moved."""

from __future__ import annotations

from typing import Any, TypedDict

from drf_spectacular.utils import extend_schema_field
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
from backlog.queries.links import BACK, LinkEnd, is_blocked, links_of
from backlog.queries.resources import items_by_ref
from backlog.rules.severity import Severity, worst
from backlog.serializers.links import page
from backlog.serializers.people import members_by_email
from backlog.services.items import LONGEST_CRITERION
from mlscrum.web.serializers import StrictSerializer

MOST_MOVED = 500
LINK_TYPES = sorted({*BACK, *BACK.values()})


class CriterionSerializer(StrictSerializer[Any]):
    """One line of the acceptance criteria."""

    text = serializers.CharField(max_length=LONGEST_CRITERION)
    is_met = serializers.BooleanField(default=False)


class LinkEndSerializer(serializers.Serializer[LinkEnd]):
    """A link from the item's side."""

    type = serializers.ChoiceField(source="kind", choices=LINK_TYPES)
    ref = serializers.CharField(source="other.ref")


class ItemListSerializer(serializers.ListSerializer[Any]):
    """Items whose links come in one query."""

    def to_representation(self, data: Any) -> Any:
        items = list(data)
        self.links = links_of(items)
        return super().to_representation(items)


class ItemSerializer(serializers.Serializer[Item]):
    """An item as it is read. `severity` is the worst of its findings."""

    class Meta:
        list_serializer_class = ItemListSerializer

    ref = serializers.CharField()
    url = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    title = serializers.CharField()
    description = serializers.CharField()
    status = serializers.SlugField(source="status.slug")
    category = serializers.ChoiceField(source="status.category", choices=Category.choices)
    points = serializers.FloatField(allow_null=True)
    criteria = CriterionSerializer(many=True)
    assignees = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()
    due_date = serializers.DateField(allow_null=True)
    blocked = serializers.SerializerMethodField()
    blocked_reason = serializers.CharField()
    gpu_hours = serializers.FloatField(allow_null=True)
    fields = serializers.DictField(source="extra")
    links = serializers.SerializerMethodField()
    parent = serializers.SerializerMethodField()
    children = serializers.SerializerMethodField()
    backlog = serializers.ChoiceField(source="backlog.kind", choices=Backlog.Kind.choices)
    sprint = serializers.SerializerMethodField()
    severity = serializers.SerializerMethodField()
    source = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()
    external_source = serializers.CharField()
    external_id = serializers.CharField()
    external_url = serializers.CharField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)

    def get_url(self, item: Item) -> str:
        return page("backlog:item", item.product.key, item.ref)

    def get_assignees(self, item: Item) -> list[str]:
        return sorted(user.email for user in item.assignees.all())

    def get_labels(self, item: Item) -> list[str]:
        return sorted(label.name for label in item.labels.all())

    def get_blocked(self, item: Item) -> bool:
        return is_blocked(item, self._links(item))

    @extend_schema_field(LinkEndSerializer(many=True))
    def get_links(self, item: Item) -> Any:
        return LinkEndSerializer(self._links(item), many=True).data

    def _links(self, item: Item) -> list[LinkEnd]:
        of_all = getattr(self.parent, "links", None)
        return (links_of([item]) if of_all is None else of_all).get(item.pk, [])

    def get_parent(self, item: Item) -> str | None:
        return _ref(item.product, item.parent) if item.parent else None

    def get_children(self, item: Item) -> list[str]:
        alive = [child for child in item.children.all() if child.deleted_at is None]
        return [_ref(item.product, child) for child in sorted(alive, key=lambda c: c.number)]

    def get_sprint(self, item: Item) -> int | None:
        return item.backlog_id if item.backlog.kind == Backlog.Kind.SPRINT else None

    def get_severity(self, item: Item) -> Severity | None:
        found = [Severity(finding.severity) for finding in item.findings.all()]
        return worst(found) if found else None

    def get_source(self, item: Item) -> str | None:
        return next((f.source for f in sorted(item.findings.all(), key=lambda f: f.pk)), None)

    def get_findings(self, item: Item) -> list[int]:
        return sorted(finding.pk for finding in item.findings.all())


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
        return _status(self.product, value)

    def validate_assignees(self, value: list[str]) -> list[User]:
        return members_by_email(self.product, value)

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
        return _status(self.context["product"], value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"before", "after", "to"} & set(attrs)) != 1:
            raise serializers.ValidationError("Say one of before, after and to.", code="one_place")
        return attrs


class MovedSerializer(serializers.Serializer[Any]):
    """The items that moved, tasks of theirs included, in their new order."""

    items = ItemSerializer(many=True)


class CommentSerializer(serializers.Serializer[Comment]):
    """A comment; `author` is null where the evidence speaks."""

    id = serializers.IntegerField()
    author = serializers.EmailField(source="author.email", default=None, allow_null=True)
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


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


def _ref(product: Product, item: Item) -> str:
    return f"{product.key}-{item.number}"


def _status(product: Product, slug: str) -> Status:
    statuses = {status.slug: status for status in product.statuses.all()}
    if slug not in statuses:
        raise serializers.ValidationError(
            f"There is no status {slug}; choose {', '.join(statuses)}.", code="no_status"
        )
    return statuses[slug]


def _one(product: Product, ref: str) -> Item:
    found = items_by_ref(product, [ref])
    if ref not in found:
        raise serializers.ValidationError(f"There is no item {ref} in {product.key}.", "no_item")
    return found[ref]
