"""Products: as they are read, created and changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from backlog.models import Category, Hue, OnGreen, Place, Product, ProductGoal, Status
from backlog.rules.definitions import DONE_CHECKS, READY_CHECKS
from backlog.rules.severity import Priority
from backlog.services.workflow import DEFAULT_WORKFLOW, StatusLine
from mlscrum.web.serializers import StrictSerializer


class StatusSerializer(StrictSerializer[Status]):
    """One status of the workflow. A slug keeps a status that there is; without, the name does."""

    slug = serializers.SlugField(max_length=40, required=False)
    name = serializers.CharField(max_length=40)
    category = serializers.ChoiceField(choices=Category.choices)
    wip_limit = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, allow_null=True
    )
    hue = serializers.ChoiceField(
        choices=Hue.choices,
        required=False,
        help_text="Left out, a status keeps its own, and a new one gets that of its category.",
    )


class ProductSerializer(serializers.Serializer[Product]):
    """A product as it is read."""

    key = serializers.CharField()
    name = serializers.CharField()
    goal = serializers.CharField(help_text="The words of the active goal; empty without one.")
    statuses = StatusSerializer(many=True)
    definition_of_ready = serializers.CharField()
    definition_of_done = serializers.CharField()
    ready_checks = serializers.ListField(child=serializers.ChoiceField(choices=list(READY_CHECKS)))
    done_checks = serializers.ListField(child=serializers.ChoiceField(choices=list(DONE_CHECKS)))
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
    assign_owner = serializers.BooleanField()
    tracked_environments = serializers.ListField(child=serializers.CharField())
    tracked_branches = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()


class ProductEditSerializer(StrictSerializer[Product]):
    """What can be changed of a product; its key never."""

    name = serializers.CharField(max_length=120)
    goal = serializers.CharField(
        max_length=10_000,
        allow_blank=True,
        required=False,
        help_text="Words the active goal anew, or sets one where there is none.",
    )
    statuses = StatusSerializer(many=True, allow_empty=False, required=False)
    definition_of_ready = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    definition_of_done = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    ready_checks = serializers.ListField(
        child=serializers.ChoiceField(choices=list(READY_CHECKS)),
        max_length=len(READY_CHECKS),
        required=False,
        help_text="What is checked by itself when an item is pulled; it warns and never forbids.",
    )
    done_checks = serializers.ListField(
        child=serializers.ChoiceField(choices=list(DONE_CHECKS)),
        max_length=len(DONE_CHECKS),
        required=False,
        help_text="What is checked by itself when an item is finished.",
    )
    file_from = serializers.ChoiceField(choices=[(p, p) for p in Priority], required=False)
    place = serializers.ChoiceField(choices=Place.choices, required=False)
    on_green = serializers.ChoiceField(choices=OnGreen.choices, required=False)
    on_green_status = serializers.SlugField(max_length=40, allow_null=True, required=False)
    first_run_limit = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    assign_owner = serializers.BooleanField(
        required=False, help_text="What evidence files goes to the owner of what it is about."
    )
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
                hue=line.get("hue", ""),
            )
            for line in lines
        ]


class NewProductSerializer(ProductEditSerializer):
    """A product to be; its key is given once."""

    key = serializers.RegexField(
        r"^[A-Za-z][A-Za-z0-9]{1,9}$",
        error_messages={"invalid": "A key is 2 to 10 letters or digits, first a letter."},
    )


class GoalSerializer(serializers.Serializer[ProductGoal]):
    """A goal of a product, by whom it was set and ended; people by their e-mails."""

    id = serializers.IntegerField(source="pk")
    product = serializers.CharField(source="product.key")
    text = serializers.CharField()
    state = serializers.ChoiceField(choices=ProductGoal.State.choices)
    set_at = serializers.DateTimeField()
    set_by = serializers.EmailField(source="set_by.email", default=None, allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.EmailField(source="ended_by.email", default=None, allow_null=True)
    reason = serializers.CharField()


class GoalEditSerializer(StrictSerializer[Any]):
    """What the product is to become next."""

    text = serializers.CharField(max_length=10_000)


class EndedGoalSerializer(StrictSerializer[Any]):
    """Why the goal ended; without a reason none is abandoned."""

    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
