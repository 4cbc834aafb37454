"""Closing a sprint by hand, and the charts that a browser draws of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.ranks import Spot
from sprints.models import Sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

Open = Callable[..., Page]
# Whether a canvas shows more than one colour: an empty one is all of the same.
IS_DRAWN = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  }
  return [...colours];
}"""


@pytest.fixture
def acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def running(product: Product, acts: Actor) -> Sprint:
    """MED-1 to MED-5 of 8, 5, 3, 2 and 1 points in a sprint that runs; MED-5 is done."""
    drafts = [ItemDraft(f"Story {n}", points=Decimal(n)) for n in (8, 5, 3, 2, 1)]
    items = create_items(product, drafts, actor=acts)
    sprint = create_sprint(product.teams.get(), actor=acts, goal="Doctors see why.")
    move_items(product, items, actor=acts, spot=Spot.top(), to=sprint.backlog)
    started = start_sprint(sprint, actor=acts)
    create_sprint(product.teams.get(), actor=acts, goal="The rest.")
    update_item(_fresh(5), actor=acts, status=product.statuses.get(slug="done"))
    return started


@pytest.fixture
def past(product: Product, acts: Actor) -> None:
    """Five closed sprints, each with one item that was in progress and is done."""
    close_sprints(product, 5, acts)


def close_sprints(product: Product, count: int, acts: Actor) -> None:
    doing = product.statuses.filter(category="doing")[0]
    done = product.statuses.get(slug="done")
    for number in range(count):
        (item,) = create_items(product, [ItemDraft("Work", points=Decimal(number + 3))], actor=acts)
        sprint = create_sprint(product.teams.get(), actor=acts, goal="Go.")
        move_items(product, [item], actor=acts, spot=Spot.top(), to=sprint.backlog)
        sprint = start_sprint(sprint, actor=acts)
        for status in (doing, done):
            item = update_item(_fresh(item.number), actor=acts, status=status)
        close_sprint(sprint, Closing("yes"), actor=acts)


def _fresh(number: int) -> Item:
    found: Item = Item.objects.select_related("product", "backlog", "status").get(number=number)
    return found


def texts(page: Page, selector: str) -> list[str]:
    return [re.sub(r"\s+", " ", text).strip() for text in page.locator(selector).all_inner_texts()]


def test_a_sprint_closes_with_three_choices_and_its_report_stays_to_the_letter(
    product: Product, running: Sprint, acts: Actor, cast: Cast, open_page: Open
) -> None:
    page = open_page(cast.sina)
    page.goto(f"/p/MED/sprints/{running.pk}/close/")
    ahead = page.locator("#ahead")
    expect(ahead).to_contain_text("4 items, 18 points go to the top of the backlog")
    page.get_by_label("What becomes of MED-2").select_option("Next sprint")
    expect(ahead).to_contain_text("1 item, 5 points go on in Sprint 2")
    points = page.get_by_label("Points done of MED-1")
    expect(points).to_be_hidden()
    page.get_by_label("What becomes of MED-1").select_option("Split…")
    expect(ahead).to_contain_text("say how many of its points are done, some and not all")
    points.fill("3")
    expect(ahead).to_contain_text("the other 5 become a new item at the top of the backlog")
    points.press("Enter")  # which must not close it
    page.get_by_label("No", exact=True).check()
    expect(ahead).to_contain_text("Say why the goal was not met in full.")
    expect(page.locator(".field-error")).to_have_count(0)  # nothing was sent

    page.get_by_role("button", name="Close Sprint 1").click()
    expect(page.locator(".field-error")).to_contain_text("Say why the goal was not met")
    expect(page.get_by_label("Points done of MED-1")).to_have_value("3")
    page.get_by_label("Why?").fill("The clinics answered late.")
    page.get_by_label("Partly").check()
    page.get_by_role("button", name="Close Sprint 1").click()

    expect(page).to_have_url(re.compile(f"/sprints/{running.pk}/report/$"))
    expect(page.locator("#report")).to_contain_text("Goal partly met")
    rows = texts(page, ".report-line")
    assert [row for row in rows if row.startswith("Story") and "split, the rest is MED-6" in row]
    assert [row for row in rows if "MED-2" in row and "on to the next sprint" in row]
    assert [row for row in rows if "MED-3" in row and "back to the backlog" in row]
    assert [row for row in rows if "MED-5" in row and "done" in row]

    def all_of_it() -> list[Any]:
        page.goto(f"/p/MED/sprints/{running.pk}/report/")
        urls = (f"/api/v1/sprints/{running.pk}/burndown/",
                f"/p/MED/sprints/{running.pk}/report/report.json")  # fmt: skip
        answers = [page.request.get(url) for url in urls]
        assert [answer.status for answer in answers] == [200, 200]
        whole = page.request.get(f"/p/MED/sprints/{running.pk}/report/").text()
        part = whole[whole.index('<div id="report">') : whole.index("</main>")]
        return [part, texts(page, "#report"), *(answer.body() for answer in answers)]

    before = all_of_it()
    update_item(_fresh(5), actor=acts, points=Decimal(40), title="Another title")
    update_item(_fresh(1), actor=acts, points=Decimal(13))
    assert all_of_it() == before


