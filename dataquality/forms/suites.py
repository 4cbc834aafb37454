"""Forms of suites: one check, made from the fields of its expectation, and the whole as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from typing import Any

import yaml
from django import forms
from rest_framework.exceptions import APIException

from backlog.rules.severity import Severity
from dataquality.engine.catalogue import Entry, Field
from dataquality.models import Dataset
from dataquality.queries.suites import CheckLine
from mlscrum.lib.errors import DomainError, FieldError
from mlscrum.web.parsers import StrictJSONParser

Expectation = Mapping[str, Any]
UNSAID = ""
TRUTHS = [(UNSAID, "As usual"), ("true", "Yes"), ("false", "No")]
SEVERITIES = [
    (Severity.CRITICAL, "Critical: the data can't be used so"),
    (Severity.WARNING, "Warning: somebody should look"),
    (Severity.INFO, "Info: good to know"),
]
HELP = {
    "mostly": "The share of rows that must pass, above 0 and up to 1; empty means all.",
    "value_set": "One value a line.",
    "regex_list": "One pattern a line.",
    "type_list": "One type a line.",
    "shares": "A group and its share a line, such as “women: 0.5”; of numbers “>= 75: 14 %” or "
    "“18 to 30: 0.2”.",
    "strict_min": "Yes means that the bound itself does not pass.",
    "strict_max": "Yes means that the bound itself does not pass.",
}
WITHOUT_HELP = frozenset({"column", "column_A", "column_B", "min_value", "max_value"})
COMPARISONS = [
    ("==", "is"),
    ("!=", "is not"),
    ("<", "is below"),
    ("<=", "is at most"),
    (">", "is above"),
    (">=", "is at least"),
    ("IN", "is one of"),
    ("NOT_IN", "is none of"),
]
NULLITIES = {"null": True, "not_null": False}
OPERATORS = [*COMPARISONS, ("null", "is missing"), ("not_null", "is there")]
PLAIN_YAML = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp"})
IN_ORDER = ("type", "kwargs", "severity", "meta")
PLAIN_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
LISTING = frozenset({"IN", "NOT_IN"})
CONDITION_FIELDS = frozenset({"where_column", "where_operator", "where_value"})


class PlainNumberField(forms.FloatField):
    """A number that stays whole where it was typed so: 5, not 5.0."""

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        if number is not None and number.is_integer() and "." not in str(value):
            return int(number)
        return number


class StrictJSONField(forms.CharField):
    """An object or a list, read as strictly as a body of REST."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return parsed(text) if text else None

    def prepare_value(self, value: Any) -> Any:
        is_text = value is None or isinstance(value, str)
        return value if is_text else json.dumps(value, ensure_ascii=False)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except forms.ValidationError:
            return True


class LinesField(forms.CharField):
    """One value a line."""

    widget = forms.Textarea(attrs={"rows": 5})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return [line.strip() for line in text.splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class SharesField(LinesField):
    """A group and its share a line: `women: 0.5`, `>= 75: 14 %`."""

    def to_python(self, value: Any) -> Any:
        found: dict[str, float] = {}
        for line in super().to_python(value):
            group, _, text = line.rpartition(":")
            name, share = group.strip(), _share(text)
            if not name or share is None:
                raise forms.ValidationError(
                    f"Write a group and its share, such as “women: 0.5” or “>= 75: 14 %”; "
                    f"“{line[:60]}” is none."
                )
            if name in found:
                raise forms.ValidationError(f"{name[:60]} stands twice.")
            found[name] = share
        return found or None

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(f"{name}: {share:g}" for name, share in value.items())

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or None) != self.to_python(data))
        except forms.ValidationError:
            return True


