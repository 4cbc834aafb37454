"""Markdown as people write it, made into HTML that is safe to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
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
REF = re.compile(r"(?<![\w/-])[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,8}(?![\w-])")
# The address of an item by its ref, or None for a word that only looks like one.
LinkOf = Callable[[str], str | None]


def _lower_headings(state: StateCore) -> None:
    """The page has its h1 and h2; what people write begins below them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"


def _link_refs(state: StateCore) -> None:
    """Make links of refs in running text; code and what is a link already stay as they are."""
    link_of: LinkOf | None = state.env.get("link_of")
    if link_of is None:
        return
    for block in state.tokens:
        depth = 0
        children: list[Token] = []
        for token in block.children or []:
            depth += token.nesting if token.type in {"link_open", "link_close"} else 0
            is_running = token.type == "text" and not depth
            children.extend(_with_links(token, link_of) if is_running else [token])
        if block.children is not None:
            block.children = children


def _with_links(token: Token, link_of: LinkOf) -> Iterator[Token]:
    done = 0
    for match in REF.finditer(token.content):
        address = link_of(match[0])
        if address is None:
            continue
        yield _text(token.content[done : match.start()])
        yield Token("link_open", "a", 1, attrs={"href": address})
        yield _text(match[0])
        yield Token("link_close", "a", -1)
        done = match.end()
    yield _text(token.content[done:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _parser() -> MarkdownIt:
    # Raw HTML is shown as text. Pictures from elsewhere would tell their host who reads what.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.use(tasklists_plugin, label=True)
    parser.core.ruler.push("lower_headings", _lower_headings)
    parser.core.ruler.push("link_refs", _link_refs)
    return parser


_PARSER = _parser()


def render_markdown(text: str, *, link_of: LinkOf | None = None) -> SafeString:
    """HTML of a Markdown text: no scripts, no raw HTML, links to http, https and mailto alone.

    With `link_of`, refs such as MED-2 become links to the addresses that it knows.
    """
    html = nh3.clean(
        _PARSER.render(text, {"link_of": link_of}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )
    return SafeString(html)
