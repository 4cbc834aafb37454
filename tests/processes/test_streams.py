"""Streams of a real web process: everything once and in order, whatever happens to the process."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from backlog.models import Activity, Actor, ApiToken, Item, Member, Product, Scope, User
from backlog.services.items import ItemDraft, create_item, update_item
from backlog.services.members import remove_member
from backlog.services.tokens import create_token
from mlscrum.lib.processes import free_port
from sprints.models import Ceremony
from sprints.services.seats import be_present, make_guest_link, revoke_guest_link, take_seat
from tests.conftest import Cast
from tests.processes.conftest import House, until
from tests.processes.streams import Follower, Followers

Follow = Callable[[list[Follower]], Followers]
WITHIN_S = 15


@pytest.fixture
def port(house: House) -> int:
    """The port of a web process that answers."""
    found = free_port()
    _serve(house, found)
    return found


@pytest.fixture
def follow() -> Iterator[Follow]:
    opened: list[Followers] = []

    def begin(readers: list[Follower]) -> Followers:
        opened.append(Followers(readers))
        until(lambda: opened[-1].are_open, "all streams are open")
        return opened[-1]

    yield begin
    for followers in opened:
        followers.stop()


def _serve(house: House, port: int) -> Any:
    house.env["BASE_URL"] = f"http://127.0.0.1:{port}"
    web = house.start("web", "--port", str(port))
    until(lambda: _answers(port), "the web process answers")
    return web


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def by_token(port: int, product: Product, user: User | None = None) -> Follower:
    actor = Actor.person(user) if user else Actor.system()
    _, secret = create_token(
        name="ci", scopes=[Scope.READ], days=1, actor=actor, user=user, product=product
    )
    headers = {"Authorization": f"Bearer {secret}", "Accept": "text/event-stream"}
    return Follower(port, f"/api/v1/products/{product.key}/events/", headers)


def by_session(port: int, product: Product, user: User, query: str = "") -> Follower:
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
    return Follower(port, f"/p/{product.key}/live/{query}", {"Cookie": cookie})


def change(item: Item, times: int, actor: Actor) -> Item:
    for number in range(times):
        item = update_item(item, actor=actor, title=f"Title {number} of {time.time()}")
    return item


def last_seq(product: Product) -> int:
    return Activity.objects.filter(product=product).latest("seq").seq


def test_every_event_comes_once_and_in_order_across_a_restart(
    house: House, product: Product, cast: Cast, follow: Follow
) -> None:
    port = free_port()
    web = _serve(house, port)
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("First"), actor=olga)
    people = [cast.olga, cast.max, cast.sina, cast.dora, cast.vera]
    readers = [by_token(port, product, people[n % 5]) for n in range(15)]
    readers += [by_session(port, product, people[n % 5]) for n in range(15)]
    first = last_seq(product) + 1
    follow(readers)

    item = change(item, 10, olga)
    until(lambda: all(len(reader.seen) == 10 for reader in readers), "all have heard")
    house.stop(web)
    assert "graceful shutdown exceeded" not in house.log("web"), "a stop waits for no stream"
    item = change(item, 10, olga)
    web = _serve(house, port)
    house.kill(web)  # and the next one ends without a word
    item = change(item, 5, olga)
    _serve(house, port)
    item = change(item, 5, olga)

    wanted = list(range(first, last_seq(product) + 1))
    until(lambda: all(wanted[-1] in reader.seen for reader in readers), "all have caught up")
    assert [reader.seen for reader in readers] == [wanted] * 30
    assert {reader.events[-1]["refs"][0] for reader in readers} == {item.ref}
    assert "Title" not in str(readers[0].events), "no text ever goes out"


def test_who_may_not_any_more_stops_receiving(
    port: int, product: Product, cast: Cast, follow: Follow
) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("First"), actor=olga)
    stays, removed = by_session(port, product, cast.olga), by_session(port, product, cast.dora)
    deleted, revoked = by_token(port, product, cast.vera), by_token(port, product)
    follow([stays, removed, deleted, revoked])

    remove_member(Member.objects.get(product=product, user=cast.dora), actor=olga)
    until(lambda: removed.is_refused, "the removed member is sent away at once", 3)
    # Whatever takes a right away, and be it by hand in the database, counts soon.
    Member.objects.get(product=product, user=cast.vera).delete()
    ApiToken.objects.filter(user=None).update(revoked_at=timezone.now())
    until(lambda: deleted.is_refused and revoked.is_refused, "both are sent away", WITHIN_S)
    assert (removed.statuses, deleted.statuses) == ([200, 404], [200, 404])
    assert revoked.statuses == [200, 401]

    heard = [len(reader.seen) for reader in (removed, deleted, revoked)]
    change(item, 3, olga)
    until(lambda: last_seq(product) in stays.seen, "who stays hears on")
    assert [len(reader.seen) for reader in (removed, deleted, revoked)] == heard
    assert "member.removed" not in {event["kind"] for event in removed.events}


def test_who_is_here_is_seen_by_all_and_gone_with_the_tab(
    port: int, product: Product, cast: Cast, follow: Follow
) -> None:
    olga = by_session(port, product, cast.olga, "?here=board:7&tab=" + "a" * 16)
    max_ = by_session(port, product, cast.max, "?here=board:7&tab=" + "b" * 16)
    sina = by_session(port, product, cast.sina, "?here=board:8&tab=" + "c" * 16)
    follow([olga, sina])
    others = Followers([max_])
    both = ["Max Berger", "Olga Kuznetsova"]
    until(lambda: olga.here[-1:] == [both] and max_.here[-1:] == [both], "they see each other", 3)
    others.stop()
    until(lambda: olga.here[-1] == ["Olga Kuznetsova"], "Olga is alone again", 3)
    assert sina.here[-1] == ["Sina Rahimi"]


def test_two_web_processes_share_what_happens_and_who_is_here(
    house: House, product: Product, cast: Cast, follow: Follow
) -> None:
    house.start_broker()
    ports = free_port(), free_port()
    for one in ports:
        _serve(house, one)
    olga = by_session(ports[0], product, cast.olga, "?here=board:7&tab=" + "a" * 16)
    max_ = by_session(ports[1], product, cast.max, "?here=board:7&tab=" + "b" * 16)
    follow([olga])
    others = Followers([max_])
    both = ["Max Berger", "Olga Kuznetsova"]
    until(lambda: olga.here[-1:] == [both] and max_.here[-1:] == [both], "they see each other", 5)
    create_item(product, ItemDraft("First"), actor=Actor.person(cast.olga))
    last = last_seq(product)
    until(lambda: last in olga.seen and last in max_.seen, "both hear it", 5)
    others.stop()
    until(lambda: olga.here[-1] == ["Olga Kuznetsova"], "Olga is alone again", 5)


@pytest.mark.soak
def test_pages_answer_beside_three_hundred_streams(
    port: int, product: Product, cast: Cast, follow: Follow
) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("First"), actor=olga)
    people = [cast.olga, cast.max, cast.sina, cast.dora, cast.vera]
    page = by_session(port, product, cast.olga).headers
    url = f"http://127.0.0.1:{port}/p/{product.key}/backlog/"
    _times(url, page, 10)
    alone = _times(url, page, 50)
    readers = [by_session(port, product, people[n % 5]) for n in range(300)]
    first = last_seq(product) + 1
    began = time.monotonic()
    follow(readers)
    opened_s = time.monotonic() - began
    idle = _times(url, page, 50)
    busy: list[float] = []
    for _ in range(60):
        item = change(item, 5, olga)
        busy += _times(url, page, 2)
    wanted = list(range(first, last_seq(product) + 1))
    until(lambda: all(wanted[-1] in reader.seen for reader in readers), "all have heard all")
    assert all(reader.seen == wanted for reader in readers)
    late = sorted(one for reader in readers for one in reader.late_s)
    print(f"\n300 streams opened in {opened_s:.1f} s")
    print(f"events {len(wanted)} x 300: {_said(late)}")
    for name, times in (("alone", alone), ("beside idle streams", idle), ("busy ones", busy)):
        print(f"backlog page, {name}: {_said(sorted(times))}")
    assert statistics.median(busy) < 2, "pages answer"


def _times(url: str, headers: dict[str, str], count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.monotonic()
        asked = urllib.request.Request(url, headers=headers)  # noqa: S310  ours
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert answer.status == 200
            answer.read()
        times.append(time.monotonic() - began)
    return times


def _said(times: list[float]) -> str:
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    said = [f"{name} {times[int(len(times) * share)] * 1000:.0f} ms" for name, share in at.items()]
    return ", ".join([*said, f"longest {times[-1] * 1000:.0f} ms"])


def test_a_guest_hears_of_the_own_ceremony_alone_until_the_link_ends(
    port: int, follow: Follow, product: Product, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    review = Ceremony.objects.create(
        product=product, kind="review", title="Review", starts_at=timezone.now(), minutes=60
    )
    link, secret = make_guest_link(review, actor=olga, trade="Urban planner")
    client = Client()
    assert client.post(f"/guest/{secret}/", {"name": "Pia"}).status_code == 302
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
    path = f"/p/MED/ceremonies/{review.pk}/live/"
    guest = Follower(port, path, {"Cookie": cookie})
    follow([guest])
    create_item(product, ItemDraft("Secret plan"), actor=olga)
    be_present(take_seat(review, cast.max), actor=Actor.person(cast.max))
    until(lambda: guest.events, "the guest hears of who came")
    [event] = guest.events
    assert (event["kind"], event["ids"]["ceremony"]) == ("ceremony.joined", review.pk)
    assert (event["refs"], "actor" in event, "@" in str(event)) == ([], False, False)
    revoke_guest_link(link, actor=olga)
    until(lambda: guest.statuses[-1] == 410, "the link is shut", timeout_s=WITHIN_S + 5)


def test_streams_of_a_ceremony_are_no_way_around_its_guard(
    port: int, product: Product, cast: Cast
) -> None:
    review = Ceremony.objects.create(
        product=product, kind="review", title="Review", starts_at=timezone.now(), minutes=60
    )
    path = f"/p/MED/ceremonies/{review.pk}/live/"
    assert Client().get(path).status_code == 302
    stranger = Client()
    stranger.force_login(cast.sam)
    assert stranger.get(path).status_code == 404
