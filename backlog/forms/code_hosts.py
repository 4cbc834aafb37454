"""The form of a code host."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.models import CodeHost, OnMerge, Product, Status
from backlog.services.code_hosts import CodeHostDraft


class CodeHostForm(forms.Form):
    """Which code host it is, and what its pull requests do to the items that they fix."""

    kind = forms.ChoiceField(choices=CodeHost.Kind.choices, label="It is a")
    name = forms.CharField(max_length=80, help_text="Such as the name of its organisation.")
    opened_status = forms.ModelChoiceField(
        queryset=Status.objects.none(),
        required=False,
        label="When a pull request that fixes an item is opened, set it to",
        empty_label="Leave it where it is",
    )
    on_merge = forms.ChoiceField(
        choices=OnMerge.choices,
        label="When it is merged",
        help_text="Or when a commit that fixes it reaches the default branch. An item only ever "
        "goes forwards in the workflow; what is done stays so.",
    )
    merged_status = forms.ModelChoiceField(
        queryset=Status.objects.none(), required=False, label="Status", empty_label="None"
    )

    def __init__(
        self, *args: Any, product: Product, host: CodeHost | None = None, **kwargs: Any
    ) -> None:
        if host is not None:
            kwargs.setdefault("initial", _as_it_stands(host))
        super().__init__(*args, **kwargs)
        for name in ("opened_status", "merged_status"):
            statuses = product.statuses.order_by("position")
            self.fields[name].queryset = statuses  # type: ignore[attr-defined]
        if host is not None:
            del self.fields["kind"]

    def draft(self) -> CodeHostDraft:
        """The code host as it was filled in."""
        return CodeHostDraft(**self.cleaned_data)


def _as_it_stands(host: CodeHost) -> dict[str, Any]:
    return {
        name: getattr(host, name) for name in ("name", "opened_status", "on_merge", "merged_status")
    }
