"""Deeds on what people have said: only who said it may change it, and the history keeps both."""

from __future__ import annotations

from backlog.models import Actor, Comment, Notification
from backlog.services.deeds import deed
from backlog.services.items import refuse_trashed
from backlog.services.notifications import News, people_mentioned, tell, watch
from backlog.services.ranks import lock_backlogs
from backlog.services.search import index_items
from mlscrum.lib.errors import Refused


def edit_comment(comment: Comment, text: str, *, actor: Actor) -> Comment:
    """Say it differently. Who is mentioned for the first time is told.

    Raises Refused for the words of others, ValidationError for an empty or too long text.
    """
    before, item = comment.text, comment.item
    _refuse_strangers(comment, actor)
    refuse_trashed(item)
    comment.text = text.strip()
    comment.full_clean(exclude=["item", "author"])
    if comment.text == before:
        return comment
    with deed(item.product, actor, "item.comment_edited", item=item) as done:
        lock_backlogs(item.backlog)
        comment.edited_at = done.at
        comment.save(update_fields=["text", "edited_at"])
        done.change(item, "comment", before, comment.text)
        index_items([item.pk])
        known = people_mentioned(item.product, before)
        new = [one for one in people_mentioned(item.product, comment.text) if one not in known]
        news = [News(item, person, Notification.Kind.MENTION, comment) for person in new]
        tell(item.product, news, actor=actor, at=done.at)
        watch((item, person) for person in new)
    return comment


def delete_comment(comment: Comment, *, actor: Actor) -> None:
    """Take it back; the history keeps who said what. Raises Refused for the words of others."""
    item = comment.item
    _refuse_strangers(comment, actor)
    refuse_trashed(item)
    edited = comment.edited_at
    with deed(
        item.product, actor, "item.comment_deleted", item=item,
        said_at=comment.created_at.isoformat(), edited_at=edited and edited.isoformat(),
    ) as done:  # fmt: skip
        lock_backlogs(item.backlog)
        done.change(item, "comment", comment.text, None)
        comment.delete()
        index_items([item.pk])


def _refuse_strangers(comment: Comment, actor: Actor) -> None:
    if actor.user is None or comment.author_id != actor.user.pk:
        raise Refused("not_yours", "Only who wrote a comment can change it; answer it instead.")
