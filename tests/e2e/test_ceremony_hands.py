"""A review held by hands: scheduled, opened, written down, a guest heard, and work made of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.terms import contest_term, propose_term
from sprints.models import Block, Ceremony, GuestLink, Outcome
from sprints.services import ceremonies
from sprints.services.agendas import add_block
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import revoke_guest_link, take_seat
from sprints.services.sprints import create_sprint, start_sprint
from tests.backlog.evidence import patients
from tests.conftest import Cast
from tests.e2e.ceremonies import open_as_guest  # noqa: F401  a fixture
from tests.e2e.conftest import serious_faults

GAPS = """notice => {
  const [before, after] = [notice.previousElementSibling, notice.nextElementSibling];
  const box = notice.getBoundingClientRect();
  return [
    ...(before ? [box.top - before.getBoundingClientRect().bottom] : []),
    ...(after ? [after.getBoundingClientRect().top - box.bottom] : []),
  ];
}"""
NOTE = "Peak hour **begins** at 6:30"


@pytest.fixture
def review(product: Product, cast: Cast) -> Ceremony:
    olga = Actor.person(cast.olga)
    made = schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    return ceremonies.open_ceremony(made, actor=olga)


def test_a_page_says_that_it_is_open_and_who_closed_theirs_is_seen_off(
    review: Ceremony,
    cast: Cast,
    open_page: Callable[..., Page],
    open_as_guest: Callable[..., Page],  # noqa: F811
) -> None:
    olga = Actor.person(cast.olga)
    guest = open_as_guest(review, olga, "Pia Planner")
    with guest.expect_response(lambda answer: answer.url.endswith("/presence/")) as told:
        guest.goto(f"/p/MED/ceremonies/{review.pk}/")
    assert told.value.status == 204
    guest.context.close()
    long_ago = timezone.now() - timedelta(minutes=2)
    assert review.participants.filter(seen_at__isnull=False).update(seen_at=long_ago) == 1
    page = open_page(cast.olga)
    page.goto(f"/p/MED/ceremonies/{review.pk}/")
    pia = page.locator("#ceremony-people li", has_text="Pia Planner")
    expect(pia).to_contain_text("left")


def test_a_review_from_its_date_to_its_minutes(
    product: Product, cast: Cast, site: str, open_page: Callable[..., Page], browser: Browser
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/ceremonies/")
    assert serious_faults(page) == []
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New ceremony")).to_be_visible()
    page.get_by_label("Kind").select_option("review")
    page.get_by_label("Title").fill("City review")
    begins = timezone.localtime(timezone.now() + timedelta(minutes=30))
    page.get_by_label("Begins").fill(begins.strftime("%Y-%m-%dT%H:%M"))
    assert serious_faults(page) == []
    page.get_by_role("button", name="Schedule it").click()
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^\d+:\d\d"))
    expect(page.locator("#ceremony-people")).to_contain_text("Olga Kuznetsova")

    # Notes, saved while they are written.
    point = page.locator(".block", has_text="What has changed around us?")
    point.get_by_role("button", name="Write notes").click()
    editor = point.locator("textarea[name=text]").first
    expect(editor).to_be_focused()
    editor.press_sequentially(NOTE)
    expect(point.get_by_text("Saved", exact=True)).to_be_visible()
    assert Block.objects.get(title__startswith="What has changed").text == NOTE
    point.get_by_role("button", name="Save", exact=True).click()
    expect(point.locator(".prose strong")).to_have_text("begins")

    # A guest, without an account, in a browser of their own.
    page.get_by_role("link", name="Guests").click()
    page.get_by_label("Trade").fill("City planning")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#secret").inner_text()
    elsewhere = browser.new_context(viewport={"width": 390, "height": 844}, base_url=site)
    guest = elsewhere.new_page()
    guest.goto(link[link.index("/guest/") :])
    guest.get_by_label("Your name").fill("Pia Plan")
    guest.get_by_role("button", name="Come in").click()
    expect(guest.get_by_role("heading", name="City review")).to_be_visible()
    assert serious_faults(guest) == []
    assert guest.evaluate("document.documentElement.scrollWidth") <= 390
    about = guest.locator(".block", has_text="What has changed around us?")
    expect(about.locator(".prose strong")).to_have_text("begins")
    about.get_by_text("Add an insight").click()
    about.get_by_label(re.compile("Insight about")).fill("The tunnel is full at 6:30")
    about.get_by_label("Sort").select_option("metric")
    about.get_by_role("button", name="Add", exact=True).click()
    expect(guest.locator("#outcomes")).to_contain_text("The tunnel is full at 6:30")
    expect(about.get_by_label(re.compile("Insight about"))).to_have_value("")

    # It becomes an item with one click, and the guest sees that by themselves.
    page.goto(f"/p/MED/ceremonies/{Ceremony.objects.get().pk}/")
    expect(page.locator("#outcomes")).to_contain_text("Pia Plan, City planning")
    expect(page.locator("#ceremony-people")).to_contain_text("Pia Plan")
    page.get_by_role("button", name=re.compile("Make an item of")).click()
    item_ref = page.locator("#outcomes .ref")
    expect(item_ref).to_have_text("MED-1")
    expect(guest.locator("#outcomes")).to_contain_text("To do")
    assert guest.locator("#outcomes a.ref").count() == 0
    assert serious_faults(page) == []
    item_ref.click()
    expect(page.locator("#said")).to_contain_text("The tunnel is full at 6:30")
    page.go_back()

    # Two lines of the minutes, once it is over.
    page.locator("#ceremony-head summary", has_text="Close").click()
    page.get_by_role("button", name="Close it", exact=True).click()
    expect(page.locator("#ceremony-head")).to_contain_text("over")
    expect(guest.locator("#ceremony-head")).to_contain_text("over")
    page.get_by_role("link", name="Minutes").click()
    minutes = page.locator(".minutes")
    expect(minutes).to_contain_text("Pia Plan, City planning")
    expect(minutes).to_contain_text("became item MED-1")
    assert serious_faults(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    assert download.value.suggested_filename.endswith("-city-review.md")
    said = Outcome.objects.select_related("said_by").get(item=Item.objects.get())
    assert str(said.said_by) == "Pia Plan"
    elsewhere.close()


def test_a_kind_proposes_its_time_box_until_somebody_types_another(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    start_sprint(create_sprint(product.teams.get(), actor=olga, goal="Doctors see why"), actor=olga)
    page = open_page(cast.olga)
    page.goto("/p/MED/ceremonies/new/")
    kind, minutes = page.get_by_label("Kind"), page.get_by_label("Minutes")
    sprint, chosen = (
        page.get_by_role("combobox", name="Sprint"),
        "select => select.selectedOptions[0].text",
    )
    assert "Sprint 1" in sprint.evaluate(chosen)
    kind.select_option("planning")
    expect(minutes).to_have_value("240")
    page.get_by_label("Title").fill("Plan it")
    sprint.select_option("")
    kind.select_option("daily")
    expect(minutes).to_have_value("15")
    assert sprint.evaluate(chosen) == "of no sprint"
    minutes.fill("25")
    with page.expect_response(re.compile("kind=review")):
        kind.select_option("review")
    kind.select_option("refinement")  # as it was at first
    expect(page.get_by_label("Title")).to_have_value("Plan it")
    expect(minutes).to_have_value("25")


def test_an_editor_keeps_its_block_and_what_others_wrote_is_shown_beside(
    review: Ceremony, cast: Cast, open_page: Callable[..., Page]
) -> None:
    url = f"/p/MED/ceremonies/{review.pk}/"
    dora, max_ = open_page(cast.dora), open_page(cast.max)
    dora.goto(url)
    first = dora.locator(".block").first
    first.get_by_role("button", name="Write notes").click()
    expect(first.locator("textarea[name=text]").first).to_be_focused()
    max_.goto(url)
    other = max_.locator(".block").first
    expect(other.get_by_text("Dora Anyango is writing")).to_be_visible()
    expect(other.get_by_role("button", name="Write notes")).to_have_count(0)
    # Somebody wrote all the same, as over a connection that broke for a while.
    Block.objects.filter(ceremony=review).update(text="By a machine", version=7)
    first.locator("textarea[name=text]").first.press_sequentially("By Dora")
    expect(dora.locator("#toasts")).to_contain_text("your text is below and not lost")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.locator(".notes-theirs")).to_contain_text("By a machine")
    expect(first.locator("textarea[name=text]").first).to_have_value("By Dora")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.locator(".prose")).to_have_text("By Dora")


def test_whoever_leaves_or_fails_to_save_loses_nothing_and_holds_up_nobody(
    review: Ceremony, cast: Cast, open_page: Callable[..., Page]
) -> None:
    url = f"/p/MED/ceremonies/{review.pk}/"
    dora, max_ = open_page(cast.dora, tolerated="status of [45]"), open_page(cast.max)
    for page in (dora, max_):
        page.goto(url)
    first, other = dora.locator(".block").first, max_.locator(".block").first
    first.get_by_role("button", name="Write notes").click()
    editor = first.locator("textarea[name=text]").first
    expect(editor).to_be_focused()
    expect(other.get_by_text("Dora Anyango is writing")).to_be_visible()

    # A Save that fails stops nothing.
    dora.route("**/notes/write/", lambda route: route.fulfill(status=503))
    editor.fill("By Dora")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(dora.locator("#toasts")).to_contain_text("The server could not do this")
    expect(first.get_by_text("Saved", exact=True)).to_be_visible()
    assert review.blocks.all()[0].text == "By Dora"
    dora.unroute("**/notes/write/")

    # A point that comes while somebody writes takes no editor away.
    add_block(review, title="One more", minutes=None, actor=Actor.person(cast.olga))
    expect(max_.locator("#agenda")).to_contain_text("One more")
    expect(editor).to_have_value("By Dora")

    # Whoever leaves leaves all that was typed, and the block.
    editor.press_sequentially(", and gone")
    dora.goto("/p/MED/ceremonies/")
    expect(other.locator(".prose")).to_have_text("By Dora, and gone")
    expect(other.get_by_role("button", name="Write notes")).to_be_visible()

    # A hold that ends by itself is seen as well.
    seat = review.participants.get(user=cast.dora)
    soon = timezone.now() + timedelta(seconds=6)
    review.blocks.filter(pk=review.blocks.all()[0].pk).update(held_by=seat, held_until=soon)
    max_.reload()
    expect(other.get_by_text("Dora Anyango is writing")).to_be_visible()
    expect(other.get_by_role("button", name="Write notes")).to_be_visible(timeout=15_000)


def test_outcomes_are_decided_on_by_keyboard(
    review: Ceremony, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto(f"/p/MED/ceremonies/{review.pk}/")
    add = page.locator(".outcome-add")
    add.get_by_label("Kind").select_option("action")
    expect(add.get_by_label("Owner")).to_be_visible()
    expect(add.get_by_label("Sort")).to_be_hidden()
    add.get_by_label("What").fill("Count bikes")
    add.get_by_label("Owner").select_option(label="Dora Anyango")
    add.get_by_role("button", name="Add").press("Enter")
    row = page.locator(".outcome")
    expect(row).to_contain_text("Dora Anyango")
    row.get_by_label(re.compile("^More with")).press("Enter")
    assert serious_faults(page) == []
    reason = row.get_by_label("Decline, because")
    reason.fill("The city counts them")
    reason.press("Enter")
    expect(row).to_contain_text("declined")
    expect(row).to_contain_text("The city counts them")
    assert Outcome.objects.get().state == "declined"


@pytest.mark.parametrize("width", [1440, 390])
def test_all_that_can_become_of_an_insight_is_in_sight_below_the_top_bar(
    product: Product, review: Ceremony, cast: Cast, open_page: Callable[..., Page], width: int
) -> None:
    patients(product)
    seat = take_seat(review, cast.dora)
    for number in range(6):
        draft = OutcomeDraft("insight", f"Peak hour {number} is earlier", "data")
        add_outcome(review, draft, actor=Actor.person(cast.dora), seat=seat)
    page = open_page(cast.max, viewport={"width": width, "height": 844})
    page.goto(f"/p/MED/ceremonies/{review.pk}/")
    bar = page.locator(".topbar").bounding_box()
    assert bar
    for row in page.locator(".outcome").all():
        row.get_by_label(re.compile("^More with")).click()
        panel = row.locator(".menu-panel")
        for part in (panel, panel.get_by_role("button", name="Remove")):
            expect(part).to_be_in_viewport(ratio=1)
        box = panel.bounding_box()
        assert box and box["y"] >= bar["height"]
        assert panel.evaluate("panel => panel.scrollHeight <= panel.clientHeight")
        page.keyboard.press("Escape")


def test_a_notice_keeps_its_distance_from_the_panels_around_it(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    sprint = create_sprint(product.teams.get(), actor=olga, goal="Doctors see why")
    schedule(product, CeremonyDraft("daily", timezone.now(), 15, sprint=sprint), actor=olga)
    term = contest_term(
        propose_term(product, "Recall", "Found of all", actor=olga), reason="Of whom?", actor=olga
    )
    page = open_page(cast.olga)
    for url in (f"/p/MED/sprints/{sprint.pk}/ceremonies/", f"/p/MED/glossary/{term.pk}/"):
        page.goto(url)
        gaps = page.locator("main .notice").first.evaluate(GAPS)
        assert gaps
        assert min(gaps) >= 12


def test_a_guest_is_told_that_the_link_has_ended(
    review: Ceremony,
    cast: Cast,
    open_as_guest: Callable[..., Page],  # noqa: F811
) -> None:
    olga = Actor.person(cast.olga)
    guest = open_as_guest(review, olga)
    guest.goto(f"/p/MED/ceremonies/{review.pk}/")
    told = guest.get_by_role("alert")
    expect(guest.locator("#ceremony-people")).to_contain_text("Pia Planner")
    expect(told).to_be_hidden()
    guest.locator(".block").first.get_by_role("button", name="Write notes").click()
    guest.locator("form[data-editor] textarea").fill("Half a sentence")
    revoke_guest_link(GuestLink.objects.get(), actor=olga)
    expect(told).to_contain_text("Your link into this ceremony has ended", timeout=15_000)
    expect(guest.locator("form[data-editor] textarea")).to_have_value("Half a sentence")
    expect(guest.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    assert serious_faults(guest) == []


def test_a_guest_reads_until_when_a_ceremony_that_is_over_can_be_read(
    review: Ceremony,
    cast: Cast,
    open_as_guest: Callable[..., Page],  # noqa: F811
) -> None:
    olga = Actor.person(cast.olga)
    guest = open_as_guest(review, olga)
    guest.goto(f"/p/MED/ceremonies/{review.pk}/")
    expect(guest.locator("#ceremony-head")).to_contain_text("running")
    ceremonies.close(review, actor=olga)
    expect(guest.locator("#ceremony-head")).to_contain_text("you can read it until")


def test_a_note_too_long_to_be_sent_on_leaving_comes_back(
    review: Ceremony, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto(f"/p/MED/ceremonies/{review.pk}/")
    point = page.locator(".block").first
    point.get_by_role("button", name="Write notes").click()
    expect(point.locator("textarea[name=text]").first).to_be_focused()
    long = "Peak hour begins at half past six. " * 2200  # 77 kB
    page.evaluate(
        """text => {
            const area = document.querySelector("textarea[name=text]");
            area.value = text;
            area.dispatchEvent(new Event("input", {bubbles: true}));
            location.assign("/p/MED/ceremonies/");  // before it saves itself
        }""",
        long,
    )
    expect(page.get_by_role("heading", name="Ceremonies", exact=True)).to_be_visible()
    assert not Block.objects.filter(text__startswith="Peak hour").exists()
    page.goto(f"/p/MED/ceremonies/{review.pk}/")
    expect(point.get_by_role("status").first).to_contain_text("was not saved")
    assert serious_faults(page) == []
    point.get_by_role("button", name="Go on writing").click()
    editor = point.locator("textarea[name=text]").first
    expect(editor).to_have_value(long)
    point.get_by_role("button", name="Save", exact=True).click()
    expect(point.locator(".prose").first).to_contain_text("Peak hour begins")
    assert Block.objects.filter(text__startswith="Peak hour").exists()
    page.reload()
    expect(point.get_by_role("button", name="Write notes")).to_be_visible()
    expect(point.get_by_role("button", name="Go on writing")).to_have_count(0)


def kept(page: Page) -> list[str]:
    """What this browser keeps of notes, by whose and of which point."""
    found: list[str] = page.evaluate("Object.keys(localStorage).filter(k => /note-draft/.test(k))")
    return sorted(found)


def test_guests_neither_take_nor_are_given_what_others_left_in_the_browser(
    review: Ceremony,
    cast: Cast,
    open_as_guest: Callable[..., Page],  # noqa: F811
) -> None:
    guest, block = open_as_guest(review, Actor.person(cast.olga)), review.blocks.all()[0]
    guest.goto(f"/p/MED/ceremonies/{review.pk}/")
    others = [f"note-draft:{whose}:{block.pk}" for whose in (cast.max.pk, "guest", "guest-0")]
    for key in others:
        guest.evaluate(
            "key => localStorage.setItem(key, JSON.stringify({text: 'Theirs', version: 1, at: 1}))",
            key,
        )
    guest.reload()
    first = guest.locator(".block").first
    expect(first.get_by_role("button", name="Write notes")).to_be_visible()
    expect(guest.locator(".note-draft")).to_have_count(0)
    assert kept(guest) == sorted(others)
    first.get_by_role("button", name="Write notes").click()
    expect(first.locator("textarea[name=text]").first).to_have_value("")


def test_what_came_through_on_leaving_is_no_draft_any_more(
    review: Ceremony, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page, block = open_page(cast.max), review.blocks.all()[0]
    url, key = f"/p/MED/ceremonies/{review.pk}/", f"note-draft:{cast.max.pk}:{block.pk}"
    Block.objects.filter(pk=block.pk).update(text="Grüße, 6:30 ✓", version=2)
    page.goto(url)
    keep = (
        "([key, text]) => localStorage.setItem(key, JSON.stringify({text, version: 1, at: 9e15}))"
    )
    page.evaluate(keep, [key, "Grüße, 6:30 ✓"])
    page.reload()
    first = page.locator(".block").first
    expect(first.locator(".prose")).to_contain_text("6:30")
    expect(page.locator(".note-draft")).to_have_count(0)
    assert kept(page) == []

    # One that did not come through is still offered, and gone once the same was written otherwise.
    page.evaluate(keep, [key, "Grüße, 7:30"])
    page.reload()
    expect(first.locator(".note-draft")).to_be_visible()
    Block.objects.filter(pk=block.pk).update(text="Grüße, 7:30", version=3)
    first.get_by_role("button", name="Go on writing").click()
    expect(first.locator("textarea[name=text]").first).to_have_value("Grüße, 7:30")
    expect(first.get_by_text("Your unsaved text is back.")).to_have_count(0)
    assert kept(page) == []
