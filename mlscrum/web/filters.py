"""Filters of lists, and the refusal of every query parameter that nobody declared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django_filters import BaseInFilter, MultipleChoiceFilter
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import status
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.request import Request

from mlscrum.web.pagination import KeysetPagination
from mlscrum.web.problems import BadParameters


class LengthRequired(APIException):
    """A body whose length nobody told is not read, so it must not pass for an empty one."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = "Send the body with a Content-Length; chunks are not read."


class DeclaredFilters(DjangoFilterBackend):
    """The filters of `view.filterset_class`; a wrong value is a 400 that names the parameter.

    `view.filter_arguments` go to the filters as they are made.
    """

    def get_filterset_kwargs(self, request: Request, queryset: Any, view: Any) -> dict[str, Any]:
        given: dict[str, Any] = super().get_filterset_kwargs(request, queryset, view)
        return {**given, **getattr(view, "filter_arguments", {})}

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filters = self.get_filterset(request, queryset, view)
        if filters is None:
            return queryset
        if not filters.is_valid():
            raise BadParameters(
                {
                    name: (errors[0]["code"] or "invalid", errors[0]["message"])
                    for name, errors in filters.errors.get_json_data().items()
                }
            )
        return filters.qs


class StrictRequest:
    """What every REST view refuses before it begins: methods, parameters and bodies nobody reads.

    `query_parameters` names, by action or method, what is understood besides the list's own.
    Parameters of a list that begin with `open_parameters` are judged by its filters.
    """

    query_parameters: ClassVar[Mapping[str, Collection[str]]] = {}
    open_parameters: ClassVar[tuple[str, ...]] = ()
    request: Any

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        method = (request.method or "").lower()
        if not hasattr(self, method):
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self._refuse_unknown(request)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            raise LengthRequired

    def _refuse_unknown(self, request: Request) -> None:
        known, repeatable = self._known_parameters(request)
        wrong: dict[str, tuple[str, str]] = {}
        is_list = getattr(self, "action", None) == "list"
        for name, values in request.query_params.lists():
            if is_list and name.startswith(self.open_parameters):
                continue
            if name not in known:
                wrong[name] = ("unknown_parameter", f"There is no parameter {name} here.")
            elif len(values) > 1 and name not in repeatable:
                wrong[name] = ("repeated", f"{name} can be given only once.")
        if wrong:
            raise BadParameters(wrong)

    def _known_parameters(self, request: Request) -> tuple[set[str], set[str]]:
        action = getattr(self, "action", None) or (request.method or "").lower()
        known = set(self.query_parameters.get(action, ()))
        if action != "list":
            return known, set()
        known |= set(KeysetPagination.parameters)
        filters: type[FilterSet] | None = getattr(self, "filterset_class", None)
        declared = filters.base_filters if filters is not None else {}
        many = (MultipleChoiceFilter, BaseInFilter)
        return known | set(declared), {n for n, f in declared.items() if isinstance(f, many)}
