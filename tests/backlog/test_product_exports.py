"""Archives of products by pages and REST: made in the background, kept a while, brought in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from backlog.models import (
    Actor,
    Attachment,
    Item,
    Job,
    Member,
    Product,
    ProductExport,
    ProductImport,
    Scope,
    User,
)
from backlog.services import jobs
from backlog.services.attachments import Incoming, add_attachment
from backlog.services.items import ItemDraft, create_item
from backlog.services.product_copies import export_product
from backlog.services.product_exports import (
    delete_export,
    forget_exports,
    make_export,
    request_export,
)
from backlog.services.product_imports import (
    carry_out,
    discard_import,
    forget_archives,
    receive_archive,
    start_import,
)
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.rest import queries

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/p/MED/settings/export/"


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def admin(cast: Cast, as_person: Any) -> Any:
    """Sina administers the house."""
    cast.sina.is_administrator = True
    cast.sina.save()
    return as_person(cast.sina)


@pytest.fixture
def archive(product: Product, olga: Actor, tmp_path: Path) -> SimpleUploadedFile:
    create_item(product, ItemDraft(title="Sort the worklist"), actor=olga)
    export_product(product, tmp_path / "med.zip")
    return SimpleUploadedFile("med.zip", (tmp_path / "med.zip").read_bytes())


def work() -> None:
    for job in Job.objects.filter(state="queued").order_by("pk"):
        jobs.run(job.pk)


def test_an_owner_makes_an_archive_and_downloads_it(
    product: Product, as_person: Any, cast: Cast, tmp_path: Path
) -> None:
    create_item(product, ItemDraft(title="Sort the worklist"), actor=Actor.person(cast.olga))
    page = as_person(cast.olga)
    assert b"No archive is kept now" in page.get(PAGE).content
    assert page.post(PAGE).status_code == 302
    assert b'hx-trigger="every 1s"' in page.get(PAGE).content
    assert b"An archive is being made already" in page.post(PAGE, follow=True).content
    work()
    export = ProductExport.objects.get()
    assert (export.state, export.requested_by) == ("done", cast.olga)
    assert export.rows > 10 and export.bytes > 100
    shown = page.get(PAGE).content.decode()
    assert f"{PAGE}{export.pk}/" in shown and 'hx-trigger="every 1s"' not in shown
    answer = page.get(f"{PAGE}{export.pk}/")
    (tmp_path / "x.zip").write_bytes(b"".join(answer.streaming_content))
    answer.close()
    assert answer["Content-Disposition"] == f'attachment; filename="MED-{export.pk}.zip"'
    assert receive_archive(
        Incoming("x.zip", [(tmp_path / "x.zip").read_bytes()]), user=cast.olga
    ).said["items"] == 1  # fmt: skip
    assert page.post(f"{PAGE}{export.pk}/delete/").status_code == 302
    assert not default_storage.exists(export.file)


@pytest.mark.parametrize("name", ["max", "sina", "dora", "vera"])
def test_nobody_else_does(product: Product, as_person: Any, cast: Cast, name: str) -> None:
    assert as_person(cast[name]).get(PAGE).status_code == 403
    assert b"settings/export" not in as_person(cast[name]).get("/p/MED/settings/").content


def test_it_is_not_made_once_its_asker_may_no_more(product: Product, olga: Actor) -> None:
    export = request_export(product, actor=olga)
    Member.objects.filter(user=olga.user).update(role="developer")
    work()
    export.refresh_from_db()
    assert (export.state, export.file) == ("failed", "")
    assert export.job is not None and "may not do it" in export.job.message


def test_it_goes_after_a_week(product: Product, olga: Actor) -> None:
    export = request_export(product, actor=olga)
    work()
    export.refresh_from_db()
    assert forget_exports(timezone.now() + timedelta(days=6)) == 0
    assert forget_exports(timezone.now() + timedelta(days=8)) == 1
    assert not ProductExport.objects.exists() and not default_storage.exists(export.file)


def test_one_that_is_deleted_while_it_waits_is_not_made(product: Product, olga: Actor) -> None:
    export = request_export(product, actor=olga)
    delete_export(export, actor=olga)
    assert Job.objects.get().state == "cancelled"


def test_a_worker_that_lost_its_job_keeps_no_file(
    product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_export(product, actor=olga)
    job = jobs.claim(Job.objects.get().pk, "one")
    assert job is not None
    Job.objects.update(lease_owner="another")
    before = _kept()
    with pytest.raises(jobs.LeaseLost):
        make_export(jobs.Lease(job))
    assert _kept() == before


def _kept() -> set[str]:
    folder = "exports/MED"
    try:
        return set(default_storage.listdir(folder)[1])
    except FileNotFoundError:
        return set()


def test_rest_makes_lists_and_hands_out(product: Product, api: Any, cast: Cast) -> None:
    caller = api(cast.olga)
    answer = caller.post("/api/v1/products/MED/exports/", HTTP_IDEMPOTENCY_KEY="a")
    assert answer.status_code == 202, answer.content
    one = answer["Location"].removeprefix("http://testserver")
    again = caller.post("/api/v1/products/MED/exports/", HTTP_IDEMPOTENCY_KEY="a")
    assert again["Location"] == answer["Location"]
    assert caller.get(one).json()["state"] == "queued"
    assert caller.get(f"{one}file/").status_code == 409
    work()
    shown = caller.get(one).json()
    assert (shown["state"], shown["progress"]) == ("done", 1.0)
    assert caller.get("/api/v1/products/MED/exports/").json()["results"] == [shown]
    content = caller.get(f"{one}file/")
    assert b"".join(content.streaming_content).startswith(b"PK")
    content.close()
    assert caller.delete(one).status_code == 204
    assert caller.get(one).status_code == 404
    assert api(cast.max).get("/api/v1/products/MED/exports/").status_code == 403
    assert api(product=product).post("/api/v1/products/MED/exports/").status_code == 403


def test_an_administrator_makes_a_product_of_an_archive(
    archive: SimpleUploadedFile, admin: Any, cast: Cast
) -> None:
    answer = admin.post("/products/import/", {"file": archive})
    assert answer.status_code == 302, answer.content
    one = answer["Location"]
    shown = admin.get(one).content.decode()
    assert 'value="MED2"' in shown and "max@example.org" in shown
    taken = admin.post(one, {"key": "MED", "name": "Again"})
    assert taken.status_code == 422
    assert b"a product MED already; import it as MED2, say" in taken.content
    answer = admin.post(one, {"key": "next", "name": "The next"})
    assert answer.status_code == 302
    assert b'hx-trigger="every 1s"' in admin.get(one).content
    work()
    arriving = ProductImport.objects.get()
    assert arriving.product is not None, arriving.job and arriving.job.message
    assert (arriving.product.key, arriving.product.name) == ("NEXT", "The next")
    assert not arriving.file
    assert b"/p/NEXT/" in admin.get(one).content
    assert Item.objects.get(product=arriving.product).ref == "NEXT-1"
    assert Member.objects.get(product=arriving.product, user=cast.sina).role == "product_owner"
    assert admin.post(f"{one}discard/").status_code == 302
    assert Product.objects.filter(key="NEXT").exists()


def test_people_are_chosen_on_the_page(archive: SimpleUploadedFile, admin: Any, cast: Cast) -> None:
    one = admin.post("/products/import/", {"file": archive})["Location"]
    emails = [email for email, _ in ProductImport.objects.get().said["people"]]
    field = f"person_{emails.index('max@example.org')}"
    admin.post(one, {"key": "NEXT", "name": "x", field: "sam@example.org"})
    work()
    assert Member.objects.get(product__key="NEXT", user=cast.sam).role == "developer"
    assert not Member.objects.filter(product__key="NEXT", user=cast.max).exists()


def test_only_administrators_bring_products(as_person: Any, product: Product, cast: Cast) -> None:
    assert as_person(cast.olga).get("/products/import/").status_code == 404
    assert b"/products/import/" not in as_person(cast.olga).get("/products/").content


@pytest.mark.parametrize("content", [b"hello", b""])
def test_a_file_that_is_no_archive_is_refused(admin: Any, content: bytes) -> None:
    file = SimpleUploadedFile("x.zip", content)
    answer = admin.post("/products/import/", {"file": file})
    assert answer.status_code == 422
    assert not ProductImport.objects.exists()


def test_a_key_that_is_taken_meanwhile_fails_and_can_be_tried_again(
    archive: SimpleUploadedFile, product: Product, cast: Cast, olga: Actor, admin: Any
) -> None:
    arriving = receive_archive(Incoming("x.zip", [archive.read()]), user=cast.sina)
    start_import(arriving, key="NEXT", name="x", people={})
    with pytest.raises(Conflict):
        start_import(arriving, key="OTHER", name="x", people={})
    Product.objects.filter(pk=product.pk).update(key="NEXT")
    work()
    arriving.refresh_from_db()
    assert arriving.state == "failed" and arriving.job is not None
    assert arriving.job.message.startswith("There is a product NEXT already")
    start_import(arriving, key="OTHER", name="x", people={})
    work()
    assert Product.objects.filter(key="OTHER").exists()


@pytest.mark.parametrize("right", ["is_administrator", "is_active"])
def test_it_waits_for_no_administrator_who_is_none_any_more(
    archive: SimpleUploadedFile, cast: Cast, admin: Any, right: str
) -> None:
    arriving = receive_archive(Incoming("x.zip", [archive.read()]), user=cast.sina)
    start_import(arriving, key="NEXT", name="x", people={})
    User.objects.filter(pk=cast.sina.pk).update(**{right: False})
    work()
    assert not Product.objects.filter(key="NEXT").exists()
    arriving.refresh_from_db()
    assert arriving.job is not None
    assert (arriving.state, arriving.job.error_code) == ("failed", "not_allowed")
    assert "administers the house no more" in arriving.job.message
    User.objects.filter(pk=cast.sina.pk).update(**{right: True})
    start_import(arriving, key="NEXT", name="x", people={})  # it was the right that was missing
    work()
    assert Product.objects.filter(key="NEXT").exists()


def test_an_import_whose_worker_lost_its_job_leaves_nothing(
    archive: SimpleUploadedFile, cast: Cast, admin: Any
) -> None:
    arriving = receive_archive(Incoming("x.zip", [archive.read()]), user=cast.sina)
    start_import(arriving, key="NEXT", name="x", people={})
    job = jobs.claim(Job.objects.get().pk, "one")
    assert job is not None
    Job.objects.update(lease_owner="another")
    with pytest.raises(jobs.LeaseLost):
        carry_out(jobs.Lease(job))
    assert not Product.objects.filter(key="NEXT").exists()


class Overtaken(jobs.Lease):
    """The hold of a worker that stalls just before its last write, until another one has taken
    the job over and done all of it."""

    def finish(self, within: AbstractContextManager[Any] | None = None) -> Any:
        Job.objects.filter(pk=self.job.pk).update(lease_until=timezone.now() - timedelta(hours=1))
        jobs.run(self.job.pk, "another")
        return super().finish(within)


def test_an_import_that_two_workers_did_is_there_once(
    product: Product, olga: Actor, tmp_path: Path, cast: Cast, admin: Any, settings: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    item = create_item(product, ItemDraft(title="Sort the worklist"), actor=olga)
    add_attachment(item, Incoming("scan.txt", [b"A scan."]), actor=olga)
    export_product(product, tmp_path / "med.zip")
    packed = (tmp_path / "med.zip").read_bytes()
    before = _stored()
    arriving = receive_archive(Incoming("x.zip", [packed]), user=cast.sina)
    start_import(arriving, key="NEXT", name="x", people={})
    job = jobs.claim(Job.objects.get().pk, "one")
    assert job is not None
    with pytest.raises(jobs.LeaseLost):
        carry_out(Overtaken(job))
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)
    arriving.refresh_from_db()
    made = Product.objects.get(name="x")
    assert (arriving.product, arriving.state, arriving.file) == (made, "done", "")
    assert made.activities.filter(kind="product.imported").count() == 1
    assert Item.objects.get(product=made).ref == "NEXT-1"
    scan = Attachment.objects.get(item__product=made)
    assert _stored() - before == {scan.file}  # nor does the late one take the other's file along


def _stored() -> set[str]:
    root = Path(default_storage.location)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_nobody_is_meant_who_is_not_here(archive: SimpleUploadedFile, cast: Cast) -> None:
    arriving = receive_archive(Incoming("x.zip", [archive.read()]), user=cast.sina)
    for people in (
        {"max@example.org": "x@y.z"},
        {"max@example.org": "sam@example.org", "vera@example.org": "sam@example.org"},
    ):
        with pytest.raises(DomainError):
            start_import(arriving, key="NEXT", name="x", people=people)
    assert not Job.objects.exists()


def test_archives_that_nobody_imports_go(archive: SimpleUploadedFile, cast: Cast) -> None:
    content = archive.read()
    old = receive_archive(Incoming("x.zip", [content]), user=cast.sina)
    assert forget_archives(timezone.now()) == 0
    assert forget_archives(timezone.now() + timedelta(days=8)) == 1
    assert not default_storage.exists(old.file)
    other = receive_archive(Incoming("x.zip", [content]), user=cast.sina)
    discard_import(other)
    assert not ProductImport.objects.exists() and not default_storage.exists(other.file)


# By REST ---------------------------------------------------------------------------------------
ARRIVALS = "/api/v1/product-imports/"


@pytest.fixture
def sina(admin: Any, api: Any, cast: Cast) -> Any:
    """Sina's scripts; she administers the house."""
    return api(cast.sina)


