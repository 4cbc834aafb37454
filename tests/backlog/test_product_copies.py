"""A product leaves as an archive and arrives as a product, with nothing lost and no secret."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from backlog.models import (
    Activity,
    Actor,
    ApiToken,
    Attachment,
    Comment,
    Item,
    Job,
    Member,
    Product,
    Role,
    StoredReport,
    User,
    WebhookSecret,
)
from backlog.queries.search import best_of
from backlog.services import demo, jobs, product_scope, row_copies
from backlog.services.attachments import Incoming, add_attachment
from backlog.services.invitations import accept_as_newcomer, invite
from backlog.services.items import ItemDraft, comment, create_item
from backlog.services.links import add_link
from backlog.services.product_copies import export_product, import_product, summary_of
from backlog.services.tokens import create_token
from backlog.services.webhooks import WebhookDraft, create_webhook
from dataquality.models import Connection, Dataset, Run, SuiteVersion
from dataquality.services.runs import request_run
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import encrypt
from sprints.models import Ceremony
from tests.backlog.product_archives import content_of, differences
from tests.conftest import Cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def story(product: Product, olga: Actor) -> Item:
    """An item of MED with a file, a link and a comment that names another."""
    item = create_item(product, ItemDraft(title="Sort the worklist"), actor=olga)
    other = create_item(product, ItemDraft(title="Show the verdict"), actor=olga)
    add_link(item, "blocks", other, actor=olga)
    add_attachment(item, Incoming("a.txt", [b"hello"]), actor=olga)
    comment(item, f"As {other.ref} says, see /p/MED/runs/7/ and XMED-1.", actor=olga)
    return item


@pytest.fixture
def path(story: Item, tmp_path: Path) -> Path:
    path = tmp_path / "med.zip"
    export_product(story.product, path)
    return path


def changed(
    path: Path, facts: dict[str, Any] | None, files: bool = True, /, **parts: bytes
) -> Path:
    """The archive as somebody else would have it, with checksums that fit."""
    from mlscrum.lib import archives

    other = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, archives.written(other) as new:
        manifest = json.loads(old.read("manifest.json")) | (facts or {})
        for name in manifest.pop("parts"):
            if name == archives.FILES:
                continue
            content = parts.get(name, old.read(name)).decode()
            new.add_lines(name, content.splitlines())
        for line in old.read(archives.FILES).splitlines() if files else ():
            file = json.loads(line)
            new.add_file(file["key"], [old.read(file["part"])])
        for name in ("format", "format_version", "kind"):
            manifest.pop(name)
        new.finish("product", manifest)
    return other


def test_every_table_either_leaves_or_is_said_to_stay() -> None:
    stays = {
        "backlog.alertchannel", "backlog.alertmessage", "backlog.alertrule", "backlog.apitoken",
        "backlog.codehost", "backlog.codehostsecret", "backlog.delivery", "backlog.digest",
        "backlog.findingnews", "backlog.heartbeat", "backlog.hostmessage", "backlog.import",
        "backlog.importline", "backlog.invitation", "backlog.job", "backlog.keptanswer",
        "backlog.newschoice", "backlog.notification", "backlog.productexport",
        "backlog.productimport", "backlog.searchtext", "backlog.termnews", "backlog.user",
        "backlog.webhook",
        "backlog.webhooknews", "backlog.webhooksecret", "dataquality.connection_shared_with",
        "dataquality.dataset_shared_with", "dataquality.registration", "dataquality.sharelink",
        "sprints.actionnews", "sprints.calendarfeed", "sprints.ceremonynews", "sprints.guestlink",
    }  # fmt: skip
    from django.apps import apps

    every = {model._meta.label_lower for model in row_copies.models_of(apps)}
    assert every - set(product_scope.belongings()) == stays


@pytest.mark.parametrize("key", ["MED", "CITY"])
def test_a_demo_product_is_the_same_under_another_key(
    key: str, tmp_path: Path, cast: Cast, settings: Any
) -> None:
    settings.SOURCES_DIR = tmp_path / "sources"
    settings.SOURCES_DIR.mkdir()
    demo.load([key])
    product = Product.objects.get(key=key)
    request_run(Dataset.objects.get(subject__product=product), actor=Actor.system())
    for job in Job.objects.order_by("pk"):
        jobs.run(job.pk)
    olga = User.objects.get(email="olga@demo.example")
    item = product.items.filter(deleted_at=None).order_by("pk")[0]
    add_attachment(item, Incoming("plan.txt", [b"a plan"]), actor=Actor.person(olga))
    export_product(product, tmp_path / "a.zip")
    made = import_product(tmp_path / "a.zip", owner=olga, actor=Actor.person(olga), key="ANEW")
    export_product(made, tmp_path / "b.zip")
    there, here = content_of(tmp_path / "a.zip"), content_of(tmp_path / "b.zip")
    assert differences(there, here) == {}
    for label in ("item", "stay", "transition", "activity", "change", "attachment", "comment"):
        assert there[f"backlog.{label}"], label
    assert there["sprints.sprint"] and there["dataquality.result"] and there["files"]
    # What is there twice now is of one product each.
    assert made.items.count() == product.items.count()
    assert not Run.objects.filter(dataset__subject__product=made).exclude(
        version__dataset__subject__product=made
    )


def test_refs_and_addresses_in_texts_follow_the_key(path: Path, cast: Cast, olga: Actor) -> None:
    made = import_product(path, owner=cast.olga, actor=olga, key="NEXT", name="The next")
    said = Comment.objects.get(item__product=made)
    assert said.text == "As NEXT-2 says, see /p/NEXT/runs/7/ and XMED-1."
    assert (made.key, made.name) == ("NEXT", "The next")
    assert [item.ref for item in made.items.order_by("number")] == ["NEXT-1", "NEXT-2"]
    assert said.item.links_out.get().target.ref == "NEXT-2"
    with default_storage.open(Attachment.objects.get(item__product=made).file) as content:
        assert content.read() == b"hello"
    assert [found.ref for found in best_of(made, "worklist", limit=5)[0]] == ["NEXT-1"]


def test_work_goes_on_in_the_new_product(path: Path, cast: Cast, olga: Actor) -> None:
    made = import_product(path, owner=cast.olga, actor=olga, key="NEXT")
    item = create_item(made, ItemDraft(title="More"), actor=olga)
    assert item.ref == "NEXT-3"
    seqs = list(Activity.objects.filter(product=made).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    arrival = Activity.objects.get(product=made, kind="product.imported")
    assert (arrival.user, arrival.data["was"]) == (cast.olga, "MED")


def test_a_key_that_is_taken_says_so_and_offers_another(
    path: Path, cast: Cast, olga: Actor
) -> None:
    with pytest.raises(DomainError, match="a product MED already; import it as MED2, say") as why:
        import_product(path, owner=cast.olga, actor=olga)
    assert (why.value.code, why.value.extra) == ("key_taken", {"offer": "MED2"})
    with pytest.raises(DomainError, match="2 to 10 capitals or digits"):
        import_product(path, owner=cast.olga, actor=olga, key="no key")
    assert Product.objects.count() == 1


def test_people_are_who_has_their_address_and_others_can_not_sign_in(
    path: Path, cast: Cast, olga: Actor
) -> None:
    User.objects.filter(pk=cast.max.pk).update(email="MAX.B@example.org", name="Max B")
    User.objects.filter(pk=cast.dora.pk).update(email="dora@elsewhere.example")
    made = import_product(
        path, owner=cast.sam, actor=olga, key="NEXT", people={"max@example.org": cast.max}
    )
    assert Member.objects.get(product=made, user=cast.max).role == Role.DEVELOPER
    assert Member.objects.get(product=made, user=cast.sam).role == Role.PRODUCT_OWNER
    dora = User.objects.get(email="dora@example.org")
    assert (dora.name, dora.is_active, dora.has_usable_password()) == (
        "Dora Anyango", False, False,
    )  # fmt: skip
    assert Member.objects.get(product=made, user=dora).role == Role.DOMAIN_EXPERT


def test_nobody_becomes_two_people(path: Path, cast: Cast, olga: Actor) -> None:
    with pytest.raises(DomainError, match="can't be two people of the archive"):
        import_product(
            path, owner=cast.olga, actor=olga, key="NEXT", people={"max@example.org": cast.sina}
        )
    assert Product.objects.count() == 1


def test_no_secret_is_in_it(
    story: Item, tmp_path: Path, cast: Cast, olga: Actor, other_product: Product
) -> None:
    product = story.product
    _, secret = create_token(name="ci", scopes=["read"], days=1, actor=olga, product=product)
    hook, signing = create_webhook(
        product, WebhookDraft("CI", "https://1.1.1.1/hook", ["label.*"]), actor=olga
    )
    Connection.objects.create(
        product=product, slug="lake", name="Lake", kind="sql", address="postgresql://db/x",
        secret=encrypt("pass word"),
    )  # fmt: skip
    kept = [
        *ApiToken.objects.values_list("token_hash", flat=True),
        *WebhookSecret.objects.values_list("secret", flat=True),
        *Connection.objects.values_list("secret", flat=True),
        *User.objects.values_list("password", flat=True),
        "https://1.1.1.1/hook", secret, signing, other_product.name, cast.sam.email,
    ]  # fmt: skip
    export_product(product, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as packed:
        everything = b"".join(map(packed.read, packed.namelist())).decode(errors="replace")
    assert [each for each in kept if each in everything] == []
    made = import_product(tmp_path / "x.zip", owner=cast.olga, actor=olga, key="NEXT")
    assert Connection.objects.get(product=made).secret == ""


def test_authors_of_anonymous_cards_stay_unknown(
    product: Product, tmp_path: Path, olga: Actor, cast: Cast
) -> None:
    from django.utils import timezone

    from sprints.services.ceremonies import CeremonyDraft, schedule

    ceremony = schedule(product, CeremonyDraft("retrospective", timezone.now(), 60), actor=olga)
    export_product(product, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as packed:
        assert ceremony.secret.encode() not in packed.read("rows/sprints.ceremony.jsonl")
    made = import_product(tmp_path / "x.zip", owner=cast.olga, actor=olga, key="NEXT")
    secret = Ceremony.objects.get(product=made).secret
    assert secret not in {"", ceremony.secret}


def test_what_belongs_to_another_product_stays(
    story: Item, tmp_path: Path, cast: Cast, other_product: Product
) -> None:
    """As of an item that moved away: the deed on it stays in the history, and names no item."""
    foreign = create_item(other_product, ItemDraft(title="Theirs"), actor=Actor.system())
    Activity.objects.filter(item=story).update(item=foreign)
    export_product(story.product, tmp_path / "x.zip")
    made = import_product(
        tmp_path / "x.zip", owner=cast.olga, actor=Actor.person(cast.olga), key="NEXT"
    )
    assert not made.activities.filter(item=foreign).exists()
    assert made.items.count() == 2


def test_reports_of_runs_follow_their_runs(
    story: Item, tmp_path: Path, cast: Cast, olga: Actor
) -> None:
    """Else a later run of the same number would count as one that was reported already."""
    StoredReport.objects.create(
        product=story.product, source="gx", key="run:12345", batch_key="b",
        batch_at=story.created_at, reported_at=story.created_at,
    )  # fmt: skip
    export_product(story.product, tmp_path / "x.zip")
    made = import_product(tmp_path / "x.zip", owner=cast.olga, actor=olga, key="NEXT")
    assert made.reports.get().key == "run:12345"  # of a run that is gone: nothing to follow


@pytest.mark.parametrize(
    "facts",
    [
        {"tables": {}},
        {"tables": None},
        {"product": {"key": "M", "name": "x", "items": 1}},
        {"product": {"key": "MED", "name": 5, "items": 1}},
        {"product": []},
    ],
)
def test_an_archive_that_makes_no_product_is_refused(
    path: Path, cast: Cast, olga: Actor, facts: dict[str, Any]
) -> None:
    with pytest.raises(DomainError, match="don't make a product of this release"):
        import_product(changed(path, facts), owner=cast.olga, actor=olga, key="NEXT")
    assert Product.objects.count() == 1


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("rows/backlog.item.jsonl", b"[1, 2]\n"),
        ("rows/backlog.item.jsonl", b"5\n"),
        ("rows/backlog.status.jsonl", b""),
        ("people.jsonl", b'[1, "no address", "x"]\n'),
        ("people.jsonl", b""),
    ],
)
def test_rows_that_fit_nothing_leave_nothing(
    path: Path, cast: Cast, olga: Actor, part: str, content: bytes
) -> None:
    with pytest.raises(DomainError):
        import_product(
            changed(path, None, **{part: content}), owner=cast.olga, actor=olga, key="GONE"
        )
    assert Product.objects.count() == 1
    assert User.objects.count() == 6
    assert default_storage.listdir("attachments/GONE")[1] == []


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("member", "role", "emperor"), ("item", "kind", "legend"), ("item", "title", "x" * 300)],
)
def test_values_that_no_form_would_take_are_refused(
    path: Path, cast: Cast, olga: Actor, table: str, column: str, value: str
) -> None:
    """A database may take them: SQLite knows no lengths, and none knows roles."""
    part = f"rows/backlog.{table}.jsonl"
    with zipfile.ZipFile(path) as packed:
        columns = json.loads(packed.read("manifest.json"))["tables"][f"backlog.{table}"]["columns"]
        rows = [json.loads(line) for line in packed.read(part).splitlines()]
    rows[0][columns.index(column)] = value
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    other = changed(path, None, **{part: content})
    with pytest.raises(DomainError, match=f"rows of {table} that are none of this release"):
        import_product(other, owner=cast.olga, actor=olga, key="NEXT")
    assert Product.objects.count() == 1


@pytest.mark.parametrize(
    "check",
    [
        {"type": "x", "kwargs": {"row_condition": "@pd.io.common.os == 0"}},
        {"type": "expect_column_values_to_match_json_schema",
         "kwargs": {"column": "id", "json_schema": {"$ref": "http://169.254.169.254/"}}},
        {"type": "expect_what_nobody_knows", "kwargs": {"column": "id"}},
        "none",
    ],
)  # fmt: skip
def test_a_suite_with_code_is_refused(
    product: Product, tmp_path: Path, cast: Cast, olga: Actor, check: Any
) -> None:
    from dataquality.services.datasets import DatasetDraft, register_dataset
    from tests.dataquality.conftest import PATIENTS, upload

    dataset = register_dataset(product, DatasetDraft(name="P"), upload(PATIENTS), actor=olga)
    SuiteVersion.objects.create(dataset=dataset, number=1, expectations=[check])
    export_product(product, tmp_path / "x.zip")
    with pytest.raises(DomainError, match="a check that nobody can have saved here"):
        import_product(tmp_path / "x.zip", owner=cast.olga, actor=olga, key="NEXT")


def test_who_came_along_is_invited_and_is_themselves_again(
    path: Path, product: Product, cast: Cast, olga: Actor
) -> None:
    content = (
        b"\n".join(
            json.dumps([user.pk, f"{user.pk}@elsewhere.example", user.name]).encode()
            for user in (cast.olga, cast.max, cast.sina, cast.dora, cast.vera)
            if user.memberships.filter(product=product).exists()
        )
        + b"\n"
    )
    there = f"{cast.max.pk}@elsewhere.example"
    made = import_product(
        changed(path, None, **{"people.jsonl": content}), owner=cast.olga, actor=olga, key="NEXT"
    )
    waiting = User.objects.get(email=there)
    assert (waiting.is_active, waiting.has_usable_password()) == (False, False)

    elsewhere, _ = invite(product, there, "developer", actor=olga)
    wanted = {"email": there, "name": "Max Berger", "password": "a-long-enough-one"}
    with pytest.raises(ValidationError, match="There is an account"):
        accept_as_newcomer(elsewhere, **wanted)  # MED is another product
    invitation, _ = invite(made, there, "stakeholder", actor=olga)
    assert accept_as_newcomer(invitation, **wanted).pk == waiting.pk
    waiting.refresh_from_db()
    assert (waiting.is_active, waiting.check_password("a-long-enough-one")) == (True, True)
    assert made.members.get(user=waiting).role == Role.STAKEHOLDER
    with pytest.raises(ValidationError, match="a member already"):
        invite(made, there, "developer", actor=olga)


def test_a_row_whose_file_is_not_in_the_archive_names_no_file_of_others(
    path: Path, cast: Cast, olga: Actor
) -> None:
    import_product(changed(path, None, False), owner=cast.olga, actor=olga, key="NEXT")
    keys = Attachment.objects.filter(item__product__key="NEXT").values_list("file", flat=True)
    assert keys
    assert all(key.startswith("attachments/NEXT/") for key in keys)
    assert not any(default_storage.exists(key) for key in keys)


def test_one_of_another_release_is_refused_and_says_which_is_older(
    path: Path, cast: Cast, olga: Actor
) -> None:
    with zipfile.ZipFile(path) as packed:
        known = json.loads(packed.read("manifest.json"))["migrations"]
    newer = {"migrations": known | {"backlog": [*known["backlog"], "9999_of_tomorrow"]}}
    with pytest.raises(DomainError, match="a newer release.*bring this installation up to date"):
        import_product(changed(path, newer), owner=cast.olga, actor=olga, key="NEXT")
    older = {"migrations": known | {"backlog": known["backlog"][:-1]}}
    with pytest.raises(DomainError, match="an older release.*bring that installation up to date"):
        summary_of(changed(path, older))


def test_one_that_unpacks_to_too_much_is_refused(
    path: Path, cast: Cast, olga: Actor, settings: Any
) -> None:
    settings.ARCHIVE_LIMIT_MB = 0
    with pytest.raises(DomainError, match="more than 0 MB"):
        import_product(path, owner=cast.olga, actor=olga, key="NEXT")


def test_the_commands_do_the_same(story: Item, tmp_path: Path, capsys: Any) -> None:
    path = str(tmp_path / "x.zip")
    call_command("exportproduct", "med", path)
    call_command("importproduct", path, "--owner", "olga@example.org", "--key", "next",
                 "--person", "max@example.org=sam@example.org")  # fmt: skip
    said = capsys.readouterr().out
    assert "1 files" in said and "is there as NEXT" in said
    assert Member.objects.filter(product__key="NEXT", user__email="sam@example.org").exists()
    with pytest.raises(CommandError, match="a product MED already"):
        call_command("importproduct", path, "--owner", "olga@example.org")
    with pytest.raises(CommandError, match="Nobody here has the address x@y.z"):
        call_command("importproduct", path, "--owner", "x@y.z")
    with pytest.raises(CommandError, match="There is no product none"):
        call_command("exportproduct", "none", path)
