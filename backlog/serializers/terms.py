"""Words of the glossary: as they are read and written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.models import Term, TermColumn, TermRemark
from backlog.queries.terms import synonyms_of
from backlog.services.terms import MOST_COLUMNS, MOST_SYNONYMS
from mlscrum.web.serializers import StrictSerializer


class TermColumnSerializer(serializers.Serializer[TermColumn]):
    """A column of a dataset that the word describes."""

    dataset = serializers.SlugField(source="subject.slug")
    column = serializers.CharField()


class TermSerializer(serializers.Serializer[Term]):
    """A word, what it means at all and to each trade; people by their e-mails."""

    id = serializers.IntegerField(source="pk")
    product = serializers.CharField(source="product.key")
    name = serializers.CharField(source="word")
    definition = serializers.CharField()
    meanings = serializers.SerializerMethodField(help_text="What it means, by trade.")
    synonyms = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=Term.State.choices)
    reason = serializers.CharField(help_text="Why it is contested; empty otherwise.")
    columns = TermColumnSerializer(many=True, source="columns.all")
    version = serializers.IntegerField()
    proposed_by = serializers.EmailField(source="proposed_by.email", default=None, allow_null=True)
    proposed_at = serializers.DateTimeField()
    agreed_by = serializers.EmailField(source="agreed_by.email", default=None, allow_null=True)
    agreed_at = serializers.DateTimeField(allow_null=True)
    contested_by = serializers.EmailField(
        source="contested_by.email", default=None, allow_null=True
    )
    contested_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField(source="changed_at")

    def get_meanings(self, term: Term) -> dict[str, str]:
        return {meaning.trade: meaning.text for meaning in term.meanings.all()}

    def get_synonyms(self, term: Term) -> list[str]:
        return synonyms_of(term)


class ColumnEditSerializer(StrictSerializer[Any]):
    dataset = serializers.SlugField(max_length=80)
    column = serializers.CharField(max_length=200)


class TermEditSerializer(StrictSerializer[Any]):
    """What can be changed of a word; what is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    definition = serializers.CharField(max_length=4000, required=False)
    meanings = serializers.DictField(
        child=serializers.CharField(max_length=2000),
        required=False,
        help_text="All of them, by trade; one that is left out is taken away.",
    )
    synonyms = serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=MOST_SYNONYMS, required=False
    )
    columns = serializers.ListField(
        child=ColumnEditSerializer(), max_length=MOST_COLUMNS, required=False
    )
    version = serializers.IntegerField(
        min_value=1,
        required=False,
        help_text="The one that the change was made for: 409 where the same was changed since.",
    )


class NewTermSerializer(TermEditSerializer):
    """A word to propose."""

    name = serializers.CharField(max_length=120)
    definition = serializers.CharField(max_length=4000)
    version = None  # type: ignore[assignment]  # a new word has none yet


class AgreeSerializer(StrictSerializer[Any]):
    """The word is agreed, with a new definition where there is one."""

    definition = serializers.CharField(max_length=4000, required=False)
    version = serializers.IntegerField(min_value=1, required=False)


class ContestSerializer(StrictSerializer[Any]):
    """Why the word is contested; the talk begins with it."""

    reason = serializers.CharField(max_length=2000)
    version = serializers.IntegerField(min_value=1, required=False)


class RemarkSerializer(serializers.Serializer[TermRemark]):
    """What somebody said about a word."""

    id = serializers.IntegerField(source="pk")
    author = serializers.EmailField(source="author.email", default=None, allow_null=True)
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)


class NewRemarkSerializer(StrictSerializer[Any]):
    text = serializers.CharField(max_length=10_000)
