"""Deeds on connections: add, change, test, rotate, pause, remove. Secrets go in, none comes out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, RestrictedError
from django.utils import timezone
from django.utils.text import slugify

from backlog.models import Actor, ActorKind, Product
from backlog.services import findings
from backlog.services.deeds import Deed, deed
from dataquality.models import Connection, ConnectionKind
from dataquality.queries.connections import open_troubles_of, products_troubled_by
from dataquality.services.reach import FILES, backend_of, database_of, of_a_product, try_out
from mlscrum.lib import clock, outbound
from mlscrum.lib.errors import Conflict, DomainError, Refused
from mlscrum.lib.secrets import encrypt
from mlscrum.lib.slugs import free_slug

EDITABLE = ("name", "address", "login", "ambient", "options", "profile_cap")
OPTIONS = {"endpoint", "region"}
BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s*?]*)?")
LONGEST_SECRET = 4_000


@dataclass(frozen=True)
class ConnectionDraft:
    """A connection as somebody wants it; a password within the address becomes the secret."""

    name: str
    kind: str
    address: str
    slug: str = ""
    login: str = ""
    secret: str = field(default="", repr=False)
    ambient: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    profile_cap: int = 2


def add_connection(product: Product, draft: ConnectionDraft, *, actor: Actor) -> Connection:
    """A connection of a product, tested at once: how that went stands in it.

    Raises ValidationError for bad fields and DomainError for an address that may not be called.
    """
    connection = _drafted(draft, actor)
    connection.product, connection.slug = product, _slug(product, draft)
    _check(connection)
    with deed(product, actor, "connection.added") as done:
        try:
            with transaction.atomic():
                connection.save(force_insert=True)
        except IntegrityError:
            raise ValidationError({"slug": "There is already a connection of this name."}) from None
        done.data["connection"] = connection.slug
    return test_connection(connection, actor=actor)


def share_connection(
    draft: ConnectionDraft, products: Sequence[Product], *, actor: Actor
) -> Connection:
    """A connection of the installation, which these products may use; only its administrators and
    the system make it.

    Raises ValidationError and DomainError as above, and for the file of one product.
    """
    if not administers(actor):
        raise Refused("of_the_installation", "The server's administrators share connections.")
    _require_products(products)
    taken = set(_slugs_beside(products))
    slug = draft.slug or free_slug(draft.name, taken, otherwise="connection")
    if slug in taken:
        raise ValidationError({"slug": "There is already a connection with this slug."})
    connection = _drafted(draft, actor)
    connection.slug = slug
    _check(connection)
    with transaction.atomic():
        try:
            with transaction.atomic():
                connection.save(force_insert=True)
        except IntegrityError:
            raise ValidationError({"slug": "There is already a connection of this name."}) from None
        connection.shared_with.set(products)
    return test_connection(connection, actor=actor)


def share_with(connection: Connection, products: Sequence[Product], *, actor: Actor) -> Connection:
    """Let these products use a connection of the installation, and no others.

    Raises ValidationError where one of them has a connection with its slug, and Conflict where
    datasets of another read through it. What was said of it in products that leave is over.
    """
    _require_administrator(connection, actor)
    _require_products(products)
    with transaction.atomic():
        present = _locked(connection)
        if present.slug in _slugs_beside(products, but=present):
            raise ValidationError(
                {"shared_with": "One of them has a connection with the same slug already."}
            )
        readers = present.datasets.exclude(subject__product__in=products)
        keys = sorted(set(readers.values_list("subject__product__key", flat=True)))
        if keys:
            raise Conflict(
                "in_use",
                f"Datasets of {', '.join(keys)} read through this connection; leave it to them, or "
                "pause it.",
            )
        present.shared_with.set(products)
        kept = {product.pk for product in products}
        left = [one for one in products_troubled_by(present) if one.pk not in kept]
        _end_troubles(present, left, actor)
    return present


def change_connection(connection: Connection, *, actor: Actor, **fields: Any) -> Connection:
    """Change what people say about a connection, and test it.

    Where the address changes, the secret must be given anew by `secret`, for it would otherwise
    go to whoever the new address belongs to. Raises ValidationError and DomainError as above.
    """
    if unknown := set(fields) - {*EDITABLE, "secret"}:
        raise ValidationError(dict.fromkeys(sorted(unknown), "This can't be changed."))
    secret = str(fields.pop("secret", "") or "")
    with _deed(connection, actor, "connection.changed") as done:
        present = _locked(connection)
        before = (present.address, present.options)
        for name in EDITABLE:
            if name in fields:
                value = fields[name]
                setattr(present, name, value.strip() if isinstance(value, str) else value)
        present.address, login, within = _without_secret(present.kind, present.address)
        present.login = present.login or login
        present.options = _options(present.options)
        secret = secret or within
        if (present.address, present.options) != before and present.secret and not secret:
            raise ValidationError(
                {"secret": "Enter the secret again: the old one is not sent to a new address."}
            )
        if present.ambient:
            present.secret = ""
        if secret:
            _take_secret(present, secret)
            present.rotated_at = done.at
        _check(present)
        present.save()
        done.data["fields"] = sorted(fields)
    return test_connection(present, actor=actor)


def rotate_secret(
    connection: Connection, *, actor: Actor, secret: str, login: str | None = None
) -> Connection:
    """Put a new secret in the place of the old one, which is gone, and test it."""
    if not secret:
        raise ValidationError({"secret": "Enter the new secret."})
    with _deed(connection, actor, "connection.rotated") as done:
        present = _locked(connection)
        if present.ambient:
            raise DomainError(
                "ambient", f"{present.name} uses what the server has itself; it keeps no secret."
            )
        _take_secret(present, secret)
        if login is not None:
            present.login = login.strip()
        present.rotated_at = done.at
        present.save(update_fields=["secret", "login", "rotated_at"])
    return test_connection(present, actor=actor)


def pause_connection(connection: Connection, *, actor: Actor) -> Connection:
    """Read nothing through it until it is resumed: runs of its datasets end as errored."""
    with _deed(connection, actor, "connection.paused") as done:
        present = _locked(connection)
        if present.is_paused:
            done.nothing_happened()
            return present
        present.paused_at = done.at
        present.save(update_fields=["paused_at"])
    return present


def resume_connection(connection: Connection, *, actor: Actor) -> Connection:
    """Let its datasets be read again."""
    with _deed(connection, actor, "connection.resumed") as done:
        present = _locked(connection)
        if not present.is_paused:
            done.nothing_happened()
            return present
        present.paused_at = None
        present.save(update_fields=["paused_at"])
    return present


def remove_connection(connection: Connection, *, actor: Actor) -> None:
    """Remove a connection with its secret, and what is said of it is over. Raises Conflict while
    datasets use it."""
    with _deed(connection, actor, "connection.removed"):
        present = _locked(connection)
        number = present.datasets.count()
        troubled = products_troubled_by(present)
        try:
            with transaction.atomic():
                present.delete()
        except RestrictedError:
            raise Conflict(
                "in_use",
                f"{number} dataset{'' if number == 1 else 's'} read{'s' if number == 1 else ''} "
                "through this connection; pause it instead, or give them another source.",
            ) from None
        _end_troubles(present, troubled, actor)


def test_connection(connection: Connection, *, actor: Actor) -> Connection:
    """Reach what lies behind it now and note how that went; reads nothing, never raises for what
    the other side says."""
    error = answer = ""
    try:
        answer = try_out(connection)
    except DomainError as refusal:
        error = refusal.message
    connection.tested_at = timezone.now()
    connection.test_error, connection.test_answer = error[:1000], answer[:200]
    fields = ["tested_at", "test_error", "test_answer"]
    with _deed(connection, actor, "connection.tested") as done:
        connection.save(update_fields=fields)
        done.data["works"] = not error
    return connection


def administers(actor: Actor) -> bool:
    """Whether somebody looks after the installation: the system itself, or an administrator who
    has signed in."""
    if actor.kind == ActorKind.SYSTEM:
        return True
    return actor.kind == ActorKind.PERSON and bool(actor.user and actor.user.is_administrator)


@dataclass
class _Unwritten:
    """A deed that no history keeps."""

    at: datetime
    data: dict[str, Any] = field(default_factory=dict)

    def nothing_happened(self) -> None: ...


@contextmanager
def _deed(connection: Connection, actor: Actor, kind: str) -> Iterator[Deed | _Unwritten]:
    """A deed of the product; of the installation, which keeps no history, a transaction alone."""
    product = connection.product
    if product is not None:
        with deed(product, actor, kind, connection=connection.slug) as done:
            yield done
        return
    _require_administrator(connection, actor)
    with transaction.atomic():
        yield _Unwritten(clock.now())


def _end_troubles(connection: Connection, products: Sequence[Product], actor: Actor) -> None:
    for product in products:
        for finding in open_troubles_of(product, connection):
            findings.mark_obsolete(finding, actor=actor)


def _require_administrator(connection: Connection, actor: Actor) -> None:
    if not administers(actor):
        raise Refused(
            "of_the_installation",
            f"{connection.name} belongs to the installation; its administrators change it.",
        )


def _drafted(draft: ConnectionDraft, actor: Actor) -> Connection:
    address, login, secret = _without_secret(draft.kind, draft.address)
    connection = Connection(
        name=draft.name.strip(),
        kind=draft.kind,
        address=address,
        login=draft.login.strip() or login,
        ambient=draft.ambient,
        options=_options(draft.options),
        profile_cap=draft.profile_cap,
        created_by=actor.user,
    )
    _take_secret(connection, draft.secret or secret)
    return connection


def _locked(connection: Connection) -> Connection:
    locked = Connection.objects.select_for_update(no_key=True, of=("self",))
    found: Connection = locked.select_related("product").get(pk=connection.pk)
    return found


def _take_secret(connection: Connection, secret: str) -> None:
    if len(secret) > LONGEST_SECRET or "\0" in secret:
        raise ValidationError({"secret": f"A secret has up to {LONGEST_SECRET:,} signs."})
    if secret and connection.ambient:
        raise ValidationError(
            {"secret": "Choose: a secret of its own, or what the server has itself."}
        )
    connection.secret = encrypt(secret) if secret else ""


def _without_secret(kind: str, address: str) -> tuple[str, str, str]:
    """The address without user and password, and these."""
    address = address.strip()
    if kind == ConnectionKind.SQL:
        import sqlalchemy as sa  # noqa: PLC0415  pages without databases do without

        try:
            url = sa.make_url(address)
        except (sa.exc.ArgumentError, ValueError):
            return address, "", ""  # `_check` says what is wrong
        login, secret = url.username or "", str(url.password or "")
        bare = url._replace(username=None, password=None)
        return bare.render_as_string(hide_password=False), login, secret
    parts = urlsplit(address)
    if kind == ConnectionKind.HTTP and "@" in parts.netloc:
        bare_parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        return urlunsplit(bare_parts), parts.username or "", parts.password or ""
    return address, "", ""


def _options(options: Mapping[str, Any]) -> dict[str, str]:
    if unknown := set(options) - OPTIONS:
        raise ValidationError({"options": f"There is no option {sorted(unknown)[0]}."})
    found = {name: str(value).strip() for name, value in options.items()}
    return {name: value.rstrip("/") for name, value in found.items() if value}


def _check(connection: Connection) -> None:
    """Raise for what is no connection, or may not be called."""
    errors: dict[str, Any] = {}
    try:
        checked = {"name", "slug", "kind", "address", "login", "profile_cap"}
        connection.clean_fields(exclude={f.name for f in connection._meta.fields} - checked)
    except ValidationError as error:
        errors |= error.error_dict
    for name in ("name", "address", "login"):
        value = getattr(connection, name)
        if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
            errors[name] = "It holds characters that can't be shown."
    if connection.ambient and connection.product and not settings.AMBIENT_CREDENTIALS:
        errors["ambient"] = (
            "An administrator has to allow this by AMBIENT_CREDENTIALS=1, for it opens all that "
            "the server itself may read."
        )
    if errors:
        raise ValidationError(errors)
    try:
        _check_address(connection)
    except DomainError as error:
        raise ValidationError({_field_of(error): error.message}) from None


def _check_address(connection: Connection) -> None:
    if connection.kind == ConnectionKind.SQL:
        import sqlalchemy as sa  # noqa: PLC0415

        try:
            url = sa.make_url(connection.address)
        except (sa.exc.ArgumentError, ValueError):
            raise DomainError(
                "bad_url", "Give an address such as postgresql://user@host/database."
            ) from None
        is_file = backend_of(url.drivername) in FILES
        if is_file and connection.has_secret:
            raise DomainError("no_secret", "A database file takes no secret.", field="secret")
        if is_file and not url.database:
            raise DomainError("bad_url", "Name the file, such as sqlite:///clinic.sqlite3.")
        if is_file and connection.product is None:
            raise of_a_product()
        _unless_unknown(lambda: database_of(connection, connection.product))
    elif connection.kind == ConnectionKind.S3:
        if not BUCKET.fullmatch(connection.address):
            raise DomainError("bad_url", "Give the bucket, such as s3://exports or s3://lake/raw.")
        if bool(connection.login) != bool(connection.secret):
            raise DomainError(
                "half_a_key", "Give both the id of the key and its secret.", field="secret"
            )
        endpoint = connection.options.get("endpoint")
        if endpoint:
            _unless_unknown(lambda: outbound.check_url(endpoint))
    else:
        parts = urlsplit(connection.address)
        if parts.query or parts.fragment:
            raise DomainError("bad_url", "Leave out what follows the ? or # of the address.")
        _unless_unknown(lambda: outbound.check_url(connection.address))


def _unless_unknown(look: Any) -> None:
    """Refuse what may not be called; what is merely not there now is said by the test."""
    try:
        look()
    except DomainError as error:
        if error.code not in {"unknown_host", "no_such_file"}:
            raise


def _field_of(error: DomainError) -> str:
    return str(error.extra.get("field", "address"))


def _require_products(products: Sequence[Product]) -> None:
    if not products:
        raise ValidationError({"shared_with": "Name the products that may use it."})


def _slugs_beside(products: Sequence[Product], *, but: Connection | None = None) -> list[str]:
    """The slugs that a connection of the installation for these products may not have."""
    # Pages of their own stand under new.
    others = Connection.objects.filter(Q(product=None) | Q(product__in=products))
    if but is not None:
        others = others.exclude(pk=but.pk)
    return ["new", *others.values_list("slug", flat=True)]


def _slug(product: Product, draft: ConnectionDraft) -> str:
    # A page of its own stands under new.
    taken = {*Connection.objects.usable_in(product).values_list("slug", flat=True), "new"}
    if not draft.slug:
        return free_slug(draft.name, taken, otherwise="connection")
    if draft.slug != slugify(draft.slug) or len(draft.slug) > 80:
        raise ValidationError({"slug": "A slug is lower case letters, digits and hyphens."})
    if draft.slug in taken:
        raise ValidationError({"slug": "There is already a connection with this slug."})
    return draft.slug
