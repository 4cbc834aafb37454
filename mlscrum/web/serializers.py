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
            errors |= self._lacking(data, value)
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def _lacking(self, data: Mapping[str, Any], value: dict[str, Any]) -> dict[str, Any]:
        """Errors of what a part of a change lacks: a change may leave fields out, but what it holds
        is whole. REST framework asks its parts for nothing, and gives them no defaults."""
        if self.root is self or not getattr(self.root, "partial", False):
            return {}
        absent = {name: field for name, field in self.fields.items() if name not in data}
        for field in absent.values():
            if field.default is not serializers.empty:
                value[str(field.source)] = field.default
        return {name: [_required(field)] for name, field in absent.items() if field.required}

    def _reads(self, name: str) -> bool:
        field = self.fields.get(name)
        return field is not None and not field.read_only


def _required(field: serializers.Field[Any, Any, Any, Any]) -> ErrorDetail:
    return ErrorDetail(str(field.error_messages["required"]), code="required")


def _unknown(name: str) -> ErrorDetail:
    return ErrorDetail(f"{name} is no field that can be set here.", code="unknown_field")
