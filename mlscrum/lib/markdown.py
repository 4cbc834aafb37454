"""Markdown as people write it, made into HTML that is safe to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from mlscrum.lib.explained import Explainer

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "input", "label",
    "li", "mark", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr",
    "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "data-term"},
    "input": {"type", "checked", "disabled"},
    "mark": {"title"},
    "ol": {"start"},
}
CLASSES = {
    "a": {"term"},
    "ul": {"contains-task-list"},
    "ol": {"contains-task-list"},
    "li": {"task-list-item"},
}
SCHEMES = {"http", "https", "mailto"}
MOST_CELLS = 10_000  # of all tables of a text; further ones are shown as they are written
TICKS = {"[ ] ": False, "[x] ": True, "[X] ": True}
UNDER_TABLE_HEADER = re.compile(r"[|:\- \t]*-[|:\- \t]*")
REF = re.compile(r"(?<![\w/-])[A-Z][A-Z0-9]{1,9}-[1-9][0-9]{0,8}(?![\w-])")
MENTION = re.compile(r"(?:^|(?<=[\s(\[{,;:>]))@(\w[\w.+-]*\w(?:@[\w.-]+\w)?)")
TAKEN = {"link_open", "link_close", "mark_open", "mark_close"}  # what lies within is said already
# The address of an item by its ref, or None for a word that only looks like one.
LinkOf = Callable[[str], str | None]
# The full name of whom `@max` means, or None where that is nobody.
PersonOf = Callable[[str], str | None]


def _lower_headings(state: StateCore) -> None:
    """The page has its h1 and h2; what people write begins below them."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"


def _small_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """Tables as long as they are few: each row is filled up to the width of the header, so that a
    comment of some kilobytes could become millions of cells."""
    if state.env.get("cells_left", MOST_CELLS) < 0 or start + 2 > end:
        return False
    if not UNDER_TABLE_HEADER.fullmatch(_line(state, start + 1)):
        return False
    if silent:
        return bool(table(state, start, end, silent))
    width, rows = _line(state, start).count("|") + 1, 1
    while start + 1 + rows < end and _line(state, start + 1 + rows).strip():
        rows += 1
    left = state.env.get("cells_left", MOST_CELLS) - width * rows
    if left >= 0 and not table(state, start, end, silent):
        return False
    state.env["cells_left"] = left
    return bool(left >= 0)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] : state.eMarks[number]]


def _tick_boxes(state: StateCore) -> None:
    """Make boxes of `- [ ]` and `- [x]`, and mark the lists that have some."""
    lists: list[Token] = []
    for place, token in enumerate(state.tokens):
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append(token)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
        if token.type != "list_item_open" or place + 2 >= len(state.tokens):
            continue
        paragraph, text = state.tokens[place + 1 : place + 3]
        if paragraph.type == "paragraph_open" and text.content[:4] in TICKS:
            token.attrSet("class", "task-list-item")
            lists[-1].attrSet("class", "contains-task-list")
            _tick(text.children or [], is_ticked=TICKS[text.content[:4]])


def _tick(children: list[Token], *, is_ticked: bool) -> None:
    """Put the box where its brackets stand, and a label around it and its text."""
    checked = " checked" if is_ticked else ""
    box = f'<label><input type="checkbox" disabled{checked}>'
    if children and children[0].type == "text":  # else they are a link, by a definition of `[x]`
        children[0].content = children[0].content[3:]
    children.insert(0, Token("html_inline", "", 0, content=box))
    children.append(Token("html_inline", "", 0, content="</label>"))


def _link_refs(state: StateCore) -> None:
    """Make links of refs in running text; code and what is a link already stay as they are."""
    link_of: LinkOf | None = state.env.get("link_of")
    if link_of is not None:
        _replace_running(state, lambda token: _with_links(token, link_of))


def _mark_people(state: StateCore) -> None:
    """Mark those who are mentioned in running text."""
    person_of: PersonOf | None = state.env.get("person_of")
    if person_of is not None:
        _replace_running(state, lambda token: _with_people(token, person_of))


def _explain_words(state: StateCore) -> None:
    """Link the words of a glossary in running text to where they are explained; not those that are
    in a link, a mention or code."""
    explain: Explainer | None = state.env.get("explain")
    if explain is not None:
        _replace_running(state, lambda token: _with_words(token, explain))


def _replace_running(state: StateCore, parts: Callable[[Token], Iterator[Token]]) -> None:
    for block in state.tokens:
        depth = 0
        children: list[Token] = []
        for token in block.children or []:
            depth += token.nesting if token.type in TAKEN else 0
            is_running = token.type == "text" and not depth
            children.extend(parts(token) if is_running else [token])
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


def _with_people(token: Token, person_of: PersonOf) -> Iterator[Token]:
    done = 0
    for match in MENTION.finditer(token.content):
        name = person_of(match[1])
        if name is None:
            continue
        yield _text(token.content[done : match.start()])
        yield Token("mark_open", "mark", 1, attrs={"title": name})
        yield _text(match[0])
        yield Token("mark_close", "mark", -1)
        done = match.end()
    yield _text(token.content[done:])


def _with_words(token: Token, explain: Explainer) -> Iterator[Token]:
    done = 0
    for word in explain(token.content):
        attributes: dict[str, str | int | float] = {
            "class": "term", "href": word.address, "data-term": str(word.term)
        }  # fmt: skip
        yield _text(token.content[done : word.start])
        yield Token("link_open", "a", 1, attrs=attributes)
        yield _text(token.content[word.start : word.end])
        yield Token("link_close", "a", -1)
        done = word.end
    yield _text(token.content[done:])


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _parser() -> MarkdownIt:
    # Raw HTML is shown as text. Pictures from elsewhere would tell their host who reads what.
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.block.ruler.at("table", _small_table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.push("tick_boxes", _tick_boxes)
    parser.core.ruler.push("lower_headings", _lower_headings)
    parser.core.ruler.push("link_refs", _link_refs)
    parser.core.ruler.push("mark_people", _mark_people)
    parser.core.ruler.push("explain_words", _explain_words)
    return parser


_PARSER = _parser()


def render_markdown(
    text: str,
    *,
    link_of: LinkOf | None = None,
    person_of: PersonOf | None = None,
    explain: Explainer | None = None,
) -> SafeString:
    """HTML of a Markdown text: no scripts, no raw HTML, links to http, https and mailto alone.

    With `link_of`, refs such as MED-2 become links to the addresses that it knows; with
    `person_of`, people such as @max are marked, with their names; with `explain`, the words that it
    finds are linked to where they are explained.
    """
    asked = {"link_of": link_of, "person_of": person_of, "explain": explain}
    html = nh3.clean(
        _PARSER.render(text, asked),
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )
    return SafeString(html)
