"""What the backlog page shows: filters in the address, groups with sums, the line, saved views."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.forms.backlog_view import BacklogView
from backlog.models import Actor, Item, Kind, Product, SavedView
from backlog.queries.backlogs import Offer, Span, groups_of, line_of, recent_pace
from backlog.services.extra_fields import create_field
from backlog.services.items import ItemDraft, create_item, create_items
from backlog.services.labels import create_label
from backlog.services.saved_views import save_view
from tests.backlog.evidence import see
from tests.conftest import Cast

URL = "/p/MED/backlog/"


@pytest.fixture
def acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def olga(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.olga)
    return client


@pytest.fixture
def groomed(product: Product, acts: Actor, cast: Cast) -> list[Item]:
    """MED-1 an epic with MED-2 (5 points, Max, ui) and MED-3 (a bug); MED-4 done, MED-5 bare."""
    ui = create_label(product, "ui", actor=acts, hue="pink")
    done = product.statuses.get(slug="done")
    epic = create_item(product, ItemDraft("Trust", kind=Kind.EPIC), actor=acts)
    drafts = [
        ItemDraft("Second reading", points=Decimal(5), assignees=[cast.max], labels=[ui],
                  parent=epic),
        ItemDraft("Wrong unit", kind=Kind.BUG, parent=epic, blocked_reason="waits for the lab"),
        ItemDraft("Old story", status=done, points=Decimal(3)),
        ItemDraft("Bare story", points=Decimal("0.5")),
    ]  # fmt: skip
    return [epic, *create_items(product, drafts, actor=acts)]


def view(product: Product, query: str, cast: Cast) -> BacklogView:
    return BacklogView(product, QueryDict(query), cast.max, Offer(product))


def shown(product: Product, query: str, cast: Cast) -> list[int]:
    items = view(product, query, cast).items.order_by("rank")
    return list(items.values_list("number", flat=True))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 5]),
        ("done=1", [1, 2, 3, 4, 5]),
        ("status=done", [4]),
        ("kind=bug&kind=epic", [1, 3]),
        ("kind__not=bug&kind__not=epic", [2, 5]),
        ("assignee=me", [2]),
        ("assignee=none&kind=story", [5]),
        ("label=ui", [2]),
        ("label__not=ui", [1, 3, 5]),
        ("parent=MED-1", [2, 3]),
        ("parent=none&kind=story", [5]),
        ("parent__not=MED-1", [1, 5]),
        ("parent__not=none", [2, 3]),
        ("severity__not=critical", [1, 2, 3, 5]),
        ("source__not=none", []),
        ("due__not=none", []),
        ("due__not=overdue", [1, 2, 3, 5]),
        ("category=done&done=1", [4]),
        ("blocked=true", [3]),
        ("estimated=false&kind=bug", [3]),
        ("q=unit", [3]),
        ("q=wro+uni", [3]),
        ("updated_since=2020-01-01", [1, 2, 3, 5]),
        ("updated_since=2999-01-01", []),
        # What makes no sense is left out, and the rest holds.
        ("kind=nonsense", [1, 2, 3, 5]),
        ("nonsense=1&kind=bug", [3]),
        ("kind=bug&updated_since=someday", [3]),
    ],
)
def test_the_address_says_what_shows(
    product: Product, groomed: list[Item], cast: Cast, query: str, numbers: list[int]
) -> None:
    assert shown(product, query, cast) == numbers


def test_a_filter_that_makes_no_sense_is_named(
    groomed: list[Item], olga: Client, product: Product
) -> None:
    html = olga.get(f"{URL}?kind=nonsense&colour=red").content.decode()
    assert "Kind can&#x27;t be “nonsense”" in html
    assert "“colour” is no filter of this backlog" in html


@pytest.mark.parametrize(
    ("sent", "query"),
    [
        ("set=kind&mode=any&pick=bug&pick=story", "kind=bug&kind=story"),
        ("set=kind&mode=not&pick=bug", "kind__not=bug"),
        ("kind=bug&set=kind&mode=any", ""),
        ("kind=bug&page=3&set=label&mode=any&pick=none", "kind=bug&label=none"),
        ("set=severity&mode=not&pick=critical", "severity__not=critical"),
        ("set=blocked&mode=not&pick=true", "blocked=true"),
        ("set=cols&pick=points&pick=due_date", "cols=due_date,points"),
        ("set=cols&pick=parent&pick=labels&pick=evidence&pick=status&pick=points&pick=assignees",
         ""),
        ("set=cols", "cols=-"),
        ("set=line&low=20&high=30", "line=20-30"),
        ("set=line&off=1", "line=off"),
        ("line=off&set=line&low=&high=", ""),
    ],
)  # fmt: skip
def test_a_menu_of_the_page_leads_to_the_address_of_its_choice(
    product: Product, groomed: list[Item], olga: Client, sent: str, query: str
) -> None:
    answer = olga.get(f"{URL}?{sent}")
    assert answer.status_code == 302
    assert answer["Location"] == (f"{URL}?{query}" if query else URL)


def test_chips_say_the_filters_in_words_and_lead_away_from_them(
    product: Product, groomed: list[Item], cast: Cast
) -> None:
    shown = view(product, "kind__not=bug&assignee=me&group=kind", cast)
    assert [(chip.facet.label, chip.is_not, chip.said) for chip in shown.chips] == [
        ("Kind", True, "Bug"),
        ("Assignee", False, "Me"),
    ]
    assert shown.chips[0].without == "assignee=me&group=kind"


def test_done_items_are_counted_although_they_hide(
    product: Product, groomed: list[Item], olga: Client
) -> None:
    figures = olga.get(f"{URL}figures/?kind=story").json()
    assert (figures["total"], figures["done"]) == (2, 1)
    assert "2 of 4 shown" in figures["counts"]


# Groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("kind", [("story", 2, "5.5", 0), ("bug", 1, "0", 1), ("epic", 1, "0", 0)]),
        ("epic", [("MED-1", 3, "5", 1), ("none", 1, "0.5", 0)]),
        ("status", [("to-do", 4, "5.5", 1)]),
        ("assignee", [("max@example.org", 1, "5", 0), ("none", 3, "0.5", 1)]),
        ("label", [("ui", 1, "5", 0), ("none", 3, "0.5", 1)]),
    ],
)
def test_groups_hold_the_sums_of_their_items(
    product: Product,
    groomed: list[Item],
    olga: Client,
    cast: Cast,
    by: str,
    groups: list[tuple[str, int, str, int]],
) -> None:
    found = groups_of(product, view(product, "", cast).items, by)
    said = [(g.value, g.rows, g.points, g.unestimated) for g in found]
    assert said == [(value, n, Decimal(points), more) for value, n, points, more in groups]
    html = olga.get(f"{URL}?group={by}").content.decode()
    assert html.count("Show these items") == len(groups)  # for who has no script
    figures = olga.get(f"{URL}figures/?group={by}").json()["groups"]
    assert [(group["value"], group["total"]) for group in figures] == [g[:2] for g in groups]
    for value, n, *_ in groups:
        refs = olga.get(f"{URL}rows/?group={by}&in={value}&only=refs").json()["refs"]
        assert len(refs) == n


def test_a_task_is_in_the_group_of_its_items_epic(
    product: Product, groomed: list[Item], acts: Actor, olga: Client
) -> None:
    create_item(product, ItemDraft("t", kind=Kind.TASK, parent=groomed[1]), actor=acts)
    refs = olga.get(f"{URL}rows/?group=epic&in=MED-1&only=refs").json()["refs"]
    assert refs == ["MED-1", "MED-2", "MED-3", "MED-6"]


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (
            "kind",
            ["2 items · 5.5 points", "1 task", "1 item · 0 points · +1 unestimated", "1 epic"],
        ),
        ("epic", ["2 items · 5 points · +1 unestimated and 1 task, 1 epic", "1 item · 0.5 points"]),
    ],
)
def test_items_of_groups_are_counted_as_in_the_head_of_the_page(
    product: Product, groomed: list[Item], acts: Actor, olga: Client, by: str, said: list[str]
) -> None:
    create_item(product, ItemDraft("t", kind=Kind.TASK, parent=groomed[1]), actor=acts)
    figures = olga.get(f"{URL}figures/?group={by}").json()
    assert "3 items · 5.5 points" in figures["counts"]
    assert sorted(group["said"].strip() for group in figures["groups"]) == sorted(said)


def test_a_group_that_is_not_there_is_empty(groomed: list[Item], olga: Client) -> None:
    for by in ("kind", "epic", "status", "assignee", "label"):
        answer = olga.get(f"{URL}rows/?group={by}&in=nothing-such&only=refs")
        assert answer.json() == {"refs": []}


def test_the_number_of_queries_does_not_grow_with_groups_and_fields(
    product: Product, groomed: list[Item], acts: Actor, olga: Client
) -> None:
    def asked(path: str) -> int:
        olga.get(path)
        with CaptureQueriesContext(connection) as seen:
            olga.get(path)
        return len(seen)

    paths = (f"{URL}?group=label", f"{URL}rows/?cols=labels,parent,assignees", f"{URL}figures/")
    few = [asked(path) for path in paths]
    for n in range(12):
        label = create_label(product, f"label {n}", actor=acts)
        create_item(product, ItemDraft(f"more {n}", labels=[label], parent=groomed[0]), actor=acts)
    assert [asked(path) for path in paths] == few


# Columns and the product's own fields -----------------------------------------------------------


def test_columns_of_the_products_own_fields_show_when_they_are_chosen(
    product: Product, acts: Actor, olga: Client
) -> None:
    create_field(product, slug="clinic", name="Clinic", kind="text", actor=acts)
    create_item(product, ItemDraft("a", extra={"clinic": "North"}), actor=acts)
    assert "North" not in olga.get(URL).content.decode()
    assert "North" in olga.get(f"{URL}?cols=fields.clinic,points").content.decode()


def test_fields_of_the_product_filter(
    product: Product, acts: Actor, olga: Client, cast: Cast
) -> None:
    create_field(product, "Risk", "choice", actor=acts, choices=["low", "high"])
    create_field(product, "Clinic", "text", actor=acts)
    create_field(product, "Legal", "checkbox", actor=acts)
    drafts = [
        ItemDraft("a", extra={"risk": "low", "clinic": "North", "legal": True}),
        ItemDraft("b", extra={"risk": "high"}),
        ItemDraft("c"),
    ]
    create_items(product, drafts, actor=acts)
    for query, numbers in (
        ("fields.risk=low", [1]),
        ("fields.risk__not=low", [2, 3]),
        ("fields.risk=none", [3]),
        ("fields.clinic=North", [1]),
        ("fields.legal=true", [1]),
        ("fields.legal=false", [2, 3]),
    ):
        assert shown(product, query, cast) == numbers
    html = olga.get(f"{URL}?fields.risk=low").content.decode()
    assert "Risk: " in html
    sent = olga.get(f"{URL}?set=fields.risk&mode=not&pick=low")
    assert sent["Location"] == f"{URL}?fields.risk__not=low"


# The line -------------------------------------------------------------------------------------


def test_the_line_stands_where_a_sprint_is_full(product: Product, acts: Actor) -> None:
    drafts = [ItemDraft(str(n), points=Decimal(n)) for n in (5, 3, 8, 2, 13)]
    drafts.insert(2, ItemDraft("epic", kind=Kind.EPIC))
    create_items(product, drafts, actor=acts)
    line = line_of(product, Span(Decimal(8), Decimal(18), "set"))
    assert line
    assert (line.low_ref, line.high_ref) == ("MED-2", "MED-5")
    assert line_of(product, Span(Decimal(8), Decimal(31), "set")) is None  # all of it fits
    tight = line_of(product, Span(Decimal(4), Decimal(4), "set"))
    assert tight
    assert (tight.low_ref, tight.high_ref) == ("", "")


def test_the_pace_is_what_was_finished_in_whole_fortnights(product: Product, acts: Actor) -> None:
    items = create_items(product, [ItemDraft(str(n), points=Decimal(n)) for n in (3, 5, 8)],
                         actor=acts)  # fmt: skip
    assert recent_pace(product) is None
    for item, days in zip(items, (1, 20, 22), strict=True):
        item.done_at = timezone.now() - timedelta(days=days)
        item.save()
    pace = recent_pace(product)
    assert pace
    assert (pace.low, pace.high, pace.source) == (3, 13, "the last 2 fortnights")


def test_the_figures_carry_the_line_in_words(
    product: Product, groomed: list[Item], olga: Client
) -> None:
    line = olga.get(f"{URL}figures/?line=1-5").json()["line"]
    assert line["high"] == "MED-3"
    assert "fits a sprint of 1–5 points" in line["html"]
    assert olga.get(f"{URL}figures/?line=off").json()["line"] is None
    assert olga.get(f"{URL}figures/?line=1-5&kind=story").json()["line"] is None


# Saved views ------------------------------------------------------------------------------------


def test_a_view_is_saved_shared_and_forgotten(
    product: Product, groomed: list[Item], olga: Client, as_person: Any, cast: Cast
) -> None:
    answer = olga.post(
        f"{URL}views/",
        {"name": "Bugs", "query": "kind=bug&page=4&nonsense=1", "is_shared": "on"},
    )
    assert answer["Location"] == f"{URL}?kind=bug"
    saved = SavedView.objects.get()
    assert (saved.query, saved.is_shared) == ("kind=bug", True)
    vera = as_person(cast.vera)
    assert "Bugs" in vera.get(URL).content.decode()
    vera.post(f"{URL}views/", {"name": "Mine", "query": "q=x", "is_shared": "on"})
    assert not SavedView.objects.get(name="Mine").is_shared  # who edits nothing shares nothing
    assert "Mine" not in olga.get(URL).content.decode()
    assert vera.post(f"{URL}views/{saved.pk}/delete/", headers={"HX-Request": "true"}).status_code \
        == 404  # fmt: skip
    olga.post(f"{URL}views/{saved.pk}/delete/")
    assert not SavedView.objects.filter(name="Bugs").exists()


def test_a_view_that_would_be_replaced_is_asked_for(product: Product, olga: Client) -> None:
    sent = {"name": "Mine", "is_shared": "on"}
    olga.post(f"{URL}views/", {**sent, "query": "kind=bug"})
    asked = olga.post(f"{URL}views/", {**sent, "query": "q=x"}, follow=True).content.decode()
    assert "You have a view “Mine” already, which shows something else." in asked
    assert re.search(
        r'form="view-save"\s+formnovalidate\s+name="replace_shared"\s+value="Mine"', asked
    )
    assert 'id="view-save"' in asked
    assert SavedView.objects.get().query == "kind=bug"
    olga.post(f"{URL}views/", {"name": "", "query": "q=x", "replace_shared": "Mine"})
    view = SavedView.objects.get()
    assert (view.query, view.is_shared) == ("q=x", True)


def test_a_view_needs_a_name(product: Product, olga: Client) -> None:
    olga.post(f"{URL}views/", {"name": " ", "query": ""})
    assert not SavedView.objects.exists()


def test_a_view_of_another_product_is_out_of_reach(
    product: Product, olga: Client, cast: Cast, acts: Actor
) -> None:
    see(product, "age")
    view = save_view(product, cast.max, "His", "q=a")
    answer = olga.post(f"{URL}views/{view.pk}/delete/", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert SavedView.objects.filter(pk=view.pk).exists()