class TruthField(forms.ChoiceField):
    """Yes, no, or as the expectation has it by itself."""

    def __init__(self, *, required: bool, **kwargs: Any) -> None:
        choices = TRUTHS[1:] if required else TRUTHS
        super().__init__(choices=choices, required=required, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        return {"true": True, "false": False}.get(super().clean(value))


class CheckForm(forms.Form):
    """One check of a suite. Errors of the suite's rules land at the field they are about.

    A condition of one comparison is three fields; one of several parts stays as it is.
    """

    where_column = forms.ChoiceField(required=False, label="Only rows where")
    where_operator = forms.ChoiceField(
        required=False, label="Compared how", choices=[(UNSAID, "–"), *OPERATORS]
    )
    where_value = forms.CharField(
        required=False, label="With", help_text="Several values are separated by commas."
    )
    severity = forms.ChoiceField(choices=SEVERITIES, initial=Severity.CRITICAL)
    based_on = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        entry: Entry,
        schema: Sequence[Mapping[str, Any]],
        present: Expectation | None = None,
        based_on: int = 0,
        versions: Sequence[int] = (),
        proposed: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.entry, self.present = entry, present or {}
        stands = dict(self.present.get("kwargs") or {})
        shown = {**stands, **(proposed or {})}
        initial = {f"kwarg_{name}": value for name, value in shown.items()}
        initial["severity"] = self.present.get("severity") or Severity.CRITICAL
        initial["based_on"] = based_on
        initial |= _condition_in_fields(stands.get("row_condition")) or {}
        super().__init__(*args, **{**kwargs, "initial": initial})
        self.types = {str(column["name"]): str(column["type"]) for column in schema}
        columns = list(self.types)
        asked = [field for field in entry.fields if field.name != "row_condition"]
        for field in asked:
            choices = [*columns, *_strangers(stands.get(field.name), columns)]
            self.fields[f"kwarg_{field.name}"] = (
                _reference_field(field, versions, stands.get(field.name))
                if field.kind == "reference"
                else _form_field(field, choices)
            )
        self.order_fields([f"kwarg_{field.name}" for field in asked])
        self._offer_condition(columns, takes_one=len(asked) < len(entry.fields))

    @property
    def keeps_condition(self) -> bool:
        """Whether the check has a condition that only the JSON editor can change."""
        condition = (self.present.get("kwargs") or {}).get("row_condition")
        return condition is not None and _condition_in_fields(condition) is None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        column, sign = cleaned.get("where_column"), cleaned.get("where_operator")
        text = cleaned.get("where_value") or ""
        cleaned["condition"] = None
        if column and not sign:
            self.add_error("where_operator", "Choose how to compare it.")
        elif sign and not column:
            self.add_error("where_column", "Choose the column to compare.")
        elif text and not column:
            self.add_error("where_column", "Choose the column to compare with this.")
        elif column and sign:
            cleaned["condition"] = self._condition(column, sign, text)
        return cleaned

    def expectation(self) -> dict[str, Any]:
        """The check as a suite holds it; what nobody touched stays exactly as it was."""
        stands = dict(self.present.get("kwargs") or {})
        touched = set(self.changed_data)
        kwargs = {}
        for field in self.entry.fields:
            name = f"kwarg_{field.name}"
            if field.name in stands and name not in touched:
                kwargs[field.name] = stands[field.name]
            elif (value := self.cleaned_data.get(name)) not in (None, UNSAID, []):
                kwargs[field.name] = value
        if touched & CONDITION_FIELDS:
            kwargs.pop("row_condition", None)
            if self.cleaned_data["condition"]:
                kwargs["row_condition"] = self.cleaned_data["condition"]
        return {
            "type": self.entry.type,
            "kwargs": kwargs,
            "severity": self.cleaned_data["severity"],
            "meta": dict(self.present.get("meta") or {}),
        }

    def put_errors(self, errors: Iterable[FieldError], position: int) -> None:
        """Show each problem at its field; those of other checks above the form."""
        own = f"/expectations/{position}/"
        for error in errors:
            if not error.pointer.startswith(own):
                self.add_error(None, f"{whereabouts(error.pointer)}: {error.detail}")
                continue
            parts = error.pointer.removeprefix(own).split("/")
            name = f"kwarg_{parts[1]}" if parts[0] == "kwargs" and len(parts) > 1 else parts[0]
            name = "where_value" if name == "kwarg_row_condition" else name
            self.add_error(name if name in self.fields else None, error.detail)

    def _offer_condition(self, columns: Sequence[str], *, takes_one: bool) -> None:
        if not takes_one or self.keeps_condition:
            for name in CONDITION_FIELDS:
                del self.fields[name]
            return
        named = [*columns, *_strangers(self.initial.get("where_column"), columns)]
        field = self.fields["where_column"]
        field.choices = [(UNSAID, "All rows"), *((name, name) for name in named)]  # type: ignore[attr-defined]

    def _condition(self, column: str, sign: str, text: str) -> dict[str, Any] | None:
        """The condition as GX has it; None with an error at the field where it can't be one."""
        about: dict[str, Any] = {"column": {"name": column}}
        if sign in NULLITIES:
            return {"type": "nullity", **about, "is_null": NULLITIES[sign]}
        given = [part.strip() for part in text.split(",")] if sign in LISTING else [text.strip()]
        given = [part for part in given if part]
        if not given:
            self.add_error("where_value", "Say what to compare with.")
            return None
        try:
            values = [_of_kind(part, self.types.get(column, "text")) for part in given]
        except ValueError as error:
            self.add_error("where_value", str(error))
            return None
        parameter = values if sign in LISTING else values[0]
        return {"type": "comparison", **about, "operator": sign, "parameter": parameter}


class SuiteForm(forms.Form):
    """The whole suite as JSON or YAML: a list, or an object that holds it as `expectations`."""

    suite = forms.CharField(
        strip=False,
        label="Suite",
        widget=forms.Textarea(attrs={"rows": 24, "class": "mono", "spellcheck": "false"}),
        help_text="{expectations: […]} as Great Expectations writes it, or only the list; in "
        "JSON or YAML.",
    )
    based_on = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean_suite(self) -> list[Any]:
        text = self.cleaned_data["suite"]
        sent = parsed(text if text.lstrip()[:1] in {"{", "["} else _from_yaml(text))
        found = sent.get("expectations") if isinstance(sent, dict) else sent
        if not isinstance(found, list):
            raise forms.ValidationError('Send {"expectations": […]} or a list of expectations.')
        return found

    def put_errors(self, errors: Iterable[FieldError]) -> None:
        """Show every problem with the place where it stands."""
        for error in errors:
            self.add_error("suite", f"{whereabouts(error.pointer)}: {error.detail}")


def parsed(text: str) -> Any:
    """An object or a list of JSON; raises ValidationError for whatever REST would refuse."""
    try:
        return StrictJSONParser().parse(BytesIO(text.encode(errors="surrogatepass")))
    except APIException as error:
        raise forms.ValidationError(str(error.detail)) from None
    except DomainError as error:
        raise forms.ValidationError(error.message) from None


class CopyChecksForm(forms.Form):
    """Which checks of a suite go to which other dataset, by slug."""

    target = forms.ChoiceField(label="Into the suite of")
    checks = forms.MultipleChoiceField(
        label="Checks",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one check."},
    )

    def __init__(
        self, *args: Any, lines: Sequence[CheckLine], targets: Sequence[Dataset], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = [(other.slug, other.name) for other in targets]  # type: ignore[attr-defined]
        self.fields["checks"].choices = [  # type: ignore[attr-defined]
            (str(line.position), f"{line.column}: {line.words}" if line.column else line.words)
            for line in lines
        ]
        self.initial.setdefault("checks", [str(line.position) for line in lines])

    def clean_checks(self) -> list[int]:
        return [int(position) for position in self.cleaned_data["checks"]]


def _from_yaml(text: str) -> str:
    """YAML as JSON; dates stay as they are written, and each value stands where it counts.

    Raises ValidationError naming the line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.CollectionNode):
            raise forms.ValidationError("Write a list of expectations, as JSON or as YAML.")
        return json.dumps(_plain(root, set()))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise forms.ValidationError(f"Line {line}: this is no YAML: {error.problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise forms.ValidationError("This is neither JSON nor YAML.") from None


def _plain(node: yaml.Node, above: set[int]) -> Any:
    if id(node) in above:
        raise forms.ValidationError(
            f"Line {node.start_mark.line + 1}: write values out; references (&, *) are not read."
        )
    above.add(id(node))  # of every node: whatever is referred to comes twice
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in PLAIN_YAML:
        raise forms.ValidationError(
            f"Line {node.start_mark.line + 1}: {node.tag} is not read; write plain values."
        )
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            if str(key.value) in found:
                line = key.start_mark.line + 1
                raise forms.ValidationError(f"Line {line}: {key.value} stands here twice.")
            found[str(key.value)] = _plain(value, above)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, above) for one in node.value]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    """A plain scalar as YAML 1.2 and JSON have it: NO, 012, 12:30 and 1_000 are texts, as they are
    in the data. What is quoted is a text."""
    text: str = node.value
    if not isinstance(node, yaml.ScalarNode) or node.style in {"'", '"', "|", ">"}:
        return text
    if text in PLAIN_WORDS:
        return PLAIN_WORDS[text]
    if JSON_NUMBER.fullmatch(text):
        return json.loads(text)
    return text


def as_yaml(expectations: Sequence[Expectation]) -> str:
    """A suite as people edit it who prefer YAML."""
    plain = json.loads(suite_text(expectations))  # no value stands there by reference
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def suite_text(expectations: Sequence[Expectation]) -> str:
    """A suite as people edit it."""
    # Databases keep the names of an object in an order of their own.
    ordered = [{name: one[name] for name in IN_ORDER if name in one} for one in expectations]
    return json.dumps({"expectations": ordered}, indent=2, ensure_ascii=False)


def whereabouts(pointer: str) -> str:
    """A pointer in words: `/expectations/3/kwargs/column` is "Check 4, column"."""
    parts = [part for part in pointer.split("/") if part not in {"", "expectations", "kwargs"}]
    if not parts or not parts[0].isdigit():
        return "The suite"
    return ", ".join([f"Check {int(parts[0]) + 1}", *parts[1:2]])


def _strangers(value: Any, columns: Sequence[str]) -> list[str]:
    """Columns that a check names and the data has no more; they stay visible until mended."""
    named = value if isinstance(value, list) else [value]
    return [name for name in named if isinstance(name, str) and name not in columns]


def _form_field(field: Field, columns: Sequence[str]) -> forms.Field:
    usual: Any = field.default if field.kind in {"number", "integer", "text", "choice"} else None
    about = HELP.get(field.name) or ("" if field.name in WITHOUT_HELP else _sentence(field.help))
    if usual not in (None, "") and field.name != "mostly":
        about = f"{about} Without an answer: {usual}.".strip()
    common: dict[str, Any] = {
        "label": "Share that must pass" if field.name == "mostly" else field.label,
        "required": field.required,
        "help_text": about,
    }
    pairs = [(name, name) for name in columns]
    nothing = [] if field.required else [(UNSAID, "–")]
    match field.kind:
        case "column":
            return forms.ChoiceField(choices=[(UNSAID, "Choose a column"), *pairs], **common)
        case "columns":
            size = {"size": min(8, max(3, len(pairs)))}
            widget = forms.SelectMultiple(attrs=size)
            return forms.MultipleChoiceField(choices=pairs, widget=widget, **common)
        case "choice":
            options = [(choice, choice.replace("_", " ")) for choice in field.choices]
            return forms.ChoiceField(choices=[*nothing, *options], **common)
        case "boolean":
            return TruthField(**common)
        case "number":
            return PlainNumberField(**common)
        case "integer":
            return forms.IntegerField(**common)
        case "list":
            return LinesField(**common)
        case "shares":
            return SharesField(**common)
        case "json":
            area = forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"})
            return StrictJSONField(widget=area, **common)
        case _:
            return forms.CharField(**common)


def _reference_field(field: Field, versions: Sequence[int], stands: Any) -> forms.Field:
    """A version to be held against, by number, or the one before."""
    gone = [stands] if isinstance(stands, int) and stands not in versions else []
    numbers = [(number, f"Version {number}") for number in [*versions, *gone]]
    return forms.TypedChoiceField(
        choices=[(UNSAID, "The version before"), *numbers],
        coerce=int,
        empty_value=None,
        required=False,
        label=field.label,
        help_text=field.help,
    )


def _share(text: str) -> float | None:
    """A share as people type it, 0.14 or 14 %, from 0 to 1."""
    bare = text.strip()
    scale = 100 if bare.endswith("%") else 1
    try:
        found = float(bare.removesuffix("%").strip()) / scale
    except ValueError:
        return None
    return round(found, 6) if math.isfinite(found) else None


def _sentence(text: str) -> str:
    """The first sentence of a long explanation."""
    first, dot, _ = text.partition(". ")
    return first + dot.strip()


def _condition_in_fields(condition: Any) -> dict[str, Any] | None:
    """One comparison, or one question for null, as the three fields show it; else None."""
    if not isinstance(condition, Mapping):
        return None
    column = condition.get("column")
    name = column.get("name") if isinstance(column, Mapping) else None
    if not isinstance(name, str):
        return None
    if condition.get("type") == "nullity":
        sign = "null" if condition.get("is_null") else "not_null"
        return {"where_column": name, "where_operator": sign}
    sign, parameter = str(condition.get("operator")), condition.get("parameter")
    if condition.get("type") != "comparison" or sign not in dict(COMPARISONS):
        return None
    listed = parameter if isinstance(parameter, list) else [parameter]
    if isinstance(parameter, list) and any("," in str(value) for value in listed):
        return None
    text = ", ".join(str(v).lower() if isinstance(v, bool) else str(v) for v in listed)
    return {"where_column": name, "where_operator": sign, "where_value": text}


def _of_kind(text: str, kind: str) -> Any:
    """What was typed as a value of a column of this type; raises ValueError saying what to give."""
    if kind in {"integer", "number"}:
        with suppress(ValueError):
            return int(text)
        with suppress(ValueError):
            number = float(text)
            if math.isfinite(number):
                return number
        raise ValueError("Give a number: the column holds numbers.")
    if kind == "boolean":
        if text.lower() not in {"true", "false"}:
            raise ValueError("Give true or false: the column holds nothing else.")
        return text.lower() == "true"
    if kind in {"date", "datetime"}:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("Give a date such as 2024-01-31: the column holds dates.") from None
    return text