def test_two_who_close_at_once_both_see_what_came_of_it(
    running: Sprint, cast: Cast, open_page: Open
) -> None:
    first, second = open_page(cast.sina), open_page(cast.olga)
    for page in (first, second):
        page.goto(f"/p/MED/sprints/{running.pk}/close/")
        page.get_by_label("Yes").check()
    first.get_by_role("button", name="Close Sprint 1").click()
    expect(first.locator("#toasts")).to_contain_text("Sprint 1 is closed.")
    second.get_by_role("button", name="Close Sprint 1").click()
    expect(second).to_have_url(re.compile("/report/$"))
    expect(second.locator("#toasts")).to_contain_text("Sprint 1 was closed by Sina Rahimi.")
    expect(second.locator("#toasts")).to_contain_text("Your choices were not used.")


def test_the_next_sprint_is_planned_without_losing_what_is_chosen(
    running: Sprint, cast: Cast, open_page: Open
) -> None:
    Sprint.objects.exclude(pk=running.pk).delete()
    running.backlog.product.backlogs.filter(state="planned").delete()
    page = open_page(cast.sina)
    page.goto(f"/p/MED/sprints/{running.pk}/close/")
    page.get_by_label("Why?").fill("The clinics answered late.")
    page.get_by_label("All that is not done goes to").select_option("Next sprint")
    expect(page.locator("#ahead")).to_contain_text("Say which sprint is the next")
    page.get_by_role("button", name="Plan the next sprint").click()
    expect(page.get_by_label("Next sprint", exact=True)).to_contain_text("Sprint 2")
    expect(page.get_by_label("Why?")).to_have_value("The clinics answered late.")
    expect(page.locator("#ahead")).to_contain_text("4 items, 18 points go on in Sprint 2")


# Charts -------------------------------------------------------------------------------------------

ROOMS = {
    "/p/MED/reports/": 2,
    "/p/MED/reports/velocity/": 2,
    "/p/MED/reports/flow/": 2,
    "/p/MED/reports/cycle-time/": 1,
    "/p/MED/reports/forecast/": 1,
}


def drawn_of(figure: Locator) -> tuple[list[str], list[str]]:
    """What the browser drew, and what the table beside it says, as the same words."""
    drawn = figure.evaluate(
        """figure => {
          const chart = window.Chart.getChart(figure.querySelector("canvas"));
          return chart.data.datasets.flatMap(({ label, data }) => {
            const values = data.map((value) => value?.y ?? value);
            if (!Array.isArray(values[0])) return [[label, ...values]];
            const [low, high] = label.split(" to ");
            const name = high[0].toUpperCase() + high.slice(1);
            return [[low, ...data.map((ends) => ends[0])], [name, ...data.map((ends) => ends[1])]];
          });
        }"""
    )
    columns = [[name, *(_words(value) for value in values)] for name, *values in drawn]
    figure.locator("summary").click()
    heads = figure.locator("thead th.num").all_inner_texts()
    cells = [row.locator("td.num").all_inner_texts() for row in figure.locator("tbody tr").all()]
    table = [[head, *(row[n] for row in cells)] for n, head in enumerate(heads)]
    figure.locator("summary").click()
    return sum(columns, []), sum(table, [])


