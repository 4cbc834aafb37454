"""The form of a link to one dataset."""

from __future__ import annotations

from django import forms


class ShareLinkForm(forms.Form):
    """Whom it is for, and until when."""

    note = forms.CharField(
        required=False, max_length=120, label="For", help_text="So that you know it again."
    )
    expires_at = forms.DateTimeField(
        label="Ends",
        help_text="Within a year; it can be revoked before.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
