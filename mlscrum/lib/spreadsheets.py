"""Text in CSV that spreadsheets open."""

# With one of these a spreadsheet begins a formula: OWASP, "CSV Injection".
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def no_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) else text


def with_formulas(text: str) -> str:
    """The text without the mark by which `no_formula`, or another tool's export, guards it."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULAS) else text
