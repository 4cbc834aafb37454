"""Who may change a word of the glossary, where the word itself matters too."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied

from backlog.models import Actor, Term

Holds = Callable[[str], bool]


def may_change(term: Term, actor: Actor, holds: Holds) -> bool:
    """Whoever may agree on words may change them, and the proposer as long as it is a proposal."""
    return holds("term.agree") or _is_own_proposal(term, actor)


def may_delete(term: Term, actor: Actor, holds: Holds) -> bool:
    """A product owner may, and the proposer as long as it is a proposal."""
    return holds("term.delete") or _is_own_proposal(term, actor)


def refuse_unless(allowed: bool) -> None:  # noqa: FBT001
    """Raises PermissionDenied, as a door does."""
    if not allowed:
        raise PermissionDenied("Your role in this product doesn't allow this; contest it instead.")


def _is_own_proposal(term: Term, actor: Actor) -> bool:
    is_own = actor.user is not None and term.proposed_by_id == actor.user.pk
    return is_own and term.state == Term.State.PROPOSED
