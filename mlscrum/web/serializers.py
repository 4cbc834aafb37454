"""The base of serializers that read requests: a field nobody knows is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

T = TypeVar("T")


class StrictSerializer(serializers.Serializer[T]):
    """Refuses unknown fields beside all other errors, so that a typing slip never passes."""

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            errors, value = dict(error.detail), {}
        if isinstance(data, Mapping):
            errors |= {name: [_unknown(name)] for name in data if not self._reads(name)}
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def _reads(self, name: str) -> bool:
        field = self.fields.get(name)
        return field is not None and not field.read_only


def _unknown(name: str) -> ErrorDetail:
    return ErrorDetail(f"{name} is no field that can be set here.", code="unknown_field")
