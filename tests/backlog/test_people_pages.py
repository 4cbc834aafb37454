"""Products, members and tokens: their pages, and the command that makes a token."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from backlog.access.tokens import find_token
from backlog.models import Actor, ApiToken, Product, Role, User
from backlog.queries.people import open_invitations, opened_invitation
from backlog.services import members
from backlog.services.invitations import (
    accept_as,
    accept_as_newcomer,
    first_link,
    invite,
    revoke_invitation,
)
from backlog.services.members import change_role, remove_member
from backlog.services.tokens import create_token, revoke_token
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast


def test_a_person_sees_the_own_products(product: Product, cast: Cast, as_person: Any) -> None:
    assert "Diagnosis model" in as_person(cast.vera).get("/products/").content.decode()
    assert "Diagnosis model" not in as_person(cast.sam).get("/products/").content.decode()


def test_an_administrator_makes_a_product_and_owns_it(cast: Cast, as_person: Any) -> None:
    cast.sam.is_administrator = True
    cast.sam.save()
    client = as_person(cast.sam)
    answer = client.post("/products/new/", {"name": "Shop", "key": "shop", "goal": ""})
    assert answer.headers["Location"] == "/p/SHOP/backlog/"
    assert Product.objects.get(key="SHOP").members.get().role == Role.PRODUCT_OWNER
    again = client.post("/products/new/", {"name": "Shop", "key": "shop", "goal": ""})
    assert again.status_code == 422
    assert "There is already a product with this key." in again.content.decode()
    long = client.post("/products/new/", {"name": "Shop", "key": "s" * 11, "goal": ""})
    assert "Key may have 10 characters; this has 11." in long.content.decode()


def test_others_find_no_page_to_make_products(cast: Cast, as_person: Any) -> None:
    assert as_person(cast.olga).get("/products/new/").status_code == 404


def test_settings_are_changed_by_the_product_owner_alone(
    product: Product, cast: Cast, as_person: Any
) -> None:
    wanted = {"name": "New name"}
    assert as_person(cast.max).post("/p/MED/settings/", wanted).status_code == 403
    assert as_person(cast.olga).post("/p/MED/settings/", wanted).status_code == 302
    product.refresh_from_db()
    assert product.name == "New name"
    assert as_person(cast.sam).get("/p/MED/settings/").status_code == 404


def test_the_product_owner_says_what_evidence_may_do(
    product: Product, cast: Cast, as_person: Any
) -> None:
    wanted: dict[str, Any] = {
        "evidence": "1",
        "place": "top",
        "file_from": "P2",
        "first_run_limit": "3",
        "on_green": "status",
        "on_green_status": "",
        "tracked_branches": "main, release",
        "tracked_environments": "",
    }
    assert as_person(cast.max).post("/p/MED/settings/", wanted).status_code == 403
    olga = as_person(cast.olga)
    unnamed = olga.post("/p/MED/settings/", wanted)
    assert unnamed.status_code == 422
    assert "Say which status" in unnamed.content.decode()
    wanted["on_green_status"] = product.statuses.get(slug="in-review").pk
    assert olga.post("/p/MED/settings/", wanted).status_code == 302
    product.refresh_from_db()
    assert (product.place, product.file_from, product.first_run_limit) == ("top", "P2", 3)
    assert product.on_green == "status"
    assert product.on_green_status == product.statuses.get(slug="in-review")
    assert product.tracked_branches == ["main", "release"]
    assert product.name == "Diagnosis model"


def test_an_invited_newcomer_makes_an_account_and_is_a_member(
    product: Product, cast: Cast, as_person: Any, mailoutbox: Any
) -> None:
    invitation, link = invite(
        product, "nina@example.org", "developer", actor=Actor.person(cast.olga)
    )
    path = link.removeprefix("http://127.0.0.1:8000")
    wanted = {"name": "Nina", "email": "nina@example.org", "password": "a-long-enough-one"}
    weak = Client().post(path, {**wanted, "password": "short"})
    assert weak.status_code == 422
    assert Client().post(path, wanted).headers["Location"] == "/"
    assert product.members.get(user__email="nina@example.org").role == Role.DEVELOPER
    assert Client().get(path).status_code == 404
    invitation.refresh_from_db()
    assert invitation.accepted_by is not None


def test_who_has_an_account_joins_with_it(product: Product, cast: Cast, as_person: Any) -> None:
    _, link = invite(product, cast.sam.email, "stakeholder", actor=Actor.person(cast.olga))
    path = link.removeprefix("http://127.0.0.1:8000")
    client = as_person(cast.sam)
    assert "Join as" in client.get(path).content.decode()
    assert client.post(path).headers["Location"] == "/p/MED/backlog/"
    assert product.members.get(user=cast.sam).role == Role.STAKEHOLDER


def test_the_link_stands_on_the_page_once_and_can_be_revoked(
    product: Product, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.olga)
    wanted = {"email": "nina@example.org", "role": "developer"}
    shown = client.post("/p/MED/members/", wanted)
    assert "/invitations/" in shown.content.decode()
    assert (
        "http://127.0.0.1:8000/invitations/" not in client.get("/p/MED/members/").content.decode()
    )
    invitation = product.invitations.get()
    client.post(f"/p/MED/invitations/{invitation.pk}/revoke/")
    invitation.refresh_from_db()
    assert not invitation.is_open


def test_a_link_that_has_ended_names_no_product(
    product: Product, cast: Cast, as_person: Any
) -> None:
    invitation, link = invite(
        product, "nina@example.org", "developer", actor=Actor.person(cast.olga)
    )
    revoke_invitation(invitation, actor=Actor.person(cast.olga))
    for path in (link.removeprefix("http://127.0.0.1:8000"), "/invitations/nonsense/"):
        page = as_person(cast.sam).get(path)
        assert page.status_code == 404
        assert "This link was used or has ended; ask for a new one." in page.content.decode()
        assert "Diagnosis" not in page.content.decode()


def test_a_member_who_opens_an_invitation_leaves_it_to_others(
    product: Product, cast: Cast, as_person: Any
) -> None:
    invitation, link = invite(
        product, "nina@example.org", "developer", actor=Actor.person(cast.olga)
    )
    path = link.removeprefix("http://127.0.0.1:8000")
    for page in (as_person(cast.max).get(path), as_person(cast.max).post(path)):
        assert "You are a member already" in page.content.decode()
    invitation.refresh_from_db()
    assert invitation.is_open


def by_max(product: Product, cast: Cast, member: Any) -> str:
    """The path of an invitation by Max, who is a product owner as well."""
    change_role(member("max"), Role.PRODUCT_OWNER, actor=Actor.person(cast.olga))
    _, link = invite(product, cast.sam.email, "product_owner", actor=Actor.person(cast.max))
    return link.removeprefix("http://127.0.0.1:8000")


@pytest.mark.parametrize("deed", ["removed", "demoted"])
def test_what_an_owner_offered_ends_with_the_ownership(
    product: Product, cast: Cast, member: Any, as_person: Any, deed: str
) -> None:
    path = by_max(product, cast, member)
    assert as_person(cast.sam).get(path).status_code == 200
    if deed == "removed":
        remove_member(member("max"), actor=Actor.person(cast.olga))
    else:
        change_role(member("max"), Role.DEVELOPER, actor=Actor.person(cast.olga))
    assert open_invitations(product) == []
    assert as_person(cast.sam).get(path).status_code == 404
    as_person(cast.sam).post(path)
    assert not product.members.filter(user=cast.sam).exists()


def test_nobody_joins_by_the_link_of_somebody_whose_account_is_closed(
    product: Product, cast: Cast, member: Any, as_person: Any
) -> None:
    path = by_max(product, cast, member)
    opened = opened_invitation(path.split("/")[-2], to_product=True)
    User.objects.filter(pk=cast.max.pk).update(is_active=False)
    assert as_person(cast.sam).get(path).status_code == 404
    with pytest.raises(Conflict, match="has ended"):
        accept_as(opened, cast.sam)


def test_a_second_invitation_of_an_address_replaces_the_first(product: Product, cast: Cast) -> None:
    first, _ = invite(product, "nina@example.org", "developer", actor=Actor.person(cast.olga))
    second, _ = invite(product, "Nina@example.org", "stakeholder", actor=Actor.person(cast.olga))
    assert [row.pk for row in open_invitations(product)] == [second.pk]
    first.refresh_from_db()
    assert first.revoked_at


def test_a_member_is_not_invited_again(product: Product, cast: Cast, as_person: Any) -> None:
    wanted = {"email": cast.max.email, "role": "developer"}
    assert as_person(cast.olga).post("/p/MED/members/", wanted).status_code == 422
    assert as_person(cast.max).post("/p/MED/members/", wanted).status_code == 403


def test_roles_are_changed_and_members_removed(
    product: Product, cast: Cast, as_person: Any, member: Any
) -> None:
    client, vera = as_person(cast.olga), member("vera")
    client.post(f"/p/MED/members/{vera.pk}/role/", {"role": "developer"})
    vera.refresh_from_db()
    assert vera.role == Role.DEVELOPER
    client.post(f"/p/MED/members/{vera.pk}/remove/")
    assert not product.members.filter(user=cast.vera).exists()


def test_the_first_administrator_begins_by_a_link_that_works_once(db: None) -> None:
    out = StringIO()
    call_command("createadmin", "ada@example.org", stdout=out)
    path = out.getvalue().strip().removeprefix("http://127.0.0.1:8000")
    wanted = {"name": "Ada", "email": "ada@example.org", "password": "a-long-enough-one"}
    assert Client().post(path, wanted).status_code == 302
    assert User.objects.get(email="ada@example.org").is_administrator
    assert Client().get(path).status_code == 404
    with pytest.raises(CommandError, match="administrator already"):
        call_command("createadmin", "eve@example.org")


def test_who_gives_up_the_own_ownership_is_asked_once(
    product: Product, cast: Cast, as_person: Any, member: Any
) -> None:
    client, olga = as_person(cast.olga), member("olga")
    client.post(f"/p/MED/members/{member('sina').pk}/role/", {"role": "product_owner"})
    path = f"/p/MED/members/{olga.pk}/role/"
    asked = client.post(path, {"role": "developer"})
    assert "Give up being product owner?" in asked.content.decode()
    olga.refresh_from_db()
    assert olga.role == Role.PRODUCT_OWNER
    client.post(path, {"role": "developer", "sure": "1"})
    olga.refresh_from_db()
    assert olga.role == Role.DEVELOPER


def test_what_takes_rights_away_stands_behind_a_second_button(
    product: Product, cast: Cast, as_person: Any, administrator: Client
) -> None:
    members = as_person(cast.olga).get("/p/MED/members/").content.decode()
    people = administrator.get("/people/").content.decode()
    for page, sure in (
        (members, "Remove Max Berger</button>"),
        (people, "Close the account</button>"),
    ):
        head, _, _ = page.partition(sure)
        assert head.count("<details") > head.count("</details>")


def test_who_is_in_no_product_reads_what_to_do(
    product: Product, cast: Cast, as_person: Any, administrator: Client
) -> None:
    told = administrator.get("/products/").content.decode()
    assert "You are in no product yet. Make one" in told
    cast.sam.is_administrator = False
    cast.sam.save()
    told = as_person(cast.sam).get("/products/").content.decode()
    assert "Ask the product owner of yours for an invitation" in told
    assert "/products/new/" not in told


def test_the_last_product_owner_stays(
    product: Product, cast: Cast, as_person: Any, member: Any
) -> None:
    as_person(cast.olga).post(f"/p/MED/members/{member('olga').pk}/remove/")
    assert product.members.filter(user=cast.olga).exists()


def test_a_token_is_shown_once_and_revoked(product: Product, cast: Cast, as_person: Any) -> None:
    client = as_person(cast.olga)
    made = client.post(
        "/p/MED/tokens/", {"name": "nightly", "scopes": ["read", "evidence"], "days": 30}
    )
    token = ApiToken.objects.get()
    secret = made.content.decode().partition('id="secret">')[2].partition("<")[0]
    assert find_token(secret) == token
    assert secret not in client.get("/p/MED/tokens/").content.decode()
    client.post(f"/p/MED/tokens/{token.pk}/revoke/")
    assert find_token(secret) is None


def test_tokens_that_have_ended_stay_listed_with_who_ended_them(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olga, sina = Actor.person(cast.olga), Actor.person(cast.sina)
    gone, _ = create_token(name="gone", scopes=["read"], days=1, actor=olga, product=product)
    late, _ = create_token(name="late", scopes=["read"], days=1, actor=olga, product=product)
    revoke_token(gone, actor=sina)
    ApiToken.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    page = as_person(cast.olga).get("/p/MED/tokens/").content.decode()
    for words in ("revoked", "by Sina Rahimi", "expired", "by Olga Kuznetsova", "never"):
        assert words in page
    assert "/revoke/" not in page


def test_a_person_makes_tokens_of_their_own_and_revokes_them(cast: Cast, as_person: Any) -> None:
    client = as_person(cast.max)
    made = client.post("/profile/tokens/", {"name": "laptop", "scopes": ["read"], "days": 30})
    secret = made.content.decode().partition('id="secret">')[2].partition("<")[0]
    token = find_token(secret)
    assert token is not None
    assert (token.user, token.product, token.created_by) == (cast.max, None, cast.max)
    assert secret not in client.get("/profile/tokens/").content.decode()
    client.post(f"/profile/tokens/{token.pk}/revoke/")
    assert find_token(secret) is None
    assert "by Max Berger" in client.get("/profile/tokens/").content.decode()


def test_nobody_revokes_the_token_of_another_person(cast: Cast, as_person: Any) -> None:
    token, _ = create_token(
        name="laptop", scopes=["read"], days=1, actor=Actor.person(cast.max), user=cast.max
    )
    client = as_person(cast.olga)
    assert "laptop" not in client.get("/profile/tokens/").content.decode()
    assert client.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_wrong_wish_makes_no_token(cast: Cast, as_person: Any) -> None:
    answer = as_person(cast.max).post("/profile/tokens/", {"name": "x", "scopes": [], "days": 900})
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


def test_developers_see_no_tokens(product: Product, cast: Cast, as_person: Any) -> None:
    assert as_person(cast.max).get("/p/MED/tokens/").status_code == 403


def test_the_command_prints_a_token_that_works(product: Product, cast: Cast) -> None:
    out = StringIO()
    call_command(
        "createtoken", cast.max.email, "--name=ci", "--scopes=read,write", "--product=MED",
        stdout=out,
    )  # fmt: skip
    token = find_token(out.getvalue().strip())
    assert token is not None
    assert (token.user, token.product, token.scopes) == (cast.max, product, ["read", "write"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody@example.org", "--scopes=read"),
        ("max@example.org", "--scopes=everything"),
        ("max@example.org", "--scopes=read", "--product=SHOP"),
        ("max@example.org", "--scopes=read", "--days=0"),
    ],
)
def test_the_command_refuses_nonsense(product: Product, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        call_command("createtoken", *arguments, "--name=ci")
    assert not ApiToken.objects.exists()


@pytest.fixture
def administrator(cast: Cast, as_person: Any) -> Client:
    """Sam looks after the installation and is in no product."""
    cast.sam.is_administrator = True
    cast.sam.save()
    client: Client = as_person(cast.sam)
    return client


def test_administrators_see_everybody_and_make_others_administrators(
    product: Product, cast: Cast, administrator: Client
) -> None:
    page = administrator.get("/people/").content.decode()
    assert "dora@example.org" in page
    assert administrator.post(f"/people/{cast.dora.pk}/administers/", {"yes": "1"}).status_code
    cast.dora.refresh_from_db()
    assert cast.dora.is_administrator
    assert administrator.get("/p/MED/backlog/").status_code == 404


def test_the_last_administrator_stays_one(cast: Cast, administrator: Client) -> None:
    for path in ("administers", "active"):
        answer = administrator.post(f"/people/{cast.sam.pk}/{path}/", follow=True)
        assert "make somebody else one first" in answer.content.decode()
    cast.sam.refresh_from_db()
    assert cast.sam.is_administrator and cast.sam.is_active


def test_a_closed_account_is_signed_out_and_can_come_back(
    product: Product, cast: Cast, administrator: Client, as_person: Any
) -> None:
    max_ = as_person(cast.max)
    assert max_.get("/p/MED/backlog/").status_code == 200
    administrator.post(f"/people/{cast.max.pk}/active/")
    assert max_.get("/p/MED/backlog/").status_code == 302
    sent = {"username": "max@example.org", "password": "pw"}
    assert Client().post("/sign-in/", sent).status_code == 200
    administrator.post(f"/people/{cast.max.pk}/active/", {"yes": "1"})
    assert Client().post("/sign-in/", sent).status_code == 302


def test_a_welcome_makes_no_second_administrator(cast: Cast) -> None:
    path = first_link().removeprefix("http://127.0.0.1:8000")
    opened = opened_invitation(path.split("/")[-2], to_product=False)
    User.objects.filter(pk=cast.olga.pk).update(is_administrator=True)
    wanted = {"name": "Nina", "email": "nina@example.org", "password": "a-long-enough-one"}
    assert Client().get(path).status_code == 404
    Client().post(path, wanted)
    with pytest.raises(Conflict, match="has ended"):  # it was made one while Nina was typing
        accept_as_newcomer(opened, **wanted)
    assert not User.objects.filter(email="nina@example.org").exists()


def test_the_first_link_is_given_only_while_nobody_administers_and_none_waits(db: None) -> None:
    link = first_link()
    assert "/welcome/" in link
    assert first_link() == ""  # that one waits
    path = link.removeprefix("http://127.0.0.1:8000")
    wanted = {"name": "Nina", "email": "nina@example.org", "password": "a-long-enough-one"}
    assert Client().post(path, wanted).status_code == 302
    assert User.objects.get().is_administrator
    assert first_link() == ""


def test_another_address_takes_the_password(cast: Cast, as_person: Any) -> None:
    client = as_person(cast.sam)
    wanted = {"name": "Sam", "email": "new@example.org", "time_zone": ""}
    for password in ("", "wrong"):
        refused = client.post("/profile/", {**wanted, "password": password})
        assert refused.status_code == 422
        assert "Enter your password" in refused.content.decode()
    assert client.post("/profile/", {**wanted, "email": cast.sam.email}).status_code == 302
    assert client.post("/profile/", {**wanted, "password": "pw"}).status_code == 302
    cast.sam.refresh_from_db()
    assert (cast.sam.name, cast.sam.email) == ("Sam", "new@example.org")


def test_nobody_takes_an_address_that_is_invited_or_taken(
    product: Product, cast: Cast, as_person: Any
) -> None:
    invite(product, "nina@example.org", "product_owner", actor=Actor.person(cast.olga))
    client = as_person(cast.sam)
    for email, why in (("Nina@example.org", "is invited"), (cast.max.email, "Somebody else")):
        wanted = {"name": "Sam", "email": email, "time_zone": "", "password": "pw"}
        refused = client.post("/profile/", wanted)
        assert (refused.status_code, why in refused.content.decode()) == (422, True)


def test_nobody_is_assigned_while_a_member_leaves(
    product: Product, cast: Cast, member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(members, "lock_all_backlogs", lambda *_: order.append("locked"))
    monkeypatch.setattr(members, "_refuse_with_work", lambda *_: order.append("asked"))
    members.remove_member(member("max"), actor=Actor.person(cast.olga))
    assert order == ["locked", "asked"]
