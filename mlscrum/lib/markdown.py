"""Markdown as people write it, made into HTML that is safe to show."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from mdit_py_plugins.tasklists import tasklists_plugin

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "input", "label",
    "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start"},
}
CLASSES = {
    "ul": {"contains-task-list"},
    "ol": {"contains-task-list"},
    "li": {"task-list-item"},
}
SCHEMES = {"http", "https", "mailto"}


def _lower_headings(state: StateCore) -> None:
    """The page has its h1 and h2; what people write begins below them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"


def _parser() -> MarkdownIt:
    # Raw HTML is shown as text. Pictures from elsewhere would tell their host who reads what.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.use(tasklists_plugin, label=True)
    parser.core.ruler.push("lower_headings", _lower_headings)
    return parser


_PARSER = _parser()


def render_markdown(text: str) -> SafeString:
    """HTML of a Markdown text: no scripts, no raw HTML, links to http, https and mailto alone."""
    html = nh3.clean(
        _PARSER.render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )
    return SafeString(html)
