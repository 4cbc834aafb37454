"""What has lain in the trash for too long goes: a ref and a title remain."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction

from backlog.models import (
    Attachment,
    Change,
    Comment,
    Finding,
    Item,
    ItemEvidence,
    Origin,
    SearchText,
)
from backlog.queries.trash import KEPT_FOR

AT_ONCE = 500  # items in one transaction
EMPTIED = {"description": "", "criteria": [], "external_source": "", "external_id": ""}
TOLD = ("description", "criteria")  # what the history of an item holds of its content


def empty_trash(now: datetime) -> int:
    """Take the content of what was deleted more than 30 days ago; how many items that were.

    Number and title remain, and no ref is given again. An external id is free again, and what
    evidence still says of the item is filed anew.
    """
    old = Item.objects.filter(deleted_at__lt=now - KEPT_FOR, search_text__isnull=False)
    emptied = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        emptied += _empty(ids)
    return emptied


def _empty(ids: list[int]) -> int:
    """Another dispatcher may do the same at once, and nobody restores these meanwhile."""
    with transaction.atomic():
        files = Attachment.objects.filter(item__in=ids)
        for key in files.values_list("file", flat=True):
            transaction.on_commit(partial(default_storage.delete, key), robust=True)
        files.delete()
        Comment.objects.filter(item__in=ids).delete()
        Origin.objects.filter(item__in=ids).delete()
        ItemEvidence.objects.filter(item__in=ids).delete()
        Finding.objects.filter(item__in=ids).update(item=None, muted_with_item=False)
        Change.objects.filter(item__in=ids, field__in=TOLD).update(before=None, after=None)
        Item.objects.filter(pk__in=ids).update(**EMPTIED)
        return SearchText.objects.filter(item__in=ids).delete()[0]
