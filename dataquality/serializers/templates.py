"""Templates of suites: as they are read, made and applied."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dataquality.models import SuiteTemplate
from dataquality.rules.templates import Template
from mlscrum.web.serializers import StrictSerializer

MOST_COLUMNS = 500


class SlotSerializer(serializers.Serializer[Any]):
    """A place for columns, which stands in the checks as `{key}`."""

    key = serializers.CharField()
    label = serializers.CharField()
    types = serializers.ListField(
        child=serializers.CharField(), help_text="Of columns that fit; empty: all do."
    )
    many = serializers.BooleanField(source="is_many", help_text="It takes several columns.")


class TemplateSerializer(serializers.Serializer[Template]):
    """A suite with places for columns."""

    slug = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    own = serializers.BooleanField(source="is_own", help_text="The product has made it.")
    slots = SlotSerializer(many=True)
    expectations = serializers.JSONField()


class TemplatesSerializer(serializers.Serializer[Any]):
    """The templates that a product can choose from."""

    templates = TemplateSerializer(many=True)


class NewTemplateSerializer(StrictSerializer[SuiteTemplate]):
    """Checks of the dataset of this slug, by position from 0 or all of them."""

    dataset = serializers.SlugField()
    name = serializers.CharField(max_length=120)
    about = serializers.CharField(max_length=500, required=False, allow_blank=True)
    checks = serializers.ListField(
        child=serializers.IntegerField(min_value=0), required=False, allow_empty=False
    )


class ApplyTemplateSerializer(StrictSerializer[SuiteTemplate]):
    """`columns` are names by the key of their place."""

    template = serializers.SlugField()
    columns = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=250, trim_whitespace=False),
            max_length=MOST_COLUMNS,
        )
    )
    dry_run = serializers.BooleanField(required=False, default=False)
