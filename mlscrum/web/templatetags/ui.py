"""Tags of the look: icons, kinds, badges, faces, times and numbers, the same on every page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mlscrum.lib.explained import explained as explained_text
from mlscrum.lib.markdown import render_markdown
from mlscrum.web.explaining import explainer_of
from mlscrum.web.sentences import errors_in_words

register = template.Library()

KINDS = {
    "story": ("bookmark", "Story"),
    "task": ("square-check", "Task"),
    "bug": ("bug", "Bug"),
    "epic": ("bolt", "Epic"),
    "data_assessment": ("database-search", "Data assessment"),
    "data_need": ("database-plus", "Data need"),
    "feedback": ("message-report", "Feedback"),
    "ethics": ("scale", "Ethics"),
    "spike": ("flask", "Spike"),
}
OUTCOMES = {
    "passed": ("passed", "circle-check", "passed"),
    "failed": ("failed", "circle-x", "failed"),
    "errored": ("errored", "alert-triangle", "could not run"),
    "vacuous": ("vacuous", "circle-dashed", "nothing to check"),
}
STATES = {
    **OUTCOMES,
    "queued": ("quiet", "hourglass", "queued"),
    "running": ("running", "loader-2", "running"),
    "done": ("passed", "circle-check", "done"),
    "cancelled": ("quiet", "ban", "cancelled"),
    "open": ("failed", "alert-circle", "open"),
    "muted": ("quiet", "bell-off", "muted"),
    "resolved": ("passed", "circle-check", "resolved"),
    "obsolete": ("quiet", "circle-minus", "obsolete"),
    "todo": ("quiet", "circle-dashed", "to do"),
    "doing": ("running", "progress", "in progress"),
    "planned": ("quiet", "calendar", "planned"),
    "active": ("accent", "run", "active"),
    "closed": ("passed", "lock", "closed"),
    "proposed": ("quiet", "circle-dashed", "proposed"),
    "agreed": ("passed", "circle-check", "agreed"),
    "contested": ("warning", "alert-triangle", "contested"),
}
# The categories of statuses: a picture each, so that a colour never speaks alone.
CATEGORIES = {
    "todo": ("circle", "to do"),
    "doing": ("circle-half-2", "in progress"),
    "done": ("circle-check", "done"),
}
SEVERITIES = {"critical": "alert-triangle", "warning": "alert-circle", "info": "info-circle"}
FACES = 8  # tints in tokens.css
MOST_FACES = 3
NOTHING = "–"
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86_400, 7 * 86_400


@register.simple_tag
@lru_cache(maxsize=1024)  # a page of two hundred rows shows sixteen hundred
def icon(name: str, label: str = "", extra: str = "") -> SafeString:
    """A picture of the sprite. Without a label it is decoration; `extra` adds classes."""
    css = f"icon {extra}".rstrip()
    href = f"{static('icons.svg')}#{name}"
    if not label:
        return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)
    return format_html(
        '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href
    )


@register.simple_tag
@lru_cache(maxsize=64)
def kind_icon(kind: str) -> SafeString:
    """The picture of an item's kind in its tint, with the word for those who can't see it."""
    picture, word = KINDS.get(str(kind), ("circle-dot", str(kind)))
    return format_html(
        '<span class="kind kind-{}" title="{}">{}<span class="visually-hidden">{}</span></span>',
        str(kind).replace("_", "-"),
        word,
        icon(picture),
        word,
    )


@register.simple_tag
def priority(value: str | None) -> SafeString:
    """P1 to P4 in its colour; nothing for none."""
    if not value:
        return SafeString("")
    return format_html(
        '<span class="badge badge-{}" title="Priority {}">{}</span>',
        str(value).lower(),
        str(value).removeprefix("P"),
        value,
    )


@register.simple_tag
def severity(value: str | None) -> SafeString:
    """How much a check matters, as icon and word."""
    if not value:
        return SafeString("")
    picture = SEVERITIES.get(str(value), "info-circle")
    return format_html('<span class="badge badge-{}">{}{}</span>', value, icon(picture), value)


@register.simple_tag
def outcome(value: str | None) -> SafeString:
    """What one check said, as icon and word."""
    return state_badge(value)


@register.simple_tag
def state_badge(value: str | None) -> SafeString:
    """The state of a run, job, finding, sprint, word or category of status, as icon and word."""
    if not value:
        return SafeString("")
    tone, picture, word = STATES.get(str(value), ("quiet", "point", str(value)))
    return format_html('<span class="badge badge-{}">{}{}</span>', tone, icon(picture), word)


@register.simple_tag
def status_mark(status: Any) -> SafeString:
    """A status of a workflow in its colour, with the picture of its category; nothing for none."""
    return _status_mark(status.name, status.hue, status.category) if status else SafeString("")


@lru_cache(maxsize=1024)
def _status_mark(name: str, hue: str, category: str) -> SafeString:
    picture, word = CATEGORIES.get(category, ("point", category))
    return format_html(
        '<span class="status-mark hue-{}" title="{}: {}">{}<span class="status-name">{}</span>'
        "</span>",
        hue,
        name,
        word,
        icon(picture),
        name,
    )


@register.simple_tag
def label_chip(label: Any) -> SafeString:
    """A label of a product: its word on the tint of its colour."""
    return _label_chip(label.name, label.hue)


@lru_cache(maxsize=1024)
def _label_chip(name: str, hue: str) -> SafeString:
    return format_html('<span class="label-chip hue-{}" title="{}">{}</span>', hue, name, name)


@register.simple_tag
def avatar(user: Any) -> SafeString:
    """The face of a person, or the empty place of nobody."""
    if not user:
        return format_html(
            '<span class="face face-nobody" title="Nobody yet">{}'
            '<span class="visually-hidden">Nobody yet</span></span>',
            icon("user"),
        )
    return _face((user.pk or 0) % FACES, str(user), user.initials)


@lru_cache(maxsize=1024)
def _face(tint: int, name: str, initials: str) -> SafeString:
    return format_html(
        '<span class="face face-{}" title="{}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span></span>',
        tint,
        name,
        initials,
        name,
    )


@register.simple_tag
def faces(people: Iterable[Any]) -> SafeString:
    """Who works on it: three faces, or two and how many more."""
    found = list(people) or [None]
    shown = found if len(found) <= MOST_FACES else found[: MOST_FACES - 1]
    more = len(found) - len(shown)
    others = format_html(
        '<span class="face face-none" title="{} people">+{}</span>', len(found), more
    )
    return format_html(
        '<span class="faces">{}{}</span>',
        format_html_join("", "{}", ((avatar(person),) for person in shown)),
        others if more else "",
    )


@register.simple_tag
def when(moment: datetime | date | None) -> SafeString:
    """A time as people say it; the full time in the reader's zone on hover."""
    if moment is None:
        return SafeString(NOTHING)
    if not isinstance(moment, datetime):
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            moment.isoformat(),
            f"{moment:%A}, {moment.day} {moment:%B %Y}",
            _day(moment, timezone.localdate()),
        )
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        f"{local:%A}, {local.day} {local:%B %Y, %H:%M %Z}",
        _relative(local, timezone.localtime()),
    )


