"""Labels, fields of the product, links and files of items: as they are read and written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.models import Attachment, ExtraField, Hue, Label, Link
from backlog.queries.links import LinkEnd
from backlog.rules import extra_fields
from backlog.serializers.items import NewItemSerializer
from mlscrum.web.serializers import StrictSerializer

MOST_AT_ONCE = 500


class LabelSerializer(serializers.Serializer[Label]):
    """A label of the product."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    hue = serializers.ChoiceField(choices=Hue.choices)


class NewLabelSerializer(StrictSerializer[Label]):
    name = serializers.CharField(max_length=40)
    hue = serializers.ChoiceField(choices=Hue.choices, required=False)


class ExtraFieldSerializer(serializers.Serializer[ExtraField]):
    """A field that the product adds to its items."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=extra_fields.KINDS)
    choices = serializers.ListField(child=serializers.CharField())


class NewExtraFieldSerializer(StrictSerializer[ExtraField]):
    """A field to be; its slug and kind are given once."""

    name = serializers.CharField(max_length=60)
    slug = serializers.SlugField(max_length=40, required=False)
    kind = serializers.ChoiceField(choices=extra_fields.KINDS)
    choices = serializers.ListField(child=serializers.CharField(max_length=100), required=False)


class ExtraFieldEditSerializer(StrictSerializer[ExtraField]):
    name = serializers.CharField(max_length=60, required=False)
    choices = serializers.ListField(child=serializers.CharField(max_length=100), required=False)


class LinkSerializer(serializers.Serializer[LinkEnd]):
    """A link from the item's side; `type` says what the item is to `ref`."""

    id = serializers.IntegerField(source="link.pk")
    type = serializers.CharField(source="kind")
    ref = serializers.CharField(source="other.ref")
    title = serializers.CharField(source="other.title")


class NewLinkSerializer(StrictSerializer[Link]):
    type = serializers.ChoiceField(choices=Link.Kind.choices)
    ref = serializers.CharField(max_length=30)


class AttachmentSerializer(serializers.Serializer[Attachment]):
    """A file on an item; `content_type` was read from its content."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    content_type = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    added_by = serializers.EmailField(source="added_by.email", default=None, allow_null=True)
    added_at = serializers.DateTimeField()


class NewAttachmentSerializer(StrictSerializer[Attachment]):
    file = serializers.FileField(
        # A missing name is read as none by Django, and a file of no bytes as an error of its own.
        error_messages={"empty": "The file is empty; choose one that holds something."}
    )


class BulkSetSerializer(NewItemSerializer):
    """What many items get alike."""

    title = serializers.CharField(max_length=250, required=False)


class BulkSerializer(StrictSerializer[Any]):
    """Create many, from objects or from lines of text, or edit many alike. Needs the `product` in
    its context."""

    items = serializers.ListField(
        child=serializers.DictField(), allow_empty=False, max_length=MOST_AT_ONCE, required=False
    )
    text = serializers.CharField(
        max_length=200_000,
        trim_whitespace=False,
        required=False,
        help_text="One item per line: `- Title (5) #label @person`; indented lines are tasks. At "
        "most 500 lines, made all or none.",
    )
    refs = serializers.ListField(
        child=serializers.CharField(max_length=30),
        allow_empty=False,
        max_length=MOST_AT_ONCE,
        required=False,
    )
    set = BulkSetSerializer(required=False)
    add_labels = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    remove_labels = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False
    )
    atomic = serializers.BooleanField(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len({"items", "text", "refs"} & set(attrs)) != 1:
            raise serializers.ValidationError(
                "Say one of items, text and refs.", code="one_of_three"
            )
        if "text" in attrs and not attrs["atomic"]:
            raise serializers.ValidationError(
                {
                    "atomic": "Lines of text are made all or none: leave atomic out, or send items "
                    "instead."
                }
            )
        return attrs

    def validate_text(self, text: str) -> str:
        lines = sum(not line.isspace() and line != "" for line in text.splitlines())
        if lines > MOST_AT_ONCE:
            raise serializers.ValidationError(
                f"These are {lines:,} lines; send at most {MOST_AT_ONCE} at once."
            )
        return text


class BulkRowSerializer(serializers.Serializer[Any]):
    """What became of one row: its ref, or why not."""

    row = serializers.IntegerField()
    ref = serializers.CharField(allow_null=True)
    status = serializers.IntegerField()
    errors = serializers.ListField(child=serializers.DictField(), required=False)


class BulkAnswerSerializer(serializers.Serializer[Any]):
    refs = serializers.ListField(child=serializers.CharField())
    rows = BulkRowSerializer(many=True, required=False)


class ExternalItemSerializer(NewItemSerializer):
    """An item as another system has it; what is left out stays as it is here."""
