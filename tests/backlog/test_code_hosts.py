"""Code hosts on their pages and over REST: added, changed, rotated, removed, and what they said."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Activity, Actor, CodeHost, Product
from backlog.services.code_hosts import CodeHostDraft, create_code_host
from backlog.services.items import ItemDraft, create_item
from tests.backlog.code_hosts import Sender
from tests.conftest import Cast
from tests.rest import pointers, queries

PAGE = "/p/MED/settings/code-hosts/"
REST = "/api/v1/products/MED/code-hosts/"
FORM = {"kind": "gitlab", "name": "Clinic", "on_merge": "done"}


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def secret_in(page: Any) -> str:
    shown: str = page.content.decode().split('id="secret">')[1].split("<")[0]
    return shown


def test_a_code_host_is_added_changed_and_removed_on_its_pages(
    product: Product, cast: Cast, as_person: Any
) -> None:
    sinas = as_person(cast.sina)
    made = sinas.post(PAGE, FORM)
    assert (made.status_code, made["Cache-Control"]) == (200, "no-store")
    host, secret = CodeHost.objects.get(), secret_in(made)
    assert secret.startswith("whsec_")
    assert secret not in host.secrets.get().secret
    address = f"/hooks/{host.address}/"
    assert f">http://127.0.0.1:8000{address}<" in made.content.decode()
    assert "Signing token" in made.content.decode()

    one = f"{PAGE}{host.pk}/"
    page = sinas.get(one).content.decode()
    assert address in page
    assert secret not in page
    review = product.statuses.get(slug="in-review")
    saved = sinas.post(
        one,
        {"name": "Clinic 2", "opened_status": review.pk, "on_merge": "status",
         "merged_status": review.pk},
    )  # fmt: skip
    assert saved.headers["Location"] == one
    host.refresh_from_db()
    assert (host.name, host.kind, host.on_merge) == ("Clinic 2", "gitlab", "status")
    assert (host.opened_status, host.merged_status) == (review, review)
    assert "merged</span> In review" in sinas.get(PAGE).content.decode()

    assert "Until" in sinas.post(f"{one}rotate/").content.decode()
    rotated = sinas.post(f"{one}rotate/", {"at_once": "1"})
    assert secret_in(rotated) != secret
    assert "of no use any more" in rotated.content.decode()
    assert host.secrets.count() == 1
    assert sinas.post(f"{one}delete/").headers["Location"] == PAGE
    assert not CodeHost.objects.exists()
    kinds = Activity.objects.filter(kind__startswith="code_host.").values_list("kind", flat=True)
    assert [kind.partition(".")[2] for kind in kinds.order_by("seq")] == [
        "added", "changed", "rotated", "rotated", "removed"
    ]  # fmt: skip


def test_the_pages_of_webhooks_and_code_hosts_lead_to_each_other(
    product: Product, cast: Cast, as_person: Any
) -> None:
    olgas = as_person(cast.olga)
    assert f'href="{PAGE}"' in olgas.get("/p/MED/settings/webhooks/").content.decode()
    assert 'href="/p/MED/settings/webhooks/"' in olgas.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"kind": "svn"}, "kind"),
        ({"name": ""}, "name"),
        ({"name": "Taken"}, "name"),
        ({"on_merge": "status"}, "merged_status"),
        ({"on_merge": "burn"}, "on_merge"),
        ({"opened_status": "nonsense"}, "opened_status"),
    ],
)
def test_what_can_not_be_a_code_host_is_said_by_field_and_makes_none(
    product: Product, cast: Cast, olga: Actor, as_person: Any, api: Any, fields: dict[str, str],
    at: str,
) -> None:  # fmt: skip
    create_code_host(product, CodeHostDraft("github", "Taken"), actor=olga)
    page = as_person(cast.olga).post(PAGE, FORM | fields)
    assert page.status_code == 422
    assert at in page.context["form"].errors
    answer = api(cast.olga).post(REST, FORM | fields)
    assert answer.status_code == 400
    assert pointers(answer) == [f"/{at}"]
    assert CodeHost.objects.count() == 1


def test_a_product_has_up_to_twenty_and_no_status_of_another(
    product: Product, other_product: Product, olga: Actor
) -> None:
    theirs = other_product.statuses.first()
    with pytest.raises(ValidationError, match="no such status"):
        create_code_host(product, CodeHostDraft("github", "a", theirs), actor=olga)
    for n in range(20):
        create_code_host(product, CodeHostDraft("github", f"{n}"), actor=olga)
    with pytest.raises(ValidationError, match="up to 20"):
        create_code_host(product, CodeHostDraft("github", "one more"), actor=olga)


def test_rest_adds_reads_changes_rotates_and_removes(
    product: Product, cast: Cast, api: Any
) -> None:
    client = api(cast.olga)
    made = client.post(REST, {"kind": "gitea", "name": "Git", "opened_status": "in-review"})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    host = made.json()
    secret = host.pop("secret")
    stored = CodeHost.objects.get()
    assert host == {
        "id": stored.pk,
        "kind": "gitea",
        "name": "Git",
        "url": f"http://127.0.0.1:8000/hooks/{stored.address}/",
        "opened_status": "in-review",
        "on_merge": "done",
        "merged_status": None,
        "created_at": host["created_at"],
    }
    one = f"{REST}{host['id']}/"
    assert made["Location"].endswith(one)
    assert client.get(one).json() == host
    assert client.get(REST).json()["results"] == [host]
    changed = client.patch(one, {"opened_status": None, "on_merge": "stay"})
    assert changed.json() == host | {"opened_status": None, "on_merge": "stay"}
    assert client.patch(one, {"kind": "github"}).status_code == 400
    rotated = client.post(f"{one}rotate/", {"at_once": True}).json()
    assert rotated["secret"] not in {secret, ""}
    assert stored.secrets.count() == 1
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404


def test_tokens_of_products_and_developers_add_none(
    product: Product, cast: Cast, api: Any, as_person: Any
) -> None:
    for client in (api(product=product), api(cast.max), api(cast.olga, scopes=("write",))):
        assert client.post(REST, {"kind": "gitea", "name": "Git"}).status_code == 403
    assert as_person(cast.max).get(PAGE).status_code == 403
    assert "Code hosts" not in as_person(cast.max).get("/p/MED/settings/").content.decode()
    assert not CodeHost.objects.exists()


def test_the_log_says_what_was_done_on_the_page_and_over_rest(
    product: Product, cast: Cast, olga: Actor, as_person: Any, api: Any
) -> None:
    create_item(product, ItemDraft("Second reading"), actor=olga)
    host, secret = create_code_host(product, CodeHostDraft("github", "Hub"), actor=olga)
    sender = Sender(host, secret)
    sender.push("Fixes MED-1")
    sender.secret = "whsec_wrong"
    sender.push("Fixes MED-1 <b>")
    page = as_person(cast.olga).get(f"{PAGE}{host.pk}/").content.decode()
    assert "is merged; set to Done" in page
    assert "does not fit the secret of the code host" in page
    client, log = api(cast.olga), f"{REST}{host.pk}/messages/"
    refused, taken = client.get(log).json()["results"]
    assert (refused["state"], refused["message_id"]) == ("refused", None)
    assert (taken["state"], taken["message_id"], taken["event"]) == ("taken", "message-1", "push")
    assert "Refused" in as_person(cast.olga).get(PAGE).content.decode()
    assert api(cast.max).get(log).status_code == 403


def test_lists_take_as_many_queries_however_long_they_are(
    product: Product, cast: Cast, olga: Actor, as_person: Any, api: Any
) -> None:
    create_item(product, ItemDraft("Second reading"), actor=olga)
    olgas, client = as_person(cast.olga), api(cast.olga)

    def add(name: str) -> CodeHost:
        host, secret = create_code_host(
            product, CodeHostDraft("github", name, "in-review", "status", "done"), actor=olga
        )
        Sender(host, secret).push(f"MED-1 {name}")
        return host

    host = add("a")
    paths = (PAGE, f"{PAGE}{host.pk}/", REST, f"{REST}{host.pk}/messages/", "/p/MED/items/MED-1/")
    before = [queries(client if path.startswith("/api") else olgas, path) for path in paths]
    for name in "bcd":
        add(name)
    assert [queries(client if path.startswith("/api") else olgas, path) for path in paths] == before
