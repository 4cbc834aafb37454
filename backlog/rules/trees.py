"""Which kind may stand under which: epic > any kind > task (DECISIONS of the house, 8)."""


def parent_problem(kind: str, parent_kind: str | None) -> str | None:
    """Why an item of this kind can't have such a parent, or None where it can."""
    if parent_kind is None:
        return None
    if kind == "epic":
        return "An epic stands at the top and has no parent."
    if parent_kind == "task":
        return "A task has no children."
    if kind != "task" and parent_kind != "epic":
        return "Only tasks stand under an item; other kinds stand under an epic."
    return None


def bears_points(kind: str) -> bool:
    """Figures count the middle level only: epics sum their items, tasks have no points."""
    return kind not in {"epic", "task"}
