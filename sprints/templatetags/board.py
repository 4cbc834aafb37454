"""A card of a board, written by hand: a template takes five times as long, and a board of two
hundred cards is drawn anew after every move."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from mlscrum.web.templatetags.ui import faces, kind_icon
from sprints.queries.boards import Card

register = template.Library()


@register.simple_tag(takes_context=True)
def card(context: template.Context, card: Card) -> SafeString:
    """A card, which holds little: a script adds its menu. What few have are templates.

    All that people wrote is escaped here; refs, slugs and kinds are ours.
    """
    url, column = context["items_url"], card.column
    look = f"{' is-done' if column.is_done else ''}{' is-task' if card.is_task else ''}"
    hidden = f"{'' if card.shows else ' hidden'}{' data-not-mine' if card.is_left_out else ''}"
    badge = _part(context, "sprints/_card_evidence.html", card) if card.evidence else ""
    marks = _part(context, "sprints/_card_marks.html", card) if card.labels or card.blocked else ""
    tasks = _part(context, "sprints/_card_tasks.html", card) if card.tasks else ""
    asks = card.may_be_done and context.get("may_edit")
    confirm = _part(context, "sprints/_card_confirm.html", card) if asks else ""
    points = (
        ""
        if card.is_task
        else f'<span class="points" data-cell="points" data-value="{card.points_typed}"'
        f' title="Points">{card.points_typed or "–"}</span>'
    )
    return SafeString(
        f'<li class="card-item{look}" data-ref="{card.ref}" data-version="{card.version}"'
        f' data-kind="{card.kind}" data-status="{column.slug}"'
        f' data-words="{escape(card.words)}"{hidden}>'
        f'<div class="card-top">{kind_icon(card.kind)}<span class="ref">{card.ref}</span>'
        f"{badge}</div>"
        f'<a class="row-link" href="{url}{card.ref}/" dir="auto">{escape(card.title)}</a>{marks}'
        f'<div class="card-foot"><span class="card-age{" warn" if card.is_old else ""}"'
        f' title="{escape(column.since)}">{card.age}</span>{points}'
        f'<span data-cell="assignee" data-value="{escape(card.emails)}">{faces(card.people)}</span>'
        f"</div>{confirm}{tasks}</li>\n"
    )


def _part(context: template.Context, name: str, card: Card) -> str:
    assert context.template is not None, "a tag is rendered by a template"
    part: Any = context.template.engine.get_template(name)
    with context.push(card=card):
        return str(part.render(context))
