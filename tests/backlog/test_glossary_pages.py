"""Pages of the glossary, and its words explained in texts."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Product, Term
from backlog.queries.terms import explainer_of, find_term
from backlog.services.items import ItemDraft, comment, create_item
from backlog.services.terms import (
    agree_term,
    contest_term,
    delete_term,
    propose_term,
    redefine,
    say,
)
from mlscrum.lib.explained import explained
from mlscrum.lib.markdown import render_markdown
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, own_folders, upload  # noqa: F401

GLOSSARY = "/p/MED/glossary/"


@pytest.fixture
def term(product: Product, cast: Cast) -> Term:
    return propose_term(
        product,
        "peak hour",
        "The busiest hour of a day.",
        actor=Actor.person(cast.dora),
        meanings={"planner": "7 to 8 <b>"},
        synonyms=["rush hour"],
    )


@pytest.fixture
def page(term: Term) -> str:
    return f"{GLOSSARY}{term.pk}/"


def body(answer: Any) -> str:
    return str(answer.content.decode())


def fields(term: Term, **changed: str) -> dict[str, str]:
    """What the form of the term sends."""
    sent = {"version": str(term.version), "word": term.word, "definition": term.definition,
            "synonyms": "rush hour", "trade_0": "planner", "meaning_0": "7 to 8"}  # fmt: skip
    return {**sent, **changed}


@pytest.mark.parametrize("name", ["olga", "max", "sina", "dora", "vera"])
def test_everyone_proposes_a_word(product: Product, cast: Cast, as_person: Any, name: str) -> None:
    client = as_person(cast[name])
    assert "No word yet" in body(client.get(GLOSSARY))
    answer = client.post(GLOSSARY, {"word": "recall", "definition": "Found of all."}, follow=True)
    assert "is proposed" in body(answer)
    assert "Found of all." in body(answer)
    assert product.terms.get().proposed_by == cast[name]


def test_a_word_that_is_there_is_refused_beside_its_field(
    term: Term, cast: Cast, as_person: Any
) -> None:
    sent = {"word": "Rush-hour", "definition": "x"}
    answer = as_person(cast.vera).post(GLOSSARY, sent)
    assert answer.status_code == 422
    assert "is a synonym of “peak hour” already" in body(answer)
    assert 'value="Rush-hour"' in body(answer)


def test_the_list_is_searched_and_narrowed_to_a_state(
    term: Term, product: Product, cast: Cast, as_person: Any
) -> None:
    olga = Actor.person(cast.olga)
    other = propose_term(product, "Größe", "Wie groß", actor=olga, meanings={"Planner": "cm"})
    contest_term(other, "Zu vage", actor=olga)
    client = as_person(cast.dora)

    def shown(query: str) -> set[str]:
        html = body(client.get(GLOSSARY + query))
        return set(re.findall(r'<th scope="row".*?<a [^>]*>(.*?)</a>', html, re.DOTALL))

    assert shown("") == {"peak hour", "Größe"}
    assert shown("?q=rush") == {"peak hour"}
    assert shown("?q=BUSIEST+day") == {"peak hour"}
    assert shown("?q=gröss") == {"Größe"}
    assert shown("?q=--") == set()
    assert shown("?state=contested") == {"Größe"}
    assert shown("?state=agreed") == set()
    assert shown("?state=odd") == {"peak hour", "Größe"}
    answer = body(client.get(GLOSSARY))
    assert answer.count("To the planner") + answer.count("To the Planner") == 1
    assert "contested words" in answer  # the badge of the room


def test_contested_and_agreed_by_page(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    vera, max_ = as_person(cast.vera), as_person(cast.max)
    assert "We agree on this" not in body(vera.get(page))
    assert vera.post(f"{page}agree/", {"version": 1, "definition": "x"}).status_code == 403
    answer = vera.post(f"{page}contest/", {"version": 1, "reason": ""})
    assert answer.status_code == 422
    vera.post(f"{page}contest/", {"version": 1, "reason": "Two hours <script>"})
    shown = body(max_.get(page))
    assert "Two hours &lt;script&gt;" in shown
    assert "<script>" not in shown.split("<main")[1].split("</main>")[0]
    answer = max_.post(f"{page}agree/", {"version": 1, "definition": "7 to 9"})
    assert answer.status_code == 409
    assert "changed meanwhile" in body(answer)
    answer = max_.post(f"{page}agree/", {"version": 2, "definition": "7 to 9"}, follow=True)
    assert "is agreed" in body(answer)
    assert find_term(product, term.pk).definition == "7 to 9"
    assert max_.post(f"{page}agree/", {"version": 3, "definition": "x"}).status_code == 409


def test_who_saves_second_sees_both_and_may_insist(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    olga = Actor.person(cast.olga)
    redefine(term, actor=olga, definition="From Olga", synonyms=["busy hour"])
    client = as_person(cast.max)
    answer = client.post(f"{page}edit/", fields(term, definition="From Max"))
    assert answer.status_code == 409
    assert "From Olga" in body(answer)
    assert "From Max</textarea>" in body(answer)
    over = re.search(r'name="over" value="(\d+)"', body(answer))
    assert over
    insists = fields(term, definition="From Max", over=over[1])
    redefine(term, actor=olga, definition="From Olga again")  # which Max has not seen
    assert client.post(f"{page}edit/", insists).status_code == 409
    insists["over"] = "3"
    assert client.post(f"{page}edit/", insists).status_code == 302
    found = find_term(product, term.pk)
    assert found.definition == "From Max"
    assert [name.name for name in found.names.all()] == ["peak hour", "busy hour"]  # as Olga said


def test_meanings_are_added_changed_and_taken_away(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    client = as_person(cast.max)
    more = {"trade_1": "data scientist", "meaning_1": "95th percentile"}
    client.post(f"{page}edit/", fields(term, **more))
    found = find_term(product, term.pk)
    assert {each.trade: each.text for each in found.meanings.all()} == {
        "planner": "7 to 8",
        "data scientist": "95th percentile",
    }
    client.post(f"{page}edit/", fields(found, meaning_0=""))
    assert not find_term(product, term.pk).meanings.exists()
    nameless = fields(find_term(product, term.pk), trade_0="")
    answer = client.post(f"{page}edit/", nameless)
    assert answer.status_code == 422
    assert "Name the trade" in body(answer)


def test_a_stakeholder_changes_and_deletes_an_own_proposal_alone(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    client = as_person(cast.vera)
    assert client.get(f"{page}edit/").status_code == 302
    assert client.post(f"{page}edit/", fields(term)).status_code == 403
    assert client.post(f"{page}delete/").status_code == 403
    assert client.post(f"{page}columns/", {"remove": "x:y"}).status_code == 403
    own = propose_term(product, "drift", "Slow change", actor=Actor.person(cast.vera))
    path = f"{GLOSSARY}{own.pk}/"
    sent = {"version": 1, "word": "drift", "definition": "Change", "synonyms": ""}
    assert client.post(f"{path}edit/", sent).status_code == 302
    agree_term(own, actor=Actor.person(cast.olga))
    assert client.post(f"{path}edit/", {**sent, "version": 3}).status_code == 403
    assert client.post(f"{path}delete/").status_code == 403
    assert as_person(cast.olga).post(f"{path}delete/").status_code == 302
    assert not product.terms.filter(pk=own.pk).exists()


def test_the_talk_of_a_word(term: Term, cast: Cast, as_person: Any, page: str) -> None:
    dora, max_ = as_person(cast.dora), as_person(cast.max)
    dora.post(f"{page}talk/", {"text": "**Noon** here"})
    remark = term.talk.get()
    assert "<strong>Noon</strong>" in body(max_.get(page))
    for path, sent in (("edit", {"text": "x"}), ("delete", {})):
        answer = max_.post(f"{page}talk/{remark.pk}/{path}/", sent, HTTP_REFERER=page, follow=True)
        assert "Only who said it can change it" in body(answer)
    assert term.talk.get().text == "**Noon** here"
    assert dora.post(f"{page}talk/{remark.pk}/edit/", {"text": " "}).status_code == 422
    dora.post(f"{page}talk/{remark.pk}/edit/", {"text": "Noon"})
    assert "edited" in body(dora.get(page))
    dora.post(f"{page}talk/{remark.pk}/delete/")
    assert not term.talk.exists()
    assert dora.post(f"{page}talk/", {"text": ""}).status_code == 422
    other = propose_term(term.product, "x1", "y", actor=Actor.person(cast.dora))
    remark = say(other, "There", actor=Actor.person(cast.dora))
    assert dora.post(f"{page}talk/{remark.pk}/delete/").status_code == 404


def test_a_word_describes_columns_and_their_profile_shows_it(
    term: Term,
    product: Product,
    cast: Cast,
    as_person: Any,
    page: str,
    own_folders: Any,  # noqa: F811
) -> None:
    from dataquality.services.datasets import DatasetDraft, register_dataset
    from tests.e2e.conftest import work

    olga = Actor.person(cast.olga)
    dataset = register_dataset(product, DatasetDraft(name="Patients"), upload(PATIENTS), actor=olga)
    work()
    client = as_person(cast.max)
    column = dataset.schema[0]["name"]
    assert f'value="{dataset.slug}:{column}"' in body(client.get(page))
    client.post(f"{page}columns/", {"column": f"{dataset.slug}:{column}"})
    assert client.post(f"{page}columns/", {"column": f"{dataset.slug}:no"}).status_code == 422
    shown = body(client.get(page))
    assert f"/data/{dataset.slug}/" in shown
    assert f"<code>{column}</code>" in shown
    profile = body(client.get(f"/p/MED/data/{dataset.slug}/profile/"))
    assert f'data-term="{term.pk}">peak hour</a>' in profile
    client.post(f"{page}columns/", {"remove": f"{dataset.slug}:{column}"})
    assert not term.columns.exists()


def test_words_are_explained_where_they_stand(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    olga = Actor.person(cast.olga)
    draft = ItemDraft(
        "Model it",
        description="At rush hours, at PEAK HOUR.",
        criteria=[("Peak hour is right", False)],
    )
    item = create_item(product, draft, actor=olga)
    comment(item, "The peak hour of `peak hour`", actor=olga)
    client = as_person(cast.vera)
    shown = body(client.get(f"/p/MED/items/{item.ref}/"))
    link = f'<a class="term" href="{page}" data-term="{term.pk}"'
    assert shown.count(link) == 3  # once in each text
    assert re.search(link + "[^>]*>rush hours</a>, at PEAK HOUR", shown)
    assert re.search("The " + link + "[^>]*>peak hour</a> of <code>peak hour</code>", shown)
    assert link + ">Peak hour</a> is right" in shown
    preview = client.post("/p/MED/markdown/", {"text": "peak hour"})
    assert link in body(preview)
    card = body(client.get(f"{page}card/"))
    assert "The busiest hour of a day." in card
    assert "7 to 8 &lt;b&gt;" in card
    contest_term(term, "Not so", actor=olga)
    agree_term(term, actor=olga, definition="The new meaning.")
    assert "The new meaning." in body(client.get(f"{page}card/"))
    delete_term(term, actor=olga)
    assert link not in body(client.get(f"/p/MED/items/{item.ref}/"))
    assert client.get(f"{page}card/").status_code == 404


def test_goals_are_explained(term: Term, product: Product, cast: Cast, as_person: Any) -> None:
    from backlog.services.goals import set_goal

    set_goal(product, "Half of <peak hour>", actor=Actor.person(cast.olga))
    shown = body(as_person(cast.vera).get("/p/MED/settings/"))
    assert re.search(r'Half of &lt;<a class="term"[^>]*>peak hour</a>&gt;', shown)


def test_one_product_never_explains_the_words_of_another(
    term: Term, product: Product, other_product: Product, cast: Cast, as_person: Any
) -> None:
    item = create_item(
        other_product, ItemDraft("a", description="peak hour"), actor=Actor.person(cast.sam)
    )
    assert 'class="term"' not in body(as_person(cast.sam).get(f"/p/SHOP/items/{item.ref}/"))
    assert as_person(cast.sam).get(f"/p/SHOP/glossary/{term.pk}/").status_code == 404


# What stands in HTML


class Links(HTMLParser):
    """The words that are linked, and whether a link stands within another or within code."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.faults: list[str] = []
        self.hrefs: list[str] = []
        self.attributes: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.hrefs += [str(given["href"])] if "href" in given else []
        if given.get("class") == "term":
            self.attributes.append(given)
            if {"a", "code", "pre", "mark"} & set(self.open):
                self.faults.append(str(given))
        if tag not in {"br", "hr", "input"}:
            self.open.append("term" if given.get("class") == "term" else tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "term":
            self.words.append(data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("peak hour", ["peak hour"]),
        ("# Peak hour", ["Peak hour"]),
        ("**peak hour** and rush hour", ["peak hour"]),
        ("| peak hour |\n|-|\n| rush hour |", ["peak hour"]),
        ("- [ ] peak hour", ["peak hour"]),
        ("`peak hour`", []),
        ("```\npeak hour\n```", []),
        ("    peak hour", []),
        ("[peak hour](https://peak.hour/ 'peak hour')", []),
        ("[a](https://x.org 'peak hour')", []),
        ("<https://x.org/peak hour>", []),
        ("https://x.org/peak-hour", []),
        ("<b title='peak hour'>x</b>", ["peak hour"]),  # which is text, and escaped
        ("![peak hour](x.png)", []),
        ("@max of peak hour", ["peak hour"]),
        ("&lt;peak hour&gt;", ["peak hour"]),
    ],
)
def test_markdown_explains_running_text_alone(
    term: Term, product: Product, text: str, words: list[str]
) -> None:
    html = render_markdown(
        text,
        explain=explainer_of(product),
        person_of=lambda handle: "Max",
        link_of=lambda ref: None,
    )
    read = Links()
    read.feed(html)
    assert (read.words, read.faults) == (words, [])
    assert all(set(each) <= {"class", "href", "data-term", "rel"} for each in read.attributes)
    assert "<b" not in html


