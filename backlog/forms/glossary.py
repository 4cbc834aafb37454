"""Forms of the glossary: words, what they mean, and files of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from backlog.forms.fields import WordsField
from backlog.models import Subject, Term
from backlog.queries.terms import DatasetColumns, synonyms_of
from backlog.services.term_imports import LONGEST_FILE
from backlog.services.terms import MOST_MEANINGS, Column

FREE_ROWS = 2  # for further trades
BETWEEN = ":"  # a slug and its column; a slug holds none


class ProposeForm(forms.Form):
    """A word to propose, in one line."""

    word = forms.CharField(max_length=120)
    definition = forms.CharField(max_length=4000, label="What it means")


class TermForm(forms.Form):
    """All that a term says. `version` is the one that the person began with, `over` that of others
    which they have been shown since."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    over = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)
    word = forms.CharField(max_length=120)
    definition = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Plain words that every trade understands.",
    )
    synonyms = WordsField(
        max_length=4000, required=False, help_text="Found in texts as well; separated by commas."
    )

    def __init__(self, data: Any = None, *, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        meanings: Sequence[tuple[str, str]] = (initial or {}).get("meanings", ())
        rows = min(len(meanings) + FREE_ROWS, MOST_MEANINGS)
        if data is not None:
            rows = min(sum(name.startswith("trade_") for name in data), MOST_MEANINGS)
        for row in range(rows):
            trade, text = meanings[row] if row < len(meanings) else ("", "")
            self.fields[f"trade_{row}"] = forms.CharField(
                max_length=60, required=False, label="Trade", initial=trade
            )
            self.fields[f"meaning_{row}"] = forms.CharField(
                max_length=2000,
                required=False,
                label="What it means to them",
                initial=text,
                widget=forms.Textarea(attrs={"rows": 2}),
            )
        self.rows = rows

    @classmethod
    def of(cls, term: Term, data: Any = None) -> TermForm:
        """The form of a term that there is."""
        initial = {
            "version": term.version,
            "word": term.word,
            "definition": term.definition,
            "synonyms": synonyms_of(term),
            "meanings": [(meaning.trade, meaning.text) for meaning in term.meanings.all()],
        }
        return cls(data, initial=initial)

    def by_trade(self) -> Iterator[tuple[BoundField, BoundField]]:
        """The fields of each trade and of what the word means to it."""
        for row in range(self.rows):
            yield self[f"trade_{row}"], self[f"meaning_{row}"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        meanings: dict[str, str] = {}
        for row in range(self.rows):
            trade = cleaned.pop(f"trade_{row}", "")
            text = cleaned.pop(f"meaning_{row}", "")
            if text and not trade:
                self.add_error(f"trade_{row}", "Name the trade that this is the meaning for.")
            elif text and trade in meanings:
                self.add_error(f"trade_{row}", f"{trade} has a meaning above; a trade has one.")
            elif text:
                meanings[trade] = text
        cleaned["meanings"] = meanings
        return cleaned


class AgreeForm(forms.Form):
    """Agree on a word, with the definition that it has or a better one."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    definition = forms.CharField(
        max_length=4000,
        label="What we agree that it means",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ContestForm(forms.Form):
    """What is wrong with a word."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=2000,
        label="What is wrong with it",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The talk begins with that.",
    )


class RemarkForm(forms.Form):
    """Something to say about a word."""

    text = forms.CharField(
        max_length=10_000, label="Say something", widget=forms.Textarea(attrs={"rows": 3})
    )


class ColumnForm(forms.Form):
    """A column of a dataset that a word describes."""

    column = forms.ChoiceField(label="Column")

    def __init__(self, offered: Sequence[DatasetColumns], data: Any = None) -> None:
        super().__init__(data)
        self._subjects: dict[str, Subject] = {each.subject.slug: each.subject for each in offered}
        choices: list[tuple[str, Any]] = [("", "Choose a column")]
        choices += [
            (
                each.subject.name,
                [(f"{each.subject.slug}{BETWEEN}{name}", name) for name in each.columns],
            )
            for each in offered
        ]
        self.fields["column"].choices = choices  # type: ignore[attr-defined]

    def chosen(self) -> Column:
        """The dataset and the name of its column."""
        slug, _, name = self.cleaned_data["column"].partition(BETWEEN)
        return self._subjects[slug], name


class FileForm(forms.Form):
    """A glossary in a file, or the text of it that a preview has shown."""

    file = forms.FileField(
        allow_empty_file=True,
        help_text="CSV with a header row: word, definition, synonyms (with | between them), state, "
        "and a column such as meaning:planner for each trade. Nothing is imported before you have "
        "seen it.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    def clean_file(self) -> str:
        """Its text; Windows-1252 where it is not UTF-8."""
        data = self.cleaned_data["file"].read()
        if len(data) > LONGEST_FILE:
            raise forms.ValidationError("The file is longer than 2 MB; split it.")
        if data.startswith(b"PK\x03\x04"):
            raise forms.ValidationError("This is an Excel workbook: save the sheet as CSV first.")
        try:
            text: str = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
        return text
