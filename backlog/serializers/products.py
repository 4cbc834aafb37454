"""Products: as they are read, created and changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from backlog.models import Category, OnGreen, Place, Product, Status
from backlog.rules.severity import Priority
from backlog.services.products import DEFAULT_WORKFLOW, StatusLine
from mlscrum.web.serializers import StrictSerializer


class StatusSerializer(StrictSerializer[Status]):
    """One status of the workflow. A slug keeps a status that there is; without, the name does."""

    slug = serializers.SlugField(max_length=40, required=False)
    name = serializers.CharField(max_length=40)
    category = serializers.ChoiceField(choices=Category.choices)
    wip_limit = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, allow_null=True
    )


class ProductSerializer(serializers.Serializer[Product]):
    """A product as it is read."""

    key = serializers.CharField()
    name = serializers.CharField()
    goal = serializers.CharField()
    statuses = StatusSerializer(many=True)
    definition_of_ready = serializers.CharField()
    definition_of_done = serializers.CharField()
    file_from = serializers.ChoiceField(choices=[(p, p) for p in Priority])
    place = serializers.ChoiceField(choices=Place.choices)
    on_green = serializers.ChoiceField(choices=OnGreen.choices)
    on_green_status = serializers.SlugField(
        source="on_green_status.slug",
        default=None,
        allow_null=True,
        help_text="For `on_green: status`.",
    )
    first_run_limit = serializers.IntegerField()
    tracked_environments = serializers.ListField(child=serializers.CharField())
    tracked_branches = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()


class ProductEditSerializer(StrictSerializer[Product]):
    """What can be changed of a product; its key never."""

    name = serializers.CharField(max_length=120)
    goal = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    statuses = StatusSerializer(many=True, allow_empty=False, required=False)
    definition_of_ready = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    definition_of_done = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    file_from = serializers.ChoiceField(choices=[(p, p) for p in Priority], required=False)
    place = serializers.ChoiceField(choices=Place.choices, required=False)
    on_green = serializers.ChoiceField(choices=OnGreen.choices, required=False)
    on_green_status = serializers.SlugField(max_length=40, allow_null=True, required=False)
    first_run_limit = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    tracked_environments = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, required=False
    )
    tracked_branches = serializers.ListField(
        child=serializers.CharField(max_length=250), max_length=50, required=False
    )

    def validate_statuses(self, lines: list[dict[str, Any]]) -> list[StatusLine]:
        """Lines of a workflow; one without a slug keeps the status of the same name."""
        product = self.instance
        statuses: Iterable[Status | StatusLine] = (
            product.statuses.all() if isinstance(product, Product) else DEFAULT_WORKFLOW
        )
        present = {status.name.casefold(): status.slug for status in statuses}
        return [
            StatusLine(
                name=line["name"],
                category=line["category"],
                slug=line.get("slug") or present.get(line["name"].strip().casefold(), ""),
                wip_limit=line.get("wip_limit"),
            )
            for line in lines
        ]


class NewProductSerializer(ProductEditSerializer):
    """A product to be; its key is given once."""

    key = serializers.RegexField(
        r"^[A-Za-z][A-Za-z0-9]{1,9}$",
        error_messages={"invalid": "A key is 2 to 10 letters or digits, first a letter."},
    )