@pytest.mark.parametrize(
    "text",
    [
        '<script>alert("peak hour")</script>',
        "[peak hour](javascript:alert(1))",
        '<a class="term" data-term="1" href="javascript:peak hour">x</a>',
        '"><img src=x onerror=alert(1)> peak hour',
    ],
)
def test_nothing_of_a_text_becomes_markup(term: Term, product: Product, text: str) -> None:
    for html in (
        render_markdown(text, explain=explainer_of(product)),
        explained(text, explainer_of(product)),
    ):
        read = Links()
        read.feed(html)
        assert all(str(each["href"]).startswith("/p/MED/glossary/") for each in read.attributes)
        assert not re.search("<(script|img)", html)
        assert all(href.startswith("/p/MED/") for href in read.hrefs)


def test_a_word_of_html_is_a_word(product: Product, cast: Cast, as_person: Any) -> None:
    olga = Actor.person(cast.olga)
    name = "<img src=x onerror=alert(1)>"
    term = propose_term(product, name, '"><script>x</script>', actor=olga, meanings={"<i>": "<u>"})
    html = render_markdown(f"a {name} b", explain=explainer_of(product))
    assert f'data-term="{term.pk}"' in html
    assert "<img" not in html
    client = as_person(cast.olga)
    for path in (GLOSSARY, f"{GLOSSARY}{term.pk}/", f"{GLOSSARY}{term.pk}/card/",
                 f"{GLOSSARY}{term.pk}/edit/"):  # fmt: skip
        shown = body(client.get(path))
        assert "<img src=x" not in shown
        assert "<script>x" not in shown
        assert "<i>" not in shown