def test_a_script_makes_a_product_of_an_archive(
    archive: SimpleUploadedFile, sina: Any, cast: Cast
) -> None:
    once = {"HTTP_IDEMPOTENCY_KEY": "a"}
    answer = sina.post(ARRIVALS, {"file": archive}, format="multipart", **once)
    assert answer.status_code == 201, answer.content
    archive.seek(0)
    again = sina.post(ARRIVALS, {"file": archive}, format="multipart", **once)
    assert again["Location"] == answer["Location"]
    assert ProductImport.objects.count() == 1
    one, came = answer["Location"].removeprefix("http://testserver"), answer.json()
    assert sina.get(one).json() == came
    assert (came["state"], came["progress"], came["product"]) == ("new", 0.0, None)
    assert (came["key"], came["name"], came["by"]) == (
        "MED2", "Diagnosis model", "sina@example.org",
    )  # fmt: skip
    assert (came["archive"]["key"], came["archive"]["items"]) == ("MED", 1)
    emails = [person["email"] for person in came["people"]]
    assert "max@example.org" in emails and "sam@example.org" not in emails
    wanted = {"key": "next", "name": "The next", "people": {"Max@example.org": "sam@example.org"}}
    answer = sina.post(f"{one}start/", wanted, format="json")
    assert answer.status_code == 202, answer.content
    assert answer["Location"].endswith(one)
    assert (answer.json()["state"], answer.json()["key"]) == ("queued", "NEXT")
    meant = {person["email"]: person["meant"] for person in answer.json()["people"]}
    assert meant == dict.fromkeys(emails) | {"max@example.org": "sam@example.org"}
    assert sina.post(f"{one}start/", wanted, format="json").status_code == 409
    assert sina.delete(one).status_code == 409
    work()
    done = sina.get(one).json()
    assert (done["state"], done["progress"], done["product"]) == ("done", 1.0, "NEXT")
    made = Product.objects.get(key="NEXT")
    assert made.name == "The next" and made.items.count() == 1
    assert Member.objects.get(product=made, user=cast.sam).role == "developer"
    assert Member.objects.get(product=made, user=cast.sina).role == "product_owner"
    shown = sina.get(ARRIVALS).json()["results"]
    assert shown == [{name: value for name, value in done.items() if name != "people"}]
    assert sina.delete(one).status_code == 204
    assert sina.get(one).status_code == 404
    assert Product.objects.filter(pk=made.pk).exists()