@register.simple_tag(takes_context=True)
def url_with(context: template.Context, **changes: Any) -> str:
    """The present query string with some parameters changed; an empty value takes one away.

    The page number starts anew unless it is what changes.
    """
    query = context["request"].GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        if value is None or value == "":
            query.pop(name, None)
        elif isinstance(value, list | tuple):
            query.setlist(name, [str(each) for each in value])
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def posts_to(context: template.Context, name: str, **arguments: Any) -> SafeString:
    """Attributes of a form that does a deed on the `item` and brings it back: by htmx in its place,
    else by way of its page."""
    item = context["item"]
    url = reverse(f"backlog:{name}", kwargs={"key": item.product.key, "ref": item.ref, **arguments})
    return format_html(
        'method="post" action="{0}" hx-post="{0}" hx-target="#item" hx-swap="outerMorph"', url
    )


@register.filter
def markdown(text: str | None, product: Any = "") -> SafeString:
    """Markdown as safe HTML; refs of the product (or of that of the key) become links, and of a
    product the words of its glossary are explained."""
    if isinstance(product, str):
        return _prose(text, product)
    return _prose(text, product.key, product=product)


@register.simple_tag(takes_context=True)
def prose(
    context: template.Context,
    text: str | None,
    key: str = "",
    people: Mapping[str, str] | None = None,
) -> SafeString:
    """As the filter `markdown`, with those marked who are mentioned: `people` has the full names by
    what can stand after the @. The words of the product that the page is in are explained."""
    shown = getattr(context.get("shell"), "product", None)
    product = shown if shown is not None and shown.key == key else None
    return _prose(text, key, people, product)


