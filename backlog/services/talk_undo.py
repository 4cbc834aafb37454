"""Taking back links and what people did to their comments, from the changes that these left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from backlog.models import Activity, Change, Comment, Item, Link
from backlog.queries.resources import items_by_ref
from backlog.rules.links import WORDS
from backlog.services.deeds import Deed
from backlog.services.links import add_link, remove_link
from backlog.services.search import index_items
from mlscrum.lib.errors import Conflict

ABOUT_LINKS = ("item.linked", "item.unlinked")
ABOUT_COMMENTS = ("item.comment_edited", "item.comment_deleted")
KINDS = {words: kind for kind, (words, _) in WORDS.items()}
Keep = Callable[[str, str], None]  # says of what it stays, and why


@dataclass
class Talk:
    """What was taken back, in sentences, and on which items."""

    said: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)


def talk_back(
    deeds: Iterable[Activity],
    changes: Iterable[Change],
    items: Mapping[int, Item],
    *,
    done: Deed,
    keep: Keep,
) -> Talk:
    """Let links and comments of these deeds stand as before; what can't is told to `keep`.

    The backlogs of the items are locked.
    """
    kinds = {each.pk: each for each in deeds if each.kind in (*ABOUT_LINKS, *ABOUT_COMMENTS)}
    work = _TalkingBack(done, keep)
    for change in changes:
        activity, item = kinds.get(change.activity_id), items.get(change.item_id)
        if activity is None or item is None or activity.item_id != item.pk:
            continue  # a link says the same of its other end
        if item.deleted_at:
            keep(f"{item.ref} stays as it is:", "it is in the trash by now.")
        elif activity.kind in ABOUT_LINKS:
            work.link(item, change)
        else:
            work.comment(item, change, activity)
    return work.talk


@dataclass
class _TalkingBack:
    done: Deed
    keep: Keep
    talk: Talk = field(default_factory=Talk)

    def link(self, source: Item, change: Change) -> None:
        words, _, ref = str(change.before or change.after).rpartition(" ")
        target = items_by_ref(source.product, [ref], deleted=True).get(ref)
        if target is None:
            self.keep(f"{source.ref} stays as it is:", f"{ref} is not there any more.")
        elif change.before is None:
            self._unlink(source, words, target)
        elif target.deleted_at:
            self.keep(f"{source.ref} stays as it is:", f"{ref} is in the trash by now.")
        else:
            self._link(source, words, target)

    def _unlink(self, source: Item, words: str, target: Item) -> None:
        link = Link.objects.filter(source=source, target=target, kind=KINDS[words]).first()
        if link is None:
            self.keep(f"{source.ref} stays as it is:", "the link is gone already.")
            return
        remove_link(link, actor=self.done.actor)
        self._told(f"the link “{source.ref} {words} {target.ref}” is gone.", source, target)

    def _link(self, source: Item, words: str, target: Item) -> None:
        try:
            add_link(source, KINDS[words], target, actor=self.done.actor)
        except Conflict as error:
            self.keep(f"{source.ref} stays as it is:", error.message)
            return
        self._told(f"{source.ref} {words} {target.ref} again.", source, target)

    def comment(self, item: Item, change: Change, activity: Activity) -> None:
        if change.after is None:
            self._say_again(item, str(change.before), activity)
            return
        said = Comment.objects.filter(item=item, author=activity.user, text=change.after).last()
        if said is None:
            self.keep(f"Your comment on {item.ref} stays:", "it has been changed since.")
            return
        said.text, said.edited_at = str(change.before), self.done.at
        said.save(update_fields=["text", "edited_at"])
        self.done.change(item, "comment", change.after, change.before)
        index_items([item.pk])
        self._told(f"your comment on {item.ref} reads as before.", item)

    def _say_again(self, item: Item, text: str, activity: Activity) -> None:
        said, edited = activity.data.get("said_at"), activity.data.get("edited_at")
        Comment.objects.create(
            item=item,
            author=activity.user,
            text=text,
            created_at=datetime.fromisoformat(said) if said else activity.at,
            edited_at=datetime.fromisoformat(edited) if edited else None,
        )
        self.done.change(item, "comment", None, text)
        index_items([item.pk])
        self._told(f"your comment on {item.ref} is back.", item)

    def _told(self, sentence: str, *items: Item) -> None:
        self.talk.said.append(sentence)
        self.talk.refs += [item.ref for item in items]
