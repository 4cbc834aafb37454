"""The goal of a product: one at a time, fulfilled or abandoned before the next."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from backlog.models import Activity, Actor, Product, ProductGoal
from backlog.services.goals import end_goal, set_goal, word_goal
from backlog.services.products import create_product, update_product
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast
from tests.rest import V1, queries
from tests.sprints.test_sprints_at_once import at_once

FIRST, SECOND = "A verdict beside every case.", "Doctors trust the second reading."
SETTINGS = "/p/MED/settings/"


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def goal(product: Product, olga_acts: Actor) -> ProductGoal:
    return set_goal(product, FIRST, actor=olga_acts)


def shown(product: Product) -> str:
    product.refresh_from_db()
    return product.goal


# Deeds -----------------------------------------------------------------------------------------


def test_a_goal_is_pursued_until_it_is_fulfilled_and_the_next_follows(
    product: Product, goal: ProductGoal, olga_acts: Actor
) -> None:
    assert (shown(product), goal.set_by) == (FIRST, olga_acts.user)
    with pytest.raises(Conflict, match="fulfil or abandon it before the next"):
        set_goal(product, SECOND, actor=olga_acts)
    before = Activity.objects.count()
    ended = end_goal(goal, "fulfilled", actor=olga_acts, reason=" Three clinics use it. ")
    assert (ended.state, ended.reason, ended.ended_by) == (
        "fulfilled", "Three clinics use it.", olga_acts.user,
    )  # fmt: skip
    assert shown(product) == ""
    assert Activity.objects.latest("seq").kind == "goal.fulfilled"
    assert Activity.objects.count() == before + 1
    set_goal(product, SECOND, actor=olga_acts)
    assert shown(product) == SECOND
    assert [one.text for one in product.goals.all()] == [SECOND, FIRST]


def test_to_abandon_a_goal_takes_a_reason(
    product: Product, goal: ProductGoal, olga_acts: Actor
) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        end_goal(goal, "abandoned", actor=olga_acts, reason=" ")
    with pytest.raises(ValidationError, match="fulfilled or abandoned"):
        end_goal(goal, "active", actor=olga_acts)
    assert shown(product) == FIRST
    end_goal(goal, "abandoned", actor=olga_acts, reason="The clinics merged.")
    with pytest.raises(Conflict, match="ended meanwhile"):
        end_goal(goal, "fulfilled", actor=olga_acts)
    goal.refresh_from_db()
    assert (goal.state, goal.reason) == ("abandoned", "The clinics merged.")


def test_a_goal_is_worded_anew_and_never_wiped_out(
    product: Product, goal: ProductGoal, olga_acts: Actor
) -> None:
    update_product(product, actor=olga_acts, goal=SECOND)
    assert (shown(product), product.goals.get().text) == (SECOND, SECOND)
    with pytest.raises(ValidationError, match="fulfilled or abandoned"):
        update_product(Product.objects.get(pk=product.pk), actor=olga_acts, goal="")
    with pytest.raises(ValidationError, match="fulfilled or abandoned"):
        word_goal(product, " ", actor=olga_acts)
    assert (shown(product), product.goals.count()) == (SECOND, 1)


def test_without_a_goal_one_is_set_by_the_settings(product: Product, olga_acts: Actor) -> None:
    with pytest.raises(ValidationError, match="Say in a sentence"):
        set_goal(product, "  ", actor=olga_acts)
    update_product(product, actor=olga_acts, goal=FIRST)
    assert (product.goals.get().text, shown(product)) == (FIRST, FIRST)


def test_a_product_is_born_with_its_goal(cast: Cast, olga_acts: Actor) -> None:
    made = create_product(
        key="NEW", name="New", owner=cast.olga, actor=olga_acts, goal=f" {FIRST} "
    )
    assert (shown(made), made.goals.get().state) == (FIRST, "active")
    assert Activity.objects.filter(product=made).count() == 1
    bare = create_product(key="BARE", name="Bare", owner=cast.olga, actor=olga_acts)
    assert not bare.goals.exists()


def test_the_database_holds_one_active_goal_and_a_reason(
    product: Product, goal: ProductGoal
) -> None:
    now = timezone.now()
    wrong: list[dict[str, Any]] = [
        {"state": "active"},
        {"state": "fulfilled"},
        {"state": "active", "ended_at": now},
        {"state": "abandoned", "ended_at": now},
    ]
    for fields in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            ProductGoal.objects.create(product=product, text="x", set_at=now, **fields)


def test_the_goals_that_stood_with_products_become_active_ones(
    product: Product, other_product: Product
) -> None:
    Product.objects.filter(pk=product.pk).update(goal=f"{FIRST} ")
    Product.objects.filter(pk=other_product.pk).update(goal=" ")
    migration = import_module("backlog.migrations.0013_let_a_product_pursue_one_goal_at_a_time")
    migration.set_goals(apps, None)
    made = ProductGoal.objects.get()
    assert (made.product, made.text, made.state) == (product, FIRST, "active")
    assert made.set_at == product.created_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_of_two_goals_set_in_the_same_moment_one_holds(product: Product, olga_acts: Actor) -> None:
    def set_one(text: str) -> Any:
        mine = Product.objects.get(pk=product.pk)
        return lambda: set_goal(mine, text, actor=olga_acts)

    errors = [error for error in at_once(set_one(FIRST), set_one(SECOND)) if error]
    assert len(errors) == 1
    assert isinstance(errors[0], Conflict)
    assert product.goals.get().text == shown(product)


# REST ------------------------------------------------------------------------------------------


def test_goals_are_set_and_ended_over_rest(product: Product, api: Any, cast: Cast) -> None:
    olga, path = api(cast.olga), f"{V1}/products/MED/goals/"
    made = olga.post(path, {"text": FIRST}, format="json")
    assert made.status_code == 201, made.json()
    goal = made.json()
    assert (goal["state"], goal["set_by"], goal["ended_by"]) == ("active", cast.olga.email, None)
    assert olga.get(f"{V1}/products/MED/").json()["goal"] == FIRST
    again = olga.post(path, {"text": SECOND}, format="json")
    assert again.status_code == 409
    assert "fulfil or abandon it before the next" in again.json()["detail"]
    refused = olga.post(f"{V1}/goals/{goal['id']}/abandon/", {}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/reason")
    ended = olga.post(f"{V1}/goals/{goal['id']}/fulfil/", {"reason": "It is."}, format="json")
    assert (ended.json()["state"], ended.json()["reason"]) == ("fulfilled", "It is.")
    assert olga.post(f"{V1}/goals/{goal['id']}/fulfil/", {}, format="json").status_code == 409
    assert olga.post(path, {"text": SECOND}, format="json").status_code == 201
    listed = api(cast.vera).get(path).json()["results"]
    assert [(one["text"], one["state"]) for one in listed] == [
        (SECOND, "active"), (FIRST, "fulfilled"),
    ]  # fmt: skip


def test_more_goals_take_no_more_statements(product: Product, api: Any, cast: Cast) -> None:
    olga_acts, client = Actor.person(cast.olga), api(cast.olga)
    set_goal(product, FIRST, actor=olga_acts)
    before = queries(client, f"{V1}/products/MED/goals/")
    for _ in range(3):
        end_goal(product.goals.get(state="active"), "fulfilled", actor=olga_acts)
        set_goal(product, FIRST, actor=olga_acts)
    assert queries(client, f"{V1}/products/MED/goals/") == before


# The page --------------------------------------------------------------------------------------


@pytest.fixture
def olga(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.olga)
    return client


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_page_sets_words_and_ends_goals(product: Product, olga: Client) -> None:
    assert "none is pursued now" in words_of(olga.get(SETTINGS))
    olga.post(f"{SETTINGS}goal/", {"goal": FIRST, "seen": ""})
    goal = product.goals.get()
    olga.post(f"{SETTINGS}goal/", {"goal": SECOND, "seen": goal.pk})
    goal.refresh_from_db()
    assert goal.text == SECOND
    page = words_of(olga.post(f"{SETTINGS}goal/", {"goal": ""}))
    assert "Goal is missing." in page
    refused = olga.post(f"{SETTINGS}goal/{goal.pk}/abandon/", {"reason": ""})
    assert (refused.status_code, "Why is missing." in words_of(refused)) == (422, True)
    done = olga.post(f"{SETTINGS}goal/{goal.pk}/fulfil/", {"reason": "It is."}, follow=True)
    page = words_of(done)
    assert "What is the product to become next?" in page
    assert "by Olga Kuznetsova: It is." in page
    late = olga.post(f"{SETTINGS}goal/{goal.pk}/fulfil/", {}, follow=True)
    assert "ended meanwhile" in words_of(late)


def test_a_stale_page_words_no_other_goal_than_it_showed(
    product: Product, goal: ProductGoal, olga: Client, olga_acts: Actor
) -> None:
    assert f'name="seen" value="{goal.pk}"' in olga.get(SETTINGS).content.decode()
    end_goal(goal, "fulfilled", actor=olga_acts)
    answer = olga.post(f"{SETTINGS}goal/", {"goal": "A clearer verdict.", "seen": goal.pk})
    assert answer.status_code == 409
    assert "none is pursued now" in words_of(answer)
    assert "A clearer verdict." in words_of(answer)
    following = set_goal(product, SECOND, actor=olga_acts)
    for seen in (goal.pk, "", "\0", "9" * 5000):
        answer = olga.post(f"{SETTINGS}goal/", {"goal": "A clearer verdict.", "seen": seen})
        assert answer.status_code == 409
    page = words_of(answer)
    assert f"“{SECOND}” is pursued now" in page
    assert f'name="seen" value="{following.pk}"' in page
    assert [one.text for one in product.goals.all()] == [SECOND, FIRST]
    assert shown(product) == SECOND


def test_the_activity_keeps_both_wordings_and_nothing_of_a_save_without_a_change(
    product: Product, goal: ProductGoal, olga_acts: Actor
) -> None:
    ProductGoal.objects.filter(pk=goal.pk).update(text="Line\nby line")  # as it came by migration
    before = Activity.objects.count()
    word_goal(product, " Line\r\nby line ", actor=olga_acts)
    assert Activity.objects.count() == before
    word_goal(product, SECOND, actor=olga_acts)
    told = Activity.objects.latest("seq")
    assert (told.data["before"], told.data["text"]) == ("Line\nby line", SECOND)


def test_others_read_the_goals_and_change_none(
    product: Product, goal: ProductGoal, as_person: Any, cast: Cast, other_product: Product
) -> None:
    vera: Client = as_person(cast.vera)
    page = words_of(vera.get(SETTINGS))
    assert FIRST in page
    assert "goal-form" not in page
    assert vera.post(f"{SETTINGS}goal/", {"goal": SECOND}).status_code == 403
    theirs = set_goal(other_product, SECOND, actor=Actor.person(cast.sam))
    olga: Client = as_person(cast.olga)
    assert olga.post(f"{SETTINGS}goal/{theirs.pk}/fulfil/", {}).status_code == 404