def _words(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_chart_draws_what_its_table_says_in_both_themes(
    past: None, product: Product, acts: Actor, cast: Cast, open_page: Open, theme: str
) -> None:
    drafts = [ItemDraft(f"Story {n}", points=Decimal(n)) for n in (8, 5)]
    items = create_items(product, drafts, actor=acts)
    sprint = create_sprint(product.teams.get(), actor=acts, goal="Doctors see why.")
    move_items(product, items, actor=acts, spot=Spot.top(), to=sprint.backlog)
    start_sprint(sprint, actor=acts)
    closed = Sprint.objects.filter(backlog__state="closed").latest("pk")
    page = open_page(cast.vera, color_scheme=theme)
    reports = {f"/p/MED/sprints/{each.pk}/report/": 2 for each in (sprint, closed)}
    for path, count in {**ROOMS, **reports}.items():
        page.goto(path)
        figures = page.locator("figure[data-chart]")
        expect(figures).to_have_count(count)
        for figure in figures.all():
            expect(figure).to_have_attribute("data-is-drawn", "")
            assert len(figure.locator("canvas").evaluate(IS_DRAWN)) > 3, path
            drawn, table = drawn_of(figure)
            assert drawn == table, path
        assert serious_faults(page) == [], path


def test_the_page_that_closes_is_fit_for_people_with_aids(
    running: Sprint, cast: Cast, open_page: Open
) -> None:
    for look in (
        {"color_scheme": "light"},
        {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
    ):
        page = open_page(cast.sina, **look)
        page.goto(f"/p/MED/sprints/{running.pk}/close/")
        page.get_by_role("button", name="Close Sprint 1").click()
        expect(page.locator(".field-error").first).to_be_visible()
        assert serious_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_chart_takes_the_colours_of_the_theme_and_is_saved_as_a_picture(
    past: None, cast: Cast, open_page: Open
) -> None:
    page = open_page(cast.vera, color_scheme="light")
    page.goto("/p/MED/reports/velocity/")
    figure = page.locator("figure[data-chart=velocity]")
    expect(figure).to_have_attribute("data-is-drawn", "")
    colour = "figure => window.Chart.getChart(figure.querySelector('canvas'))" \
             ".data.datasets[1].backgroundColor"  # fmt: skip
    light = figure.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert figure.evaluate(colour) != light
    with page.expect_download() as saved:
        figure.get_by_role("button", name="PNG").click()
    assert saved.value.suggested_filename == "velocity.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as saved:
        figure.get_by_role("link", name="CSV").click()
    assert saved.value.suggested_filename == "MED-velocity.csv"
    assert "Sprint 1,3.0,3.0" in saved.value.path().read_text("utf-8-sig")


def test_a_forecast_of_a_single_sprint_is_a_span_with_what_came_as_a_mark(
    product: Product, acts: Actor, cast: Cast, open_page: Open
) -> None:
    close_sprints(product, 4, acts)  # the first three are too little past for a forecast
    page = open_page(cast.vera)
    page.goto("/p/MED/reports/forecast/")
    figure = page.locator("figure[data-chart=forecasts]")
    expect(figure).to_have_attribute("data-is-drawn", "")
    shown = """figure => window.Chart.getChart(figure.querySelector('canvas')).data.datasets
        .map(({ data, pointRadius }) => [data, pointRadius ?? null])"""
    [[[span], _], [[came], radius]] = figure.evaluate(shown)
    assert span[0] <= span[1]
    assert (came, radius) == (6, 6)


def test_without_a_script_the_numbers_are_there(past: None, cast: Cast, open_page: Open) -> None:
    page = open_page(cast.vera, java_script_enabled=False)
    page.goto("/p/MED/reports/velocity/")
    expect(page.locator("canvas").first).to_be_hidden()
    page.locator("summary", has_text="Numbers").first.click()
    expect(page.get_by_role("rowheader", name="Sprint 1").first).to_be_visible()


def test_a_wrong_number_keeps_its_room_in_a_narrow_field(
    running: Sprint, cast: Cast, open_page: Open
) -> None:
    page = open_page(cast.sina)
    page.goto(f"/p/MED/sprints/{running.pk}/close/")
    page.get_by_label("Yes", exact=True).check()
    page.get_by_label("What becomes of MED-1").select_option("split")
    points = page.get_by_label("Points done of MED-1")
    points.fill("8")
    page.get_by_role("button", name="Close Sprint 1").click()
    expect(points).to_have_class(re.compile("is-invalid"))
    expect(points).to_have_value("8")
    expect(points).to_have_css("padding-right", "10px")
    assert points.evaluate("field => field.scrollWidth <= field.clientWidth")
