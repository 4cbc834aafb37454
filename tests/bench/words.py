"""A product of its own with a glossary of two thousand words, and items that speak of them."""

from __future__ import annotations

from backlog.models import Actor, Product, Term, User
from backlog.services.deeds import deed
from backlog.services.items import ItemDraft, create_items
from backlog.services.products import create_product
from backlog.services.terms import Wording, Written, write_terms
from tests.bench.deeds import GLOSSARY, SPEAKING

WORDS = 2_000
SPOKEN = 100  # words of the glossary in each description
PARTS = ("peak", "mean", "lost", "late", "north", "south", "raw", "clean", "first", "last")


def plant(owner: User) -> Product:
    """Words of one to three parts, some of which contain others, as people's do."""
    acts = Actor.person(owner)
    product = create_product(key=GLOSSARY, name="Words", owner=owner, actor=acts)
    with deed(product, acts, "term.imported") as done:
        write_terms(
            product,
            [
                Written(
                    Term(product=product, proposed_by=owner, proposed_at=done.at),
                    Wording(word, f"What {word} means.", (f"{word} rate",)),
                    "proposed",
                )
                for word in map(word_of, range(WORDS))
            ],
            actor=acts,
            at=done.at,
        )
    drafts = [ItemDraft(f"Talk {number}", description=_text(number)) for number in range(SPEAKING)]
    create_items(product, drafts, actor=acts)
    return product


def word_of(number: int) -> str:
    """A word that no other number has."""
    return f"{PARTS[number % 10]} {PARTS[number // 10 % 10]} signal {number // 100}"


def _text(number: int) -> str:
    spoken = (word_of((number * 97 + place * 13) % WORDS) for place in range(SPOKEN))
    return " ".join(f"We saw the {word} rise where the road bends." for word in spoken)
