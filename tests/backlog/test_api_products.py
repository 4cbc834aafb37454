"""REST: who I am, products, members, tokens, teams."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backlog.models import Activity, Actor, ApiToken, Product, Role, Scope, Team, User
from backlog.services.members import add_member
from backlog.services.products import create_product
from tests.conftest import Cast
from tests.rest import V1, pointers, queries


@pytest.fixture
def olga(api: Any, cast: Cast) -> Any:
    return api(cast.olga)


@pytest.fixture
def boss(api: Any, cast: Cast) -> Any:
    """Olga as an administrator of the installation."""
    User.objects.filter(pk=cast.olga.pk).update(is_administrator=True)
    cast.olga.refresh_from_db()
    return api(cast.olga)


# Who I am ----------------------------------------------------------------------------------


def test_a_person_s_token_says_who_it_is(api: Any, product: Product, cast: Cast) -> None:
    me = api(cast.max, scopes=(Scope.READ,)).get(f"{V1}/me/").json()
    assert (me["kind"], me["email"], me["name"]) == ("user", "max@example.org", "Max Berger")
    assert (me["product"], me["scopes"]) == (None, ["read"])
    assert me["expires_at"] and me["version"] and me["time"].endswith("Z")


def test_a_product_s_token_is_a_service(api: Any, product: Product) -> None:
    me = api(product=product, scopes=(Scope.EVIDENCE,)).get(f"{V1}/me/").json()
    assert (me["kind"], me["email"], me["name"]) == ("service", None, "test")
    assert (me["product"], me["scopes"]) == ("MED", ["evidence"])


def test_a_browser_s_session_is_a_person_with_all_scopes(as_person: Any, cast: Cast) -> None:
    me = as_person(cast.vera).get(f"{V1}/me/").json()
    assert (me["email"], me["scopes"]) == (
        "vera@example.org",
        ["admin", "evidence", "read", "write"],
    )


def test_a_session_needs_csrf_to_write(product: Product, cast: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.olga)
    answer = browser.patch(f"{V1}/products/MED/", {"goal": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Bearer", "Basic abc"])
def test_nobody_is_told_to_sign_in(client: Any, db: None, header: str) -> None:
    answer = client.get(f"{V1}/me/", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"


# Products ----------------------------------------------------------------------------------


def test_the_list_holds_my_products_alone(
    api: Any, product: Product, other_product: Product, cast: Cast
) -> None:
    listed = api(cast.vera).get(f"{V1}/products/").json()
    assert [row["key"] for row in listed["results"]] == ["MED"]
    assert (listed["next"], listed["previous"]) == (None, None)


def test_a_product_is_read_with_its_workflow(olga: Any, product: Product) -> None:
    found = olga.get(f"{V1}/products/med/").json()
    assert (found["key"], found["name"]) == ("MED", "Diagnosis model")
    assert found["statuses"][0] == {
        "slug": "to-do", "name": "To do", "category": "todo", "wip_limit": None, "hue": "grey"
    }  # fmt: skip


def test_strangers_can_t_tell_whether_a_product_exists(
    api: Any, product: Product, cast: Cast
) -> None:
    sam = api(cast.sam)
    theirs, none = sam.get(f"{V1}/products/MED/"), sam.get(f"{V1}/products/NONE/")
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.json()["detail"].replace("MED", "NONE") == none.json()["detail"]


def test_an_administrator_creates_a_product_and_owns_it(boss: Any) -> None:
    answer = boss.post(
        f"{V1}/products/",
        {
            "key": "city",
            "name": "City traffic",
            "goal": "Fewer jams",
            "place": "top",
            "statuses": [
                {"name": "Open", "category": "todo"},
                {"name": "Doing", "category": "doing", "wip_limit": 3},
                {"name": "Done", "category": "done"},
            ],
        },
    )
    made = answer.json()
    assert (answer.status_code, answer["Location"]) == (
        201,
        "http://testserver/api/v1/products/CITY/",
    )
    assert (made["key"], made["place"]) == ("CITY", "top")
    assert [(s["slug"], s["wip_limit"]) for s in made["statuses"]][1:] == [
        ("doing", 3), ("done", None)
    ]  # fmt: skip
    members = boss.get(f"{V1}/products/CITY/members/").json()["results"]
    assert [(m["email"], m["role"]) for m in members] == [("olga@example.org", "product_owner")]


def test_others_create_no_product(api: Any, product: Product, cast: Cast) -> None:
    answer = api(cast.max).post(f"{V1}/products/", {"key": "CITY", "name": "City"})
    assert answer.status_code == 403
    assert not Product.objects.filter(key="CITY").exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "x"}, "/key"),
        ({"key": "1X", "name": "x"}, "/key"),
        ({"key": "MED", "name": "x"}, "/key"),
        ({"key": "CITY", "name": "x", "colour": "red"}, "/colour"),
        ({"key": "CITY", "name": "x", "place": "moon"}, "/place"),
        ({"key": "CITY", "name": "x", "statuses": [{"name": "a", "category": "b"}]},
         "/statuses/0/category"),
    ],
)  # fmt: skip
def test_bad_products_are_refused_by_field(
    boss: Any, product: Product, body: dict[str, Any], pointer: str
) -> None:
    answer = boss.post(f"{V1}/products/", body)
    assert answer.status_code == 400
    assert pointers(answer) == [pointer]
    assert Product.objects.count() == 1


def test_a_product_without_a_done_status_is_no_product(boss: Any) -> None:
    statuses = [{"name": "Open", "category": "todo"}]
    answer = boss.post(f"{V1}/products/", {"key": "CITY", "name": "x", "statuses": statuses})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_workflow")
    assert not Product.objects.filter(key="CITY").exists()


def test_a_product_is_changed_by_its_owner_alone(
    olga: Any, api: Any, product: Product, cast: Cast
) -> None:
    path = f"{V1}/products/MED/"
    changed = olga.patch(path, {"goal": "Find it early", "tracked_branches": ["trunk"]}).json()
    assert (changed["goal"], changed["tracked_branches"]) == ("Find it early", ["trunk"])
    assert api(cast.max).patch(path, {"goal": "x"}).status_code == 403
    assert olga.patch(path, {"key": "NEW"}).json()["errors"][0]["code"] == "unknown_field"


def test_a_status_keeps_its_slug_by_name_or_slug(olga: Any, product: Product) -> None:
    changed = olga.patch(
        f"{V1}/products/MED/",
        {
            "statuses": [
                {"name": "to do", "category": "todo"},
                {"slug": "in-progress", "name": "Building", "category": "doing"},
                {"name": "Done", "category": "done"},
            ]
        },
    ).json()
    assert [s["slug"] for s in changed["statuses"]] == ["to-do", "in-progress", "done"]


def test_statuses_whose_names_make_no_slug_are_still_two(olga: Any, product: Product) -> None:
    names = ["To do", "進行中", "確認中", "Done"]
    categories = ["todo", "doing", "doing", "done"]
    lines = [{"name": n, "category": c} for n, c in zip(names, categories, strict=True)]
    changed = olga.patch(f"{V1}/products/MED/", {"statuses": lines}).json()
    assert [status["name"] for status in changed["statuses"]] == names


def test_one_change_of_a_product_is_one_deed(olga: Any, product: Product) -> None:
    before = Activity.objects.count()
    workflow = {"To do": "todo", "Doing": "doing", "Over": "done"}
    lines = [{"name": name, "category": category} for name, category in workflow.items()]
    changes = {"statuses": lines, "goal": "Find it early", "on_green_status": "over"}
    for _ in range(2):
        changed = olga.patch(f"{V1}/products/MED/", changes).json()
        assert (changed["goal"], changed["on_green_status"]) == ("Find it early", "over")
        changes = {"goal": "Find it early"}
    deed = Activity.objects.latest("seq")
    assert (deed.kind, deed.data["fields"]) == ("product.updated", ["goal", "on_green_status"])
    assert Activity.objects.count() == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_product_that_could_not_be_furnished_takes_no_key(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr(Team.objects, "create", fail)
        with pytest.raises(RuntimeError):
            create_product(key="CITY", name="x", owner=cast.olga, actor=Actor.person(cast.olga))
    create_product(key="CITY", name="x", owner=cast.olga, actor=Actor.person(cast.olga))


def test_the_list_of_products_takes_the_same_queries_however_long(
    olga: Any, product: Product, cast: Cast
) -> None:
    before = queries(olga, f"{V1}/products/")
    for number in range(5):
        create_product(key=f"P{number}", name="x", owner=cast.olga, actor=Actor.person(cast.olga))
    assert queries(olga, f"{V1}/products/") == before


# Members -----------------------------------------------------------------------------------


def test_members_are_added_changed_and_removed(olga: Any, product: Product, cast: Cast) -> None:
    path = f"{V1}/products/MED/members/"
    added = olga.post(path, {"email": "SAM@example.org", "role": "developer"})
    assert (added.status_code, added.json()["email"]) == (201, "sam@example.org")
    one = f"{path}sam@example.org/"
    assert added["Location"] == f"http://testserver{one}"
    assert olga.patch(one, {"role": "stakeholder"}).json()["role"] == "stakeholder"
    assert olga.delete(one).status_code == 204
    assert olga.delete(one).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "nobody@example.org", "role": "developer"}, "/email"),
        ({"email": "sam@example.org", "role": "king"}, "/role"),
        ({"email": "max@example.org", "role": "developer"}, "/user"),
    ],
)
def test_bad_members_are_refused_by_field(
    olga: Any, product: Product, body: dict[str, Any], pointer: str
) -> None:
    answer = olga.post(f"{V1}/products/MED/members/", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_the_last_product_owner_stays(olga: Any, product: Product) -> None:
    answer = olga.delete(f"{V1}/products/MED/members/olga@example.org/")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_product_owner")


def test_a_product_s_token_touches_no_members(api: Any, product: Product) -> None:
    client = api(product=product)
    assert client.get(f"{V1}/products/MED/members/").status_code == 200
    answer = client.post(f"{V1}/products/MED/members/", {"email": "sam@example.org"})
    assert answer.status_code == 403


def test_the_list_of_members_takes_the_same_queries_however_long(
    olga: Any, product: Product, cast: Cast
) -> None:
    paths = [f"{V1}/products/MED/members/", f"{V1}/products/MED/teams/"]
    before = [queries(olga, path) for path in paths]
    for number in range(5):
        user = User.objects.create_user(f"u{number}@example.org", "U")
        add_member(product, user, Role.DEVELOPER, actor=Actor.person(cast.olga))
    assert [queries(olga, path) for path in paths] == before


def test_the_first_team_holds_the_members(olga: Any, product: Product) -> None:
    team = olga.get(f"{V1}/products/MED/teams/").json()["results"][0]
    assert (team["name"], len(team["members"])) == ("Team", 6 - 1)


def test_the_evidence_scope_reads_nobody_s_address(api: Any, product: Product) -> None:
    ci = api(product=product, scopes=(Scope.EVIDENCE,))
    for path in ("teams", "members"):
        assert ci.get(f"{V1}/products/MED/{path}/").status_code == 403


# Tokens ------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works_until_revoked(
    olga: Any, client: Any, product: Product
) -> None:
    path = f"{V1}/products/MED/tokens/"
    made = olga.post(path, {"name": "CI", "scopes": ["evidence", "read"], "days": 30})
    assert made.status_code == 201
    secret = made.json()["token"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get(f"{V1}/me/", headers=headers).json()["kind"] == "service"
    listed = olga.get(path).json()["results"]
    assert [row["name"] for row in listed] == ["CI"]
    assert secret not in olga.get(path).content.decode()
    assert olga.delete(f"{path}{made.json()['id']}/").status_code == 204
    assert client.get(f"{V1}/me/", headers=headers).status_code == 401


def test_a_list_of_tokens_says_what_became_of_each(olga: Any, product: Product, cast: Cast) -> None:
    path = f"{V1}/products/MED/tokens/"
    first = olga.post(path, {"name": "first", "scopes": ["read"]}).json()
    second = olga.post(path, {"name": "second", "scopes": ["read"]}).json()
    olga.delete(f"{path}{first['id']}/")
    ApiToken.objects.filter(pk=second["id"]).update(expires_at=timezone.now())
    found = {row["name"]: row for row in olga.get(path).json()["results"]}
    assert (found["first"]["state"], found["second"]["state"]) == ("revoked", "expired")
    assert found["first"]["revoked_by"] == found["first"]["created_by"] == cast.olga.email
    assert found["first"]["product"] == "MED"
    assert found["second"]["revoked_by"] is None


def test_ones_own_tokens_are_listed(api: Any, product: Product, cast: Cast) -> None:
    mine = api(cast.max)
    narrow = api(cast.max, product=product)
    rows = mine.get(f"{V1}/me/tokens/").json()["results"]
    assert [row["product"] for row in rows] == ["MED", None]
    assert [row["product"] for row in narrow.get(f"{V1}/me/tokens/").json()["results"]] == ["MED"]
    assert api(cast.olga).get(f"{V1}/me/tokens/").json()["results"][0]["user"] == cast.olga.email


def test_the_list_of_ones_tokens_takes_a_person_and_the_scope(
    api: Any, product: Product, cast: Cast
) -> None:
    assert api(product=product).get(f"{V1}/me/tokens/").status_code == 403
    assert api(cast.max, scopes=(Scope.READ,)).get(f"{V1}/me/tokens/").status_code == 403


def test_the_secret_of_a_token_is_never_kept_for_a_key(olga: Any, product: Product) -> None:
    body = {"name": "CI", "scopes": ["read"]}
    headers = {"Idempotency-Key": "one"}
    first = olga.post(f"{V1}/products/MED/tokens/", body, headers=headers).json()
    second = olga.post(f"{V1}/products/MED/tokens/", body, headers=headers).json()
    assert first["token"] != second["token"]


def test_a_token_makes_no_token_that_may_do_more(api: Any, product: Product, cast: Cast) -> None:
    narrow = api(cast.olga, scopes=(Scope.READ, Scope.ADMIN))
    answer = narrow.post(f"{V1}/products/MED/tokens/", {"name": "x", "scopes": ["write"]})
    assert answer.status_code == 403
    assert not ApiToken.objects.filter(product=product).exists()


@pytest.mark.parametrize("who", ["max", "sina", "dora", "vera"])
def test_only_product_owners_see_tokens(api: Any, product: Product, cast: Cast, who: str) -> None:
    client = api(cast[who])
    assert client.get(f"{V1}/products/MED/tokens/").status_code == 403
    body = {"name": "x", "scopes": ["read"]}
    assert client.post(f"{V1}/products/MED/tokens/", body).status_code == 403


def test_a_token_of_another_product_is_not_there(
    olga: Any, product: Product, other_product: Product, cast: Cast
) -> None:
    theirs = ApiToken.objects.create(
        name="x", prefix="x", token_hash="x", product=other_product, scopes=["read"],
        expires_at=cast.olga.created_at,
    )  # fmt: skip
    assert olga.delete(f"{V1}/products/MED/tokens/{theirs.pk}/").status_code == 404


# What every path refuses -------------------------------------------------------------------


def test_what_nobody_reads_is_refused(olga: Any, product: Product) -> None:
    answer = olga.get(f"{V1}/products/MED/?colour=red")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "colour")
    assert olga.get(f"{V1}/products/?limit=3&limit=4").status_code == 400
    for limit in ("0", "201", "-1", "x", "²", "9" * 30):
        assert olga.get(f"{V1}/products/", {"limit": limit}).status_code == 400
    assert olga.get(f"{V1}/products/?ordering=colour").status_code == 400
    assert olga.get(f"{V1}/products/?cursor=abc").status_code == 400


def test_a_method_that_is_not_there_is_405(olga: Any, product: Product) -> None:
    answer = olga.delete(f"{V1}/products/MED/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, PATCH, HEAD, OPTIONS")
    assert olga.options(f"{V1}/products/MED/").status_code == 405
    assert olga.head(f"{V1}/products/MED/").status_code == 200


def test_a_body_of_another_kind_is_415(olga: Any, product: Product) -> None:
    answer = olga.patch(f"{V1}/products/MED/", "goal=x", content_type="text/plain")
    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"


def test_a_path_that_is_not_there_is_a_problem(client: Any, db: None) -> None:
    answer = client.get(f"{V1}/nothing/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_too_many_requests_are_told_when_to_come_back(
    olga: Any, product: Product, settings: Any
) -> None:
    settings.API_RATE_PER_MINUTE = 0
    answer = olga.get(f"{V1}/me/")
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_chunks_are_not_read(olga: Any, product: Product) -> None:
    answer = olga.generic(
        "PATCH", f"{V1}/products/MED/", b"", headers={"Transfer-Encoding": "chunked"}
    )
    assert answer.status_code == 411
