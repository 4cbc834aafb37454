"""Jira's wiki markup as Markdown: the common part is converted, all else stays as it is written.

Source: Jira's "Text Formatting Notation Help" (…/secure/WikiRendererHelpAction.jspa?section=all).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# Every pattern stops at the next mark of its own kind or after a bounded length, so that a text of
# a megabyte of unclosed marks takes no longer than another.
_BLOCK = re.compile(r"\{(code|noformat|quote|panel)(?::([^}\n]{0,300}))?\}")
_INLINE = re.compile(
    r"""\{\{(?P<mono>(?:(?!\{\{)[^\n]){1,400}?)\}\}
    |\[(?P<label>[^\[\]\n|]{0,400})\|(?P<url>(?:https?://|ftp://|mailto:)[^\]\n|\s]{1,2000})
      (?:\|[^\]\n|]{0,40})?\]
    |\[(?P<bare>(?:https?://|ftp://|mailto:)[^\]\n|\s]{1,2000})\]
    |\[~(?P<user>[^\]\[\n]{1,200})\]
    |(?P<raw>https?://[^\s\[\]|<>{}]{1,2000})
    |!(?P<picture>[^\s!|\[\]][^\n!|\[\]]{0,200}?\.[A-Za-z]{3,4})(?:\|[^\n!|]{0,200})?!(?!\w)
    |(?P<color>\{color(?::[^}\n]{0,40})?\})
    |(?P<break>\\\\(?=\s|$))""",
    re.VERBOSE,
)
_EMPHASIS = re.compile(
    r"""(?P<strong>\*\*(?=\S)[^*\n]{1,1000}(?<=\S)\*\*)
    |(?<![\w*\\])\*(?=\S)(?P<bold>[^*\n]{1,1000})(?<=\S)\*(?![\w*])
    |(?P<star>(?<!\\)\*)
    |(?P<rules>__+)""",
    re.VERBOSE,
)
_HEADING = re.compile(r"\s*h([1-6])\.\s+(\S.{0,199})")  # longer ones are lost line breaks
_BQ = re.compile(r"\s*bq\.\s+(\S.*)")
_ITEM = re.compile(r"\s*([*#]{1,10}-?|-)\s+(\S.*)")
_RULE = re.compile(r"\s*-{4,5}\s*")
# Text for Jira, a hidden link target or the line under a heading for Markdown.
_TRAP = re.compile(r"\[[^\]\n]{1,200}\]:|(?:=+|-{1,3})\s*$")
_HELD = re.compile("\x00(\\d+)\x00")
_TELLTALE = re.compile(
    r"\{code(?::[^}\n]{0,100})?\}|\{noformat\}|\{quote\}|\{\{[^\s{}][^\n{}]{0,200}\}\}"
    r"|(?m:^)\s*h[1-6]\. \S|\[[^\[\]\n|]{1,200}\|https?://"
)


def is_jira_markup(text: str) -> bool:
    """Whether a text holds marks that Markdown doesn't know and Jira writes."""
    return bool(_TELLTALE.search(text))


def to_markdown(text: str, accounts: Mapping[str, str] | None = None) -> str:
    """A text in Jira's markup as Markdown; never raises, and no word of it is lost.

    `accounts` gives the names of mentioned account ids. Code that is never closed runs to the end,
    other marks that are never closed stay as they are written.
    """
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return _blocks(text, accounts or {}).strip("\n")


def _blocks(text: str, accounts: Mapping[str, str]) -> str:
    """Text, code, quotes and panels after each other, parted by blank lines."""
    marks = list(_BLOCK.finditer(text))
    parts: list[str] = []
    done = place = 0
    while place < len(marks):
        mark = marks[place]
        closing = _closing(marks, place)
        if closing is None:
            place += 1
            continue
        body_end, next_start = len(text), len(text)
        if closing < len(marks):
            body_end, next_start = marks[closing].span()
        parts.append(_lines(text[done : mark.start()], accounts))
        parts.append(_block(mark, text[mark.end() : body_end], accounts))
        done, place = next_start, closing + 1
    parts.append(_lines(text[done:], accounts))
    return "\n\n".join(part for part in parts if part)


def _closing(marks: list[re.Match[str]], opening: int) -> int | None:
    """The place of the mark that closes this one: the next bare one of its name.

    Code without any runs to the end: exports cut long texts, and logs make no Markdown.
    """
    name = marks[opening][1]
    for place in range(opening + 1, len(marks)):
        if marks[place][1] == name:
            return place if marks[place][2] is None else None
    return len(marks) if name in {"code", "noformat"} else None


def _block(mark: re.Match[str], body: str, accounts: Mapping[str, str]) -> str:
    name, options = mark[1], mark[2] or ""
    settings = dict(part.partition("=")[::2] for part in options.split("|") if "=" in part)
    title = settings.get("title", "").strip()
    above = f"**{title.replace('*', '')}**\n\n" if title else ""
    if name in {"code", "noformat"}:
        language = next((part for part in options.split("|") if "=" not in part), "")
        return above + _fenced(body, language.strip())
    inside = above + _blocks(body, accounts).strip("\n")
    if name == "panel":
        return inside
    return "\n".join(f"> {line}".rstrip() for line in inside.split("\n"))


def _fenced(body: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    language = re.sub(r"[\s`]", "", language)
    return f"{fence}{language}\n{body.strip(chr(10)).rstrip()}\n{fence}"


@dataclass
class _Writer:
    """Lines of Markdown; a blank line parts blocks that would else run into each other."""

    lines: list[str] = field(default_factory=list)
    block: str = ""
    markers: list[int] = field(default_factory=list)  # widths of the list markers above

    def write(self, line: str, block: str) -> None:
        if self.lines and self.lines[-1] and (block != self.block or block == "heading"):
            self.lines.append("")
        if block != "list" and line:
            self.markers = []
        self.lines.append(line)
        self.block = block


def _lines(text: str, accounts: Mapping[str, str]) -> str:
    writer = _Writer()
    lines = text.strip("\n").split("\n") if text.strip() else []
    place = 0
    while place < len(lines):
        line = lines[place]
        if _is_table_row(line):
            rows = [line]
            while place + len(rows) < len(lines) and _is_table_row(lines[place + len(rows)]):
                rows.append(lines[place + len(rows)])
            for row in _table(rows, accounts):
                writer.write(row, "table")
            place += len(rows)
            continue
        _write_line(writer, line, accounts)
        place += 1
    return "\n".join(writer.lines).strip("\n")


def _write_line(writer: _Writer, line: str, accounts: Mapping[str, str]) -> None:
    if not line.strip():
        writer.write("", writer.block)
    elif match := _HEADING.fullmatch(line):
        writer.write(f"{'#' * int(match[1])} {_inline(match[2], accounts)}", "heading")
    elif match := _BQ.fullmatch(line):
        writer.write(f"> {_inline(match[1], accounts)}", "quote")
    elif _RULE.fullmatch(line):
        writer.write("---", "rule")
    elif match := _ITEM.fullmatch(line):
        writer.write(_item(writer, match[1], _inline(match[2], accounts)), "list")
    else:
        # Jira ignores the indent, of which Markdown would make a block of code.
        text = _inline(line.strip(), accounts)
        writer.write(f"\\{text}" if _TRAP.match(text) else text, "text")


def _item(writer: _Writer, marks: str, text: str) -> str:
    """A bullet or a number, indented by the markers of the items that it stands under."""
    depth = min(len(marks), len(writer.markers) + 1)
    marker = "1." if marks[-1] == "#" else "-"
    writer.markers = [*writer.markers[: depth - 1], len(marker) + 1]
    return f"{' ' * sum(writer.markers[:-1])}{marker} {text}"


def _is_table_row(line: str) -> bool:
    row = line.strip()
    return len(row) > 2 and row.startswith("|") and row.endswith("|") and bool(row.strip("|"))


def _table(rows: list[str], accounts: Mapping[str, str]) -> list[str]:
    cells = [_cells(row, accounts) for row in rows]
    width = max(len(row) for row in cells)
    # A row that is shorter than the widest stays so, which Markdown allows: filled up, a text of
    # some kilobytes would grow to gigabytes.
    if not rows[0].strip().startswith("||"):
        cells.insert(0, [""] * width)
    cells.insert(1, ["---"] * width)
    return [f"| {' | '.join(row)} |" for row in cells]


def _cells(row: str, accounts: Mapping[str, str]) -> list[str]:
    converted = _inline(row.strip(), accounts, in_table=True)
    inner = re.sub(r"^\|{1,2}|(?<!\\)\|{1,2}$", "", converted)
    return [cell.strip() for cell in re.split(r"(?<!\\)\|{1,2}", inner)]


def _inline(text: str, accounts: Mapping[str, str], *, in_table: bool = False) -> str:
    """Links, code and mentions are held back while emphasis is converted around them."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        markdown = _span(match, accounts, in_table=in_table)
        held.append(markdown.replace("|", "\\|") if in_table else markdown)
        return f"\x00{len(held) - 1}\x00"

    text = _EMPHASIS.sub(_emphasis, _INLINE.sub(hold, text))
    return _HELD.sub(lambda match: held[int(match[1])], text)


def _span(match: re.Match[str], accounts: Mapping[str, str], *, in_table: bool) -> str:
    kind = match.lastgroup
    if kind == "mono":
        return _code_span(match["mono"])
    if kind == "url":
        return _link(match["label"].strip(), match["url"])
    if kind == "bare":
        return f"<{match['bare'].replace('<', '%3C').replace('>', '%3E')}>"
    if kind == "user":
        user = match["user"].removeprefix("accountid:")
        return f"@{accounts.get(user, user)}"
    if kind == "picture":
        return f"(picture: {match['picture']})"
    if kind == "color":
        return ""
    if kind == "break":
        return " " if in_table else "\n"
    return match[0]


def _link(label: str, url: str) -> str:
    address = url.replace("<", "%3C").replace(">", "%3E")
    if not label:
        return f"<{address}>"
    return f"[{label}](<{address}>)" if re.search(r"[()]", address) else f"[{label}]({address})"


def _code_span(body: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", body)), default=0))
    gap = " " if "`" in body else ""
    return f"{ticks}{gap}{body}{gap}{ticks}"


def _emphasis(match: re.Match[str]) -> str:
    if match["strong"]:
        return match["strong"]
    if match["bold"]:
        inner = re.sub("__+", lambda rules: "\\_" * len(rules[0]), match["bold"])
        return f"**{inner}**"
    if match["star"]:
        # Alone between spaces a star is a star; elsewhere Markdown might make emphasis of it.
        text, place = match.string, match.start()
        before, after = text[place - 1 : place] or " ", text[place + 1 : place + 2] or " "
        return "*" if before.isspace() and after.isspace() else "\\*"
    return "\\_" * len(match[0])