def test_the_filter_for_plain_texts_escapes_and_explains(term: Term, product: Product) -> None:
    template = Template("{{ text|explained:product }}|{{ none|explained:product }}")
    context = Context({"text": "<b>peak hour</b>", "product": product, "none": None})
    html = template.render(context)
    assert html.startswith('&lt;b&gt;<a class="term"')
    assert html.endswith("&lt;/b&gt;|")


# Figures


def _queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_more_words_cost_no_more_queries(
    term: Term, product: Product, cast: Cast, as_person: Any, page: str
) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("a", description="peak hour word 3"), actor=olga)
    client = as_person(cast.olga)
    paths = [GLOSSARY, page, f"{page}card/", f"/p/MED/items/{item.ref}/"]
    before = [_queries(client, path) for path in paths]
    for number in range(12):
        propose_term(product, f"word {number}", "x", actor=olga, synonyms=[f"w {number}"],
                     meanings={"planner": "y", f"trade {number}": "z"})  # fmt: skip
        say(term, "More", actor=olga)
    assert [_queries(client, path) for path in paths] == before


def test_a_product_without_words_asks_for_none(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("a", description="peak hour"), actor=olga)
    client = as_person(cast.olga)
    path = f"/p/MED/items/{item.ref}/"
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        client.get(path)
    of_words = [query["sql"] for query in seen if "backlog_term" in query["sql"]]
    assert not [sql for sql in of_words if '"backlog_notification"' not in sql]  # the bell alone
    bare = len(seen)
    propose_term(product, "peak hour", "x", actor=olga)
    assert _queries(client, path) == bare + 1  # the badge counts contested words


