"""Text in CSV that spreadsheets open."""

# With one of these a spreadsheet begins a formula: OWASP, "CSV Injection".
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def no_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) else text
