"""What somebody chooses as a sprint closes; what may be chosen is the service's to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.db.models import QuerySet

from backlog.forms.fields import RowField
from backlog.models import Item, Team
from backlog.rules import trees
from mlscrum.lib.errors import FieldError
from mlscrum.lib.numbers import whole_number
from sprints.models import Sprint
from sprints.services.closing import BACKLOG, NEXT, SPLIT, Closing, Fate, change_since

AS_ALL = ""
FATES = [(BACKLOG, "Top of the backlog"), (NEXT, "Next sprint")]


class SprintField(RowField):
    """A sprint by its name and days, and its team where there are several."""

    names_teams = False

    def label_from_instance(self, sprint: Sprint) -> str:
        backlog = sprint.backlog
        first, last = backlog.starts_on, backlog.ends_on
        assert first is not None, "a sprint has both days"
        assert last is not None, "a sprint has both days"
        days = f"{first.day} {first:%b} – {last.day} {last:%b}"
        team = f" · {backlog.team}" if self.names_teams else ""
        return f"{backlog.name}{team} · {days}"


class ClosingForm(forms.Form):
    """Verdict, a fate for all that is not done and one for each item, and the reasons.

    `seen` holds what was not done as the page was made, so that nobody decides about a list that
    has changed meanwhile; the service compares again under its locks. Of the sprints that are
    `following` the first of the own `team` is chosen beforehand; those of others may be.
    """

    goal_met = forms.ChoiceField(
        label="Was the goal met?",
        choices=Sprint.GoalMet.choices,
        widget=forms.RadioSelect,
        required=False,
    )
    goal_reason = forms.CharField(
        label="Why?",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Asked for where the goal was not met in full.",
    )
    otherwise = forms.ChoiceField(
        label="All that is not done goes to", choices=FATES, required=False, initial=BACKLOG
    )
    override = forms.CharField(
        label="Why does it close although gates fail?",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        unfinished: Sequence[Item],
        following: QuerySet[Sprint, Sprint],
        team: Team | None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data)
        self.unfinished = unfinished
        planned = list(following)
        own = [sprint for sprint in planned if sprint.backlog.team == team]
        self.following = own[0] if own else None
        self.may_choose = bool(planned)
        next_sprint = SprintField(
            following, label="Next sprint", required=False, empty_label="Choose a sprint"
        )
        next_sprint.names_teams = len(own) < len(planned)
        next_sprint.initial = self.following.pk if self.following else None
        self.fields["next_sprint"] = next_sprint
        for item in unfinished:
            self.fields[f"fate_{item.pk}"] = _fate_field(item)
            self.fields[f"done_{item.pk}"] = _points_field(item)

    def rows(self) -> list[tuple[Item, forms.BoundField, forms.BoundField]]:
        """Each item that is not done, with its choice and the points that were done of it."""
        return [
            (item, self[f"fate_{item.pk}"], self[f"done_{item.pk}"]) for item in self.unfinished
        ]

    @property
    def present(self) -> str:
        """What is not done now, for `seen` of the page that shows it."""
        return ",".join(str(item.pk) for item in self.unfinished)

    @cached_property
    def seen(self) -> frozenset[int]:
        """What was not done on the page that was sent; what is no number was never on it."""
        texts = self.data.get("seen", "").split(",")
        numbers = (whole_number(text) for text in texts)
        return frozenset(number for number in numbers if number is not None)

    def clean(self) -> None:
        if why := change_since(self.seen, self.unfinished):
            raise forms.ValidationError(why)

    def refuse(self, why: str) -> None:
        """Say what the service has against the whole, once."""
        if why not in self.non_field_errors():
            self.add_error(None, why)

    @cached_property
    def closing(self) -> Closing:
        """The wish as far as it can be read; the service says what is missing."""
        said = self.cleaned_data if self.is_bound else {}
        fates = {}
        for item in self.unfinished:
            kind = said.get(f"fate_{item.pk}") or AS_ALL
            if kind != AS_ALL:
                done: Decimal | None = said.get(f"done_{item.pk}") if kind == SPLIT else None
                fates[item.ref] = Fate(kind, done)
        return Closing(
            goal_met=said.get("goal_met", ""),
            goal_reason=said.get("goal_reason", ""),
            otherwise=Fate(said.get("otherwise") or BACKLOG),
            fates=fates,
            next_sprint=said.get("next_sprint") or (None if self.is_bound else self.following),
            override=said.get("override", ""),
            seen=self.seen,
        )

    def put_problems(self, problems: Iterable[FieldError]) -> None:
        """Say at each choice what the service has against it. `closing` was read before: errors
        take what is wrong out of the form."""
        numbers = {item.ref: item.pk for item in self.unfinished}
        for problem in problems:
            match problem.pointer.strip("/").split("/"):
                case ["unfinished", ref, *rest] if ref in numbers:
                    name = f"{'done' if rest else 'fate'}_{numbers[ref]}"
                case [name] if name in self.fields:
                    pass
                case _:
                    name = ""
            if not (name and name in self.errors):  # what can't be read has been said already
                self.add_error(name or None, problem.detail)


def _fate_field(item: Item) -> forms.ChoiceField:
    can_split = item.points is not None and trees.bears_points(item.kind)
    choices = [(AS_ALL, "As all"), *FATES, *([(SPLIT, "Split…")] if can_split else [])]
    return forms.ChoiceField(label=f"What becomes of {item.ref}", choices=choices, required=False)


def _points_field(item: Item) -> forms.DecimalField:
    widget = forms.NumberInput(attrs={"step": "any", "min": "0", "max": item.points or None})
    return forms.DecimalField(
        label=f"Points done of {item.ref}",
        required=False,
        max_digits=6,
        decimal_places=1,
        widget=widget,
    )
