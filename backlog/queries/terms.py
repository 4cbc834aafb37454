"""The glossary as pages and texts ask for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.core.paginator import Page, Paginator
from django.db.models import Count, Prefetch, QuerySet
from django.http import Http404
from django.urls import reverse

from backlog.importers.terms import TermRow
from backlog.models import (
    Comment,
    Item,
    Product,
    Subject,
    Term,
    TermColumn,
    TermMeaning,
    TermName,
    TermRemark,
    TermVersion,
)
from backlog.queries.search import found_by_any
from backlog.queries.subjects import columns_of
from backlog.rules.search import asked_words
from backlog.rules.terms import Matcher, fold
from mlscrum.lib.explained import Explained, Explainer
from mlscrum.web.rooms import Badge

ON_A_PAGE = 100
TRADES_SHOWN = 3
CANDIDATES = 300
USES_SHOWN = 20
State = Term.State


def matcher_of(product: Product) -> Matcher | None:
    """What finds the words of the glossary in texts; None where it has none. No query as long as
    no name changes, for the product itself says so."""
    return _made(product.pk, product.glossary_stamp) if product.glossary_stamp else None


@lru_cache(maxsize=64)
def _made(product_id: int, stamp: str) -> Matcher:
    names = TermName.objects.filter(product=product_id)
    return Matcher(dict(names.values_list("folded", "term_id")))


def explainer_of(product: Product, *, without: Term | None = None) -> Explainer | None:
    """Finds the words to explain in the parts of one text, each once; None without a glossary."""
    matcher = matcher_of(product)
    if matcher is None:
        return None
    seen = set() if without is None else {without.pk}

    def explain(text: str) -> Iterator[Explained]:
        for found in matcher.first_of_each(text, seen):
            address = reverse("backlog:term", args=[product.key, found.key])
            yield Explained(found.start, found.end, address, found.key)

    return explain


def contested_count(product: Product) -> int:
    """How many words are contested."""
    return product.terms.filter(state=State.CONTESTED).count()


def contested_badge(product: Product) -> Badge | None:
    """The contested words, where there is a glossary."""
    if not product.glossary_stamp:
        return None
    count = contested_count(product)
    return Badge(count, "contested words") if count else None


def terms_of(product: Product, query: str = "", state: str = "") -> QuerySet[Term]:
    """The words of a product whose names, definition or meanings hold each word of the query, or
    one that begins with it; in their order, with all their parts."""
    terms = product.terms.filter(state=state) if state else product.terms.all()
    return with_parts(holding(terms, query))


def holding(terms: QuerySet[Term], query: str) -> QuerySet[Term]:
    """Those that hold each word of the query; all for none, and none for a query of signs alone."""
    asked = asked_words(query)
    for word in asked:
        terms = terms.filter(words__contains=f" {word}")
    return terms if asked or not query.strip() else terms.none()


def with_parts(terms: QuerySet[Term]) -> QuerySet[Term]:
    """With names, meanings, columns and people, at a number of queries that does not grow."""
    columns = TermColumn.objects.select_related("subject")
    return terms.select_related(
        "product", "proposed_by", "agreed_by", "contested_by"
    ).prefetch_related("names", "meanings", Prefetch("columns", columns))


@dataclass(frozen=True)
class Line:
    """A term in the list: its synonyms, and its meanings in the columns of the trades shown."""

    term: Term
    synonyms: Sequence[str]
    by_trade: Sequence[str]
    others: Sequence[TermMeaning]


@dataclass(frozen=True)
class Glossary:
    """A page of the list, with the trades that have a column, and how many there are by state."""

    page: Page[Term]
    lines: Sequence[Line]
    trades: Sequence[str]
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def glossary_of(
    product: Product, *, query: str = "", state: str = "", page: str | None = None
) -> Glossary:
    """The words that a query and a state leave, and a column for each of the commonest trades."""
    shown = Paginator(terms_of(product, query, state), ON_A_PAGE).get_page(page)
    trades = commonest_trades(product)[:TRADES_SHOWN]
    columns = {fold(trade): place for place, trade in enumerate(trades)}
    counted = product.terms.order_by().values_list("state").annotate(Count("pk"))
    return Glossary(shown, [_line(term, columns) for term in shown], trades, dict(counted))


def _line(term: Term, columns: dict[str, int]) -> Line:
    by_trade = [""] * len(columns)
    others = []
    for meaning in term.meanings.all():
        place = columns.get(meaning.folded)
        if place is None:
            others.append(meaning)
        else:
            by_trade[place] = meaning.text
    return Line(term, synonyms_of(term), by_trade, others)


def synonyms_of(term: Term) -> list[str]:
    """What the term is called as well."""
    return [name.name for name in term.names.all() if not name.is_word]


def commonest_trades(product: Product) -> list[str]:
    """The trades that words have meanings for, those of most words first."""
    meanings = TermMeaning.objects.filter(term__product=product).order_by()
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    for folded, trade, count in meanings.values_list("folded", "trade").annotate(Count("pk")):
        counts[folded] += count
        names.setdefault(folded, trade)
    ordered = sorted(counts, key=lambda folded: (-counts[folded], folded))
    return [names[folded] for folded in ordered]


def find_term(product: Product, term_id: int) -> Term:
    """The term of this id with all its parts; anything else is 404."""
    term = with_parts(product.terms.all()).filter(pk=term_id).first()
    if term is None:
        raise Http404("There is no such word in the glossary.")
    term.product = product
    return term


def find_by_name(product: Product, name: str) -> Term | None:
    """The term of this word or synonym, however it is written."""
    found = TermName.objects.filter(product=product, folded=fold(name)).first()
    return find_term(product, found.term_id) if found else None


def find_remark(term: Term, remark_id: int) -> TermRemark:
    """The remark of this id on the talk page of the term; anything else is 404."""
    remark = term.talk.filter(pk=remark_id).select_related("author").first()
    if remark is None:
        raise Http404("There is no such remark.")
    remark.term = term
    return remark


@dataclass(frozen=True)
class Uses:
    """The newest items whose texts hold a word, and how many do; `is_more`: of those looked at."""

    items: Sequence[Item]
    total: int
    is_more: bool


def uses_of(term: Term) -> Uses:
    """Where the word, or a synonym, stands: in title, description or comments of items."""
    names = [name.name for name in term.names.all()]
    alive = Item.objects.alive().filter(product=term.product)
    candidates = list(
        found_by_any(alive, names)
        .order_by("-created_at", "-pk")
        .values_list("pk", "title", "description")[: CANDIDATES + 1]
    )
    matcher = Matcher({fold(name): term.pk for name in names})
    said: dict[int, list[str]] = {pk: [title, text] for pk, title, text in candidates}
    comments = Comment.objects.filter(item__in=list(said)).order_by()
    for item_id, text in comments.values_list("item_id", "text"):
        said[item_id].append(text)
    holding = [pk for pk, texts in said.items() if any(map(matcher.holds, texts))]
    items = Item.objects.with_row().in_bulk(holding[:USES_SHOWN])
    found = [items[pk] for pk in holding[:USES_SHOWN]]
    return Uses(found, len(holding), len(candidates) > CANDIDATES)


def terms_of_columns(subject: Subject) -> dict[str, list[Term]]:
    """The words that describe columns of a dataset, by column."""
    if not subject.product.glossary_stamp:
        return {}
    found: dict[str, list[Term]] = {}
    rows = (
        TermColumn.objects.filter(subject=subject).select_related("term").order_by("term__folded")
    )
    for row in rows:
        found.setdefault(row.column, []).append(row.term)
    return found


@dataclass(frozen=True)
class DatasetColumns:
    """A dataset with the columns that can be chosen."""

    subject: Subject
    columns: Sequence[str]


def columns_to_choose(product: Product) -> list[DatasetColumns]:
    """The columns of the product's datasets, by name."""
    subjects = list(product.subjects.filter(kind=Subject.Kind.DATASET))
    columns = columns_of(subjects)
    return [
        DatasetColumns(subject, columns[subject.pk])
        for subject in subjects
        if columns.get(subject.pk)
    ]


