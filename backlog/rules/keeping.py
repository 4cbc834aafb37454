"""For how long what the ground floor keeps for a while stays, in days."""

ALERT_MESSAGES = 30
WEBHOOK_DELIVERIES = 30
UNFINISHED_IMPORTS = 30  # their files; those of finished ones go at once
ARCHIVES = 7  # of whole products, made here or brought here
CODE_MESSAGES = 30


def in_words(days: int) -> str:
    """So many days; 0 is for ever."""
    if not days:
        return "for ever"
    return f"{days} day{'' if days == 1 else 's'}"
