"""Deeds on product goals: set one, word it anew, and end it before the next."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from backlog.models import Actor, Product, ProductGoal
from backlog.services.deeds import deed
from mlscrum.lib.errors import Conflict

NOT_TYPED = ["product", "set_by", "ended_at", "ended_by"]


def set_goal(product: Product, text: str, *, actor: Actor) -> ProductGoal:
    """The goal that the product pursues from now on.

    Raises Conflict while another one is active, and ValidationError for a goal without words.
    """
    with deed(product, actor, "goal.set") as done:
        active = _locked_active(product)
        if active is not None:
            why = f"“{_short(active)}” is still pursued; fulfil or abandon it before the next."
            raise Conflict("goal_active", why)
        goal = ProductGoal(product=product, set_at=done.at, set_by=actor.user)
        _put(goal, text)
        done.data |= {"goal": goal.pk, "text": goal.text}
    return goal


def word_goal(product: Product, text: str, *, actor: Actor, seen: int | None = None) -> ProductGoal:
    """Word the active goal anew, or set one where there is none.

    `seen` is the id of the goal that the actor was shown, 0 for none: Conflict where another one is
    active by now. Raises ValidationError for no words: a goal ends fulfilled or abandoned, never by
    its deletion.
    """
    with deed(product, actor, "goal.worded") as done:
        goal = _locked_active(product)
        if seen is not None and seen != (goal.pk if goal else 0):
            raise Conflict("goal_changed", _what_is_so_now(goal, seen))
        if goal is None:
            return set_goal(product, text, actor=actor)
        if not text.strip():
            why = "Say that this goal was fulfilled or abandoned; it is not deleted."
            raise ValidationError({"goal": why})
        before = goal.text
        if _plain(text) == before:
            done.nothing_happened()
            return goal
        _put(goal, text)
        done.data |= {"goal": goal.pk, "before": before, "text": goal.text}
    return goal


def end_goal(goal: ProductGoal, state: str, *, actor: Actor, reason: str = "") -> ProductGoal:
    """End the active goal as fulfilled or abandoned; why is asked where it was abandoned.

    Raises ValidationError without a reason or for another state, and Conflict for one that has
    ended.
    """
    if state not in {ProductGoal.State.FULFILLED, ProductGoal.State.ABANDONED}:
        raise ValidationError({"state": "A goal ends fulfilled or abandoned."})
    reason = reason.strip()
    if state == ProductGoal.State.ABANDONED and not reason:
        raise ValidationError({"reason": "Say why it is abandoned; the next planning will ask."})
    product = goal.product
    with deed(product, actor, f"goal.{state}") as done:
        fresh = _locked_active(product)
        if fresh != goal:
            why = "This goal was ended meanwhile; look again at the goals of the product."
            raise Conflict("goal_ended", why)
        assert fresh is not None, "it equals the goal"
        fresh.state, fresh.reason = state, reason
        fresh.ended_at, fresh.ended_by = done.at, actor.user
        fresh.clean_fields(exclude=NOT_TYPED)
        fresh.save(update_fields=["state", "reason", "ended_at", "ended_by"])
        _show(product, "")
        done.data |= {"goal": fresh.pk, "text": fresh.text, "reason": reason}
    return fresh


def _locked_active(product: Product) -> ProductGoal | None:
    """The active goal; nobody else sets or ends one meanwhile."""
    Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    return product.goals.filter(state=ProductGoal.State.ACTIVE).first()


def _put(goal: ProductGoal, text: str) -> None:
    goal.text = _plain(text)
    if not goal.text:
        raise ValidationError({"goal": "Say in a sentence what the product is to become."})
    goal.clean_fields(exclude=NOT_TYPED)
    goal.save()
    _show(goal.product, goal.text)


def _plain(text: str) -> str:
    """As it is kept: browsers send CRLF, and a goal that nobody touched must not count as new."""
    return text.replace("\r\n", "\n").strip()


def _what_is_so_now(goal: ProductGoal | None, seen: int) -> str:
    if goal is None:
        return (
            "The goal was ended meanwhile and none is pursued now. Look again, then set the next."
        )
    meanwhile = "The goal that you saw was ended" if seen else "A goal was set"
    return f"{meanwhile} meanwhile: “{_short(goal)}” is pursued now. Look again before you save."


def _show(product: Product, text: str) -> None:
    product.goal = text
    product.save(update_fields=["goal"])


def _short(goal: ProductGoal) -> str:
    longest = 60
    return goal.text if len(goal.text) <= longest else f"{goal.text[: longest - 1]}…"