def talk_of(term: Term) -> list[TermRemark]:
    """What was said about it, the oldest first."""
    return list(term.talk.select_related("author"))


@dataclass(frozen=True)
class Past:
    """A version of a term, and which of its parts differ from the one before."""

    version: TermVersion
    changed: Sequence[str]

    @property
    def is_redefined(self) -> bool:
        return "definition" in self.changed

    @property
    def deed(self) -> str:
        """What was done, as a history says it."""
        if self.version.deed == "agreed":
            return "agreed on it"
        if self.version.deed == "changed" and self.changed:
            return f"changed the {' and the '.join(self.changed)}"
        return f"{self.version.deed} it"


_COMPARED = ("word", "definition", "synonyms", "meanings", "columns")


def versions_of(term: Term, *, limit: int = 50) -> list[Past]:
    """How the term came to be what it is, the newest first."""
    rows = list(term.versions.select_related("by")[: limit + 1])
    before = [*rows[1:], None]
    return [
        Past(row, [name for name in _COMPARED if _differs(row, earlier, name)])
        for row, earlier in zip(rows[:limit], before, strict=False)
    ]


def _differs(row: TermVersion, earlier: TermVersion | None, name: str) -> bool:
    return earlier is None or getattr(row, name) != getattr(earlier, name)


def rows_of(product: Product) -> Iterator[TermRow]:
    """All words as a file has them, in their order."""
    for number, term in enumerate(with_parts(product.terms.all()).iterator(chunk_size=500), 2):
        yield TermRow(
            number=number,
            word=term.word,
            definition=term.definition,
            synonyms=tuple(synonyms_of(term)),
            state=term.state,
            meanings={meaning.trade: meaning.text for meaning in term.meanings.all()},
        )