# Files


def test_what_is_exported_is_imported_again(
    term: Term, product: Product, cast: Cast, as_person: Any
) -> None:
    olga = Actor.person(cast.olga)
    odd = propose_term(
        product,
        "=SUM",
        '+1 is "more",\nin two lines',
        actor=olga,
        synonyms=["@sum", "-x"],
        meanings={"planner": "\tx", "IT": "=1"},
    )
    contest_term(odd, "Odd", actor=olga)
    client = as_person(cast.max)
    answer = client.get(f"{GLOSSARY}export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["word"] for row in rows] == ["'=SUM", "peak hour"]
    assert rows[0]["meaning:IT"] == "'=1"
    assert rows[1] == {"word": "peak hour", "definition": "The busiest hour of a day.",
                       "synonyms": "rush hour", "state": "proposed", "meaning:IT": "",
                       "meaning:planner": "7 to 8 <b>"}  # fmt: skip
    preview = client.post(
        f"{GLOSSARY}import/", {"file": SimpleUploadedFile("g.csv", text.encode())}
    )
    assert "0 new, 0 changed, 2 as they are" in body(preview)


def test_a_trade_in_two_spellings_loses_no_meaning_by_export_and_import(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olga = Actor.person(cast.olga)
    for word, trade in (("recall", "Data Scientist"), ("precision", "data-scientist")):
        propose_term(product, word, "A share.", actor=olga, meanings={trade: f"Of {word}"})
    client = as_person(cast.olga)
    answer = client.get(f"{GLOSSARY}export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    (column,) = [name for name in rows[0] if name.startswith("meaning:")]
    assert [row[column] for row in rows] == ["Of precision", "Of recall"]
    changed = text.replace("A share.", "A part.")
    client.post(f"{GLOSSARY}import/", {"text": changed})
    means = {term.word: term.meanings.get() for term in product.terms.all()}
    assert {word: (each.trade, each.text) for word, each in means.items()} == {
        "recall": ("Data Scientist", "Of recall"),
        "precision": ("data-scientist", "Of precision"),
    }
    assert set(product.terms.values_list("definition", flat=True)) == {"A part."}


def test_a_file_is_shown_before_it_is_imported(
    term: Term, product: Product, cast: Cast, as_person: Any
) -> None:
    text = "word;definition;state\nrecall;Gefunden von allen, größer ist besser;agreed\n"
    client = as_person(cast.dora)
    file = SimpleUploadedFile("g.csv", text.encode("cp1252"))
    preview = client.post(f"{GLOSSARY}import/", {"file": file})
    assert "1 new, 0 changed" in body(preview)
    assert "größer" in body(preview)
    assert product.terms.count() == 1
    done = client.post(f"{GLOSSARY}import/", {"text": text}, follow=True)
    assert "1 word new, 0 words changed." in body(done)
    assert product.terms.get(word="recall").agreed_by == cast.dora
    assert as_person(cast.vera).get(f"{GLOSSARY}import/").status_code == 403


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"PK\x03\x04rest", "This is an Excel workbook"),
        (b"name,meaning\na,b\n", "There is no column word"),
        (b"word,colour\na,b\n", "These columns are not known: colour"),
        (b"word,word\na,b\n", "A column stands twice"),
        (b"word,meaning:a-b,meaning:A b\na,b,c\n", "A column stands twice"),
        (b"word,definition\n,x\n", "The word is missing."),
        (b"word,definition\na,x\nA,y\n", "The glossary explains “a” already"),
        (b"word,definition\n" + b"a" * 121 + b",x\n", "This may have 120 characters; it has 121."),
        (b"x" * 2_000_001, "longer than 2 MB"),
    ],
)
def test_a_file_that_is_no_glossary_is_refused_with_the_reason(
    product: Product, cast: Cast, as_person: Any, content: bytes, said: str
) -> None:
    client = as_person(cast.olga)
    file = SimpleUploadedFile("g.csv", content)
    answer = client.post(f"{GLOSSARY}import/", {"file": file})
    assert answer.status_code == 422
    assert said in body(answer)
    assert not product.terms.exists()


def test_a_confirmed_file_with_faults_does_nothing(
    product: Product, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.olga)
    text = "word,definition\na1,x\na2,\n"
    answer = client.post(f"{GLOSSARY}import/", {"text": text})
    assert answer.status_code == 422
    assert "Say what it means." in body(answer)
    assert not product.terms.exists()
    answer = client.post(f"{GLOSSARY}import/", {"text": ""}, HTTP_REFERER=GLOSSARY, follow=True)
    assert "The file is empty" in body(answer)