def test_a_script_that_chooses_nothing_gets_a_free_key(
    archive: SimpleUploadedFile, sina: Any
) -> None:
    one = sina.post(ARRIVALS, {"file": archive}, format="multipart")["Location"]
    assert sina.post(f"{one}start/", {}, format="json").status_code == 202
    work()
    assert Product.objects.get(key="MED2").name == "Diagnosis model"


@pytest.mark.parametrize(
    ("wanted", "status", "code", "pointer"),
    [
        ({"key": "med"}, 409, "key_taken", "/key"),
        ({"key": "1"}, 422, "bad_key", "/key"),
        ({"people": {"nina@example.org": "sam@example.org"}}, 422, "bad_people",
         "/people/nina@example.org"),
        ({"people": {"max@example.org": "nina@example.org"}}, 422, "bad_people",
         "/people/max@example.org"),
        ({"people": {"max@example.org": "sam@example.org", "vera@example.org": "sam@example.org"}},
         422, "bad_people", "/people"),
        ({"people": {"max@example.org": "sam"}}, 400, "invalid", "/people/max@example.org"),
        ({"people": ["sam@example.org"]}, 400, "invalid", "/people"),
        ({"owner": "sam@example.org"}, 400, "invalid", "/owner"),
    ],
)  # fmt: skip
def test_a_start_that_can_not_be_says_why(
    archive: SimpleUploadedFile, sina: Any, wanted: Any, status: int, code: str, pointer: str
) -> None:
    one = sina.post(ARRIVALS, {"file": archive}, format="multipart")["Location"]
    answer = sina.post(f"{one}start/", wanted, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Job.objects.exists()
    assert sina.get(one).json()["state"] == "new"


@pytest.mark.parametrize("content", [b"hello", b"", None])
def test_a_script_is_told_that_its_file_is_no_archive(sina: Any, content: bytes | None) -> None:
    sent = {} if content is None else {"file": SimpleUploadedFile("x.zip", content)}
    answer = sina.post(ARRIVALS, sent, format="multipart")
    assert answer.status_code == (400 if content is None else 422), answer.content
    said = "No file was submitted" if content is None else "is no archive"
    assert said in answer.json()["detail"]
    assert not ProductImport.objects.exists()


def test_an_archive_that_is_too_large_is_not_kept(
    archive: SimpleUploadedFile, sina: Any, settings: Any
) -> None:
    settings.UPLOAD_LIMIT_MB = 0
    answer = sina.post(ARRIVALS, {"file": archive}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not ProductImport.objects.exists() and not _stored()


def test_why_an_import_failed_is_told_and_it_can_be_tried_again(
    archive: SimpleUploadedFile, product: Product, sina: Any
) -> None:
    one = sina.post(ARRIVALS, {"file": archive}, format="multipart")["Location"]
    sina.post(f"{one}start/", {"key": "NEXT"}, format="json")
    Product.objects.filter(pk=product.pk).update(key="NEXT")
    work()
    failed = sina.get(one).json()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "key_taken")
    assert failed["error"]["detail"].startswith("There is a product NEXT already")
    answer = sina.post(f"{one}start/", {"key": "OTHER"}, format="json")
    assert (answer.status_code, answer.json()["error"]) == (202, None)
    work()
    assert sina.get(one).json()["product"] == "OTHER"


def test_no_other_script_brings_products(
    archive: SimpleUploadedFile, product: Product, sina: Any, api: Any, cast: Cast
) -> None:
    one = sina.post(ARRIVALS, {"file": archive}, format="multipart")["Location"]
    others = [
        api(cast.olga),
        api(product=product),
        api(cast.sina, product=product),
        api(cast.sina, scopes=(Scope.READ, Scope.WRITE)),
    ]
    for caller in others:
        archive.seek(0)
        answers = [
            caller.get(ARRIVALS),
            caller.post(ARRIVALS, {"file": archive}, format="multipart"),
            caller.get(one),
            caller.post(f"{one}start/", {"key": "NEXT"}, format="json"),
            caller.delete(one),
            caller.get(f"{ARRIVALS}404/"),
        ]
        assert [answer.status_code for answer in answers] == [403] * 6
    assert ProductImport.objects.get().state == "new"
    assert sina.get(f"{ARRIVALS}404/").status_code == 404


def test_more_archives_ask_the_database_no_more_often(
    archive: SimpleUploadedFile, sina: Any, cast: Cast
) -> None:
    content = archive.read()

    def another() -> None:
        arriving = receive_archive(Incoming("x.zip", [content]), user=cast.sina)
        start_import(arriving, key=arriving.key, name="x", people={})
        work()

    another()
    few = queries(sina, ARRIVALS)
    another()
    another()
    assert len(sina.get(ARRIVALS).json()["results"]) == 3
    assert queries(sina, ARRIVALS) == few
