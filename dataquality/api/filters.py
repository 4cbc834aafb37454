"""The filters of lists of runs."""

from __future__ import annotations

from django_filters import CharFilter, MultipleChoiceFilter
from django_filters.rest_framework import FilterSet

from dataquality.models import RunState


class RunFilters(FilterSet):
    """Of the runs of a product."""

    dataset = CharFilter(field_name="dataset__subject__slug", help_text="A slug.")
    state = MultipleChoiceFilter(choices=RunState.choices, distinct=False)
    commit = CharFilter(field_name="context__commit")