@register.filter
def explained(text: str | None, product: Any) -> SafeString:
    """A plain text in which the words of the product's glossary are explained."""
    return explained_text(text or "", explainer_of(product) if product else None)


def _prose(
    text: str | None,
    key: str,
    people: Mapping[str, str] | None = None,
    product: Any = None,
) -> SafeString:
    def link_of(ref: str) -> str | None:
        return reverse("backlog:item", args=[key, ref]) if ref.startswith(f"{key}-") else None

    def person_of(handle: str) -> str | None:
        return (people or {}).get(handle.casefold())

    return render_markdown(
        text or "",
        link_of=link_of if key else None,
        person_of=person_of,
        explain=explainer_of(product) if product is not None else None,
    )


@register.filter
def points(value: Decimal | float | None) -> str:
    """Story points without needless decimals: 5, 0.5, 1,200, and a dash for unestimated."""
    return NOTHING if value is None else f"{float(value):,.2f}".rstrip("0").rstrip(".")


@register.filter
def points_typed(value: Decimal | float | None) -> str:
    """Story points as a field or a script reads them: nothing between the thousands."""
    return "" if value is None else f"{float(value):.2f}".rstrip("0").rstrip(".")


@register.filter
def percent(value: float | None) -> str:
    """Per cent (0 to 100) with as many decimals as say something: 8.7 %, 0.44 %, 100 %."""
    if value is None:
        return NOTHING
    if value in {0, 100}:
        return f"{value:.0f} %"
    if 0 < abs(value) < 0.01:
        return "< 0.01 %"
    return f"{value:.2f} %" if abs(value) < 1 or 99 < value < 100 else f"{value:.1f} %"


@register.filter
def figure(value: Any) -> str:
    """A number as people read it, 12,345 or 0.1235; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


@register.filter
def compact(value: float | None) -> str:
    """A count in few characters: 950, 12.3k, 4.5M."""
    if value is None:
        return NOTHING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:g}"


@register.filter
def at(mapping: Mapping[str, Any], key: str) -> Any:
    """What a mapping holds under a key that only the page knows; None for nothing."""
    return mapping.get(key)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """A length of time (seconds or a timedelta) in at most two units: 1.9 s, 3 min 20 s."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
    first = next(i for i, (size, _) in enumerate(units) if whole >= size)
    parts = []
    for size, unit in units[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)


@register.filter
def widget_kind(field: BoundField) -> str:
    """How `partials/_field.html` lays a field out: check, choices, select, file or text."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "check"
    if isinstance(widget, CheckboxSelectMultiple | RadioSelect):
        return "choices"
    return "select" if isinstance(widget, Select) else "text"


@register.filter
def control(field: BoundField) -> SafeString:
    """The input of a field with our classes; Django joins it to its help and errors."""
    css = {"check": "form-check-input", "choices": "", "select": "form-select"}
    own = field.field.widget.attrs.get("class", "")
    wrong = "is-invalid" if field.errors else ""
    names = (css.get(widget_kind(field), "form-control"), own, wrong)
    # Browsers would cut a longer text without a word; the form says how long it may be.
    uncut: dict[str, Any] = {"maxlength": False}
    return field.as_widget(attrs={"class": " ".join(filter(None, names)), **uncut})


@register.filter
def errors(field: BoundField) -> list[str]:
    """What is wrong with a field, in our words."""
    return errors_in_words(field)


def _relative(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    away = abs(seconds)
    if away < MINUTE:
        return "just now" if seconds >= 0 else "in a moment"
    if away < HOUR:
        return _told(seconds, f"{int(away // MINUTE)} min")
    if away < DAY:
        return _told(seconds, f"{int(away // HOUR)} h")
    return _day(moment.date(), now.date())


def _day(day: date, today: date) -> str:
    days = (today - day).days
    names = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if days in names:
        return names[days]
    if abs(days) < 7:
        return _told(days, f"{abs(days)} d")
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def _told(seconds: float, amount: str) -> str:
    return f"{amount} ago" if seconds > 0 else f"in {amount}"
