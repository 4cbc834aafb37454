"""What depends on a dataset, as it is read and said."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dataquality.models import Dependence
from mlscrum.web.serializers import StrictSerializer


class DependentSerializer(serializers.Serializer[Any]):
    """Something that depends on a dataset; without columns, on the whole of it."""

    name = serializers.CharField()
    how = serializers.CharField()
    ref = serializers.CharField(help_text="Of an item, else empty.")
    state = serializers.CharField(help_text="Of an item its category, of a sprint its state.")
    columns = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField(help_text="Empty: it belongs to another product.")


class DependentGroupSerializer(serializers.Serializer[Any]):
    """Those of one kind, such as item, sprint, check, term, setting or product; first what people
    have said by hand."""

    kind = serializers.CharField()
    more = serializers.BooleanField(
        source="has_more", help_text="More of this kind depend on it than are listed."
    )
    dependents = DependentSerializer(many=True)


class GoneColumnSerializer(serializers.Serializer[Any]):
    """A column that the newest version lacks, and what names it."""

    name = serializers.CharField()
    used_by = serializers.ListField(child=serializers.CharField())


class NewColumnSerializer(serializers.Serializer[Any]):
    """A column that came with the newest version."""

    name = serializers.CharField()
    type = serializers.CharField()


class ColumnChangesSerializer(serializers.Serializer[Any]):
    """How the newest version's columns differ from those that the dataset is read by."""

    gone = GoneColumnSerializer(many=True)
    new = NewColumnSerializer(many=True)


class LineageSerializer(serializers.Serializer[Any]):
    """What waits where a dataset slips, and what breaks where its columns change."""

    total = serializers.IntegerField(help_text="How many are listed.")
    more = serializers.BooleanField(
        source="has_more", help_text="More depend on it than are listed and counted."
    )
    groups = DependentGroupSerializer(many=True)
    column_changes = ColumnChangesSerializer(source="changes")


class NewDependentSerializer(StrictSerializer[Dependence]):
    """The ref of an item that depends on the dataset."""

    item = serializers.CharField(max_length=30)
