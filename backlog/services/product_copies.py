"""A product into one archive, and out of it as a new product, with nothing lost.

Keys of rows are given anew in one block for each table, so that rows keep their order, and what
refers to what, in JSON and in addresses of pages too.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4, uuid5

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import F, Max, Min
from django.utils import timezone

from backlog.models import ActivityCounter, Actor, Item, Member, Product, Role, User
from backlog.services import product_scope, row_copies, schemas, stored_files
from backlog.services.deeds import deed
from backlog.services.product_scope import Belonging
from backlog.services.row_copies import Row
from backlog.services.search import index_items
from mlscrum.lib import archives
from mlscrum.lib.errors import DomainError, FieldError

KIND = "product"
PEOPLE = "people.jsonl"
USER = "backlog.user"
# Another key may come between two statements of ours; so many are left for it.
ROOM = 1000
MOST_KEYS = 10**10  # of one table: what is taken stays taken, also where an import fails
MOST_OF_PEOPLE = 16 * archives.MEGABYTE
INDEXED_AT_ONCE = 500
# What other tools call things stays as they call it.
AS_IT_IS = frozenset({"external_id", "external_url", "external_source", "fingerprint", "sha256"})
Told = Callable[[float, str], None]
Fence = Callable[[], AbstractContextManager[Any]]


def _silent(fraction: float, message: str) -> None:
    """Tell nobody."""


def _nothing_more(product: Product) -> None: ...


@dataclass
class Exported:
    """What an archive holds; `lost` are files that the storage no longer has."""

    rows: int = 0
    files: int = 0
    people: int = 0
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """Somebody whom rows of an archive name."""

    id: int
    email: str
    name: str


@dataclass(frozen=True)
class Summary:
    """What an archive says of its product, before it is imported."""

    key: str
    name: str
    version: str
    made_at: str
    items: int
    people: tuple[Person, ...]


def export_product(product: Product, path: Path, *, told: Told = _silent) -> Exported:
    """Write all that belongs to the product into one archive: rows, history and files, no secret.

    People are named by e-mail address and name. Raises DomainError for a database that is not up
    to date.
    """
    done, people = Exported(), set[int]()
    tables = product_scope.belongings()
    with archives.written(path) as archive, schemas.one_moment():
        facts: dict[str, Any] = {
            "product_version": settings.VERSION,
            "made_at": timezone.now().isoformat(),
            "migrations": schemas.present_schema(),
            "product": {"key": product.key, "name": product.name,
                        "items": product.items.filter(deleted_at=None).count()},
            "tables": {},
        }  # fmt: skip
        for number, belonging in enumerate(tables.values()):
            told(number / len(tables) * 0.6, f"Copying {belonging.model._meta.verbose_name_plural}")
            part = archive.add_lines(_part_of(belonging.label), _lines(belonging, product, people))
            facts["tables"][belonging.label] = _facts_of(belonging, product)
            done.rows += part.lines
        archive.add_lines(PEOPLE, _people(people))
        done.people = len(people)
        _add_files(archive, product, done, told)
        archive.finish(KIND, facts)
    return done


def summary_of(path: Path) -> Summary:
    """What the archive says of itself; raises DomainError for one that can't be imported here."""
    with archives.opened(path, KIND) as archive:
        facts = _checked(archive)
        part = archive.parts[PEOPLE]
        if part.bytes > MOST_OF_PEOPLE:
            raise _no_product()
        archive.check_part(PEOPLE, part)
        people = [_person(line) for line in archive.lines(PEOPLE)]
        said = facts["product"]
        return Summary(
            str(said["key"]), str(said["name"]), str(facts["product_version"]),
            str(facts["made_at"]), int(said["items"]), tuple(people),
        )  # fmt: skip


def import_product(
    path: Path,
    *,
    owner: User,
    actor: Actor,
    key: str = "",
    name: str = "",
    people: Mapping[str, User] | None = None,
    told: Told = _silent,
    fence: Fence = nullcontext,
    landed: Callable[[Product], None] = _nothing_more,
) -> Product:
    """Make a product of an archive: all of it or nothing. `owner` becomes its product owner.

    `people` says who here is meant by an address of the archive; others are those who have the
    same address, and who has none here becomes a person without a way in. `landed` is called in
    the transaction that writes, which `fence` is around. Raises DomainError for a key that is
    taken, with a free one as its `offer`, and for an archive that can't be imported.
    """
    with archives.opened(path, KIND) as archive:
        facts = _checked(archive)
        key = (key or str(facts["product"]["key"])).strip().upper()
        refuse_key(key)
        told(0.02, "Checking the archive")
        archive.check(most_bytes=settings.ARCHIVE_LIMIT_MB * archives.MEGABYTE)
        arrival = _Arrival(archive, facts, key, name.strip(), people or {}, told)
        with arrival.files():
            told(0.5, "Writing rows")
            with fence():
                product = arrival.land(owner, actor)
                landed(product)
        return product


def refuse_key(key: str) -> None:
    """Raise DomainError for a key that is none or is taken, then with a free one as its `offer`."""
    if re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", key) is None:
        message = "A key is 2 to 10 capitals or digits, first a capital."
        raise DomainError("bad_key", message, errors=[FieldError("/key", "invalid", message)])
    if Product.objects.filter(key=key).exists():
        free = free_key(key)
        message = f"There is a product {key} already; import it as {free}, say."
        raise DomainError(
            "key_taken", message, errors=[FieldError("/key", "taken", message)], status=409,
            offer=free,
        )  # fmt: skip


def free_key(key: str) -> str:
    """A key like this one that no product has."""
    if not Product.objects.filter(key=key).exists():
        return key
    for number in range(2, 10_000):
        wanted = f"{key[: 10 - len(str(number))]}{number}"
        if not Product.objects.filter(key=wanted).exists():
            return wanted
    return f"P{secrets.token_hex(4).upper()}"


class _Arrival:
    """One import under way."""

    def __init__(
        self,
        archive: archives.Reader,
        facts: Mapping[str, Any],
        key: str,
        name: str,
        people: Mapping[str, User],
        told: Told,
    ) -> None:
        self.archive, self.facts, self.key, self.name = archive, facts, key, name
        self.old_key = str(facts["product"]["key"])
        self.wanted = {email.lower(): user for email, user in people.items()}
        self.told = told
        self.space = uuid4()
        self.tables = product_scope.belongings()
        self.people: dict[int, int] = {}
        self.starts: dict[str, int] = {}
        self.moved: dict[str, str] = {}
        refs = re.escape(self.old_key)
        self._words = re.compile(
            rf"/p/{refs}/(?:([a-z-]+)/(\d{{1,18}})(?=/))?|(?<![\w-]){refs}-(?=\d)"
        )

    @contextmanager
    def files(self) -> Iterator[None]:
        """The files of the archive under keys of the new product; gone where the block raises."""
        written: list[str] = []
        try:
            for kept in self.archive.files():
                with self.archive.opened(kept) as content:
                    key, is_new = stored_files.put(self._key_of(kept.key), content, kept.sha256)
                if is_new:
                    written.append(key)
                self.moved[kept.key] = key
            yield
        except BaseException:
            for key in written:
                stored_files.remove(key)
            raise

    def land(self, owner: User, actor: Actor) -> Product:
        try:
            with transaction.atomic():
                self._find_people()
                self._take_room()
                for belonging in self.tables.values():
                    self._write(belonging)
                connection.check_constraints(
                    [belonging.model._meta.db_table for belonging in self.tables.values()]
                )
                product = Product.objects.get(pk=self.starts["backlog.product"])
                product_scope.settle(product)
                self._index(product)
                self._welcome(product, owner, actor)
        except IntegrityError as error:
            refuse_key(self.key)  # somebody took it meanwhile
            raise _no_product() from error
        except DatabaseError as error:
            raise _no_product() from error
        return product

    def ids(self, label: str, old: Any) -> Any:
        """The key here of a row of the archive; None for what is no row of it."""
        if label == USER:
            return self.people.get(old)
        if label not in self.tables or old is None:
            return None
        root = _root_of(self.tables[label].model)
        pk = root._meta.pk
        if isinstance(pk, models.UUIDField):
            return str(uuid5(self.space, str(old)))
        if isinstance(pk, models.CharField):
            return sha256(f"{self.space}{old}".encode()).hexdigest()
        first, last = self.facts["tables"][root._meta.label_lower]["keys"]
        if isinstance(old, bool) or not isinstance(old, int) or first is None:
            return None
        if not first <= old <= last:
            return None
        return self.starts[root._meta.label_lower] + old - first

    def _find_people(self) -> None:
        """Who here is meant by whom; those whom nobody knows here can't sign in."""
        taken: set[int] = set()
        for line in self.archive.lines(PEOPLE):
            person = _person(line)
            user = self.wanted.get(person.email.lower())
            user = user or User.objects.filter(email__iexact=person.email).first()
            if user is None:
                user = User(email=person.email, name=person.name, is_active=False)
                user.set_unusable_password()
                user.save()
            if user.pk in taken:
                raise DomainError(
                    "people_joined",
                    f"{user.email} can't be two people of the archive; choose somebody else for "
                    f"{person.email}.",
                )
            taken.add(user.pk)
            self.people[person.id] = user.pk

    def _take_room(self) -> None:
        """Keep a block of keys free for each table."""
        for label, belonging in self.tables.items():
            first, last = self.facts["tables"][label]["keys"]
            if first is not None:
                self.starts[label] = _room_for(belonging.model, last - first + 1)

    def _write(self, belonging: Belonging) -> None:
        label, model = belonging.label, belonging.model
        columns = self.facts["tables"][label]["columns"]

        def rewrite(row: Row) -> Row:
            self._rewrite(label, model, row)
            return row

        lines = self.archive.lines(_part_of(label))
        row_copies.write_lines(model, columns, lines, rewrite, from_elsewhere=True)

    def _rewrite(self, label: str, model: type[models.Model], row: Row) -> None:
        key = model._meta.pk
        for each in model._meta.local_concrete_fields:
            name = each.attname
            if each.is_relation:
                target: Any = each.related_model
                row[name] = self.ids(target._meta.label_lower, row[name])
            elif each is key:
                row[name] = self.ids(label, row[name])
            elif name not in AS_IT_IS and not product_scope.keeps_texts(label):
                row[name] = self._renamed(row[name])
        if product_scope.is_shared(label) and row["product_id"] is None:
            row["product_id"] = self.starts["backlog.product"]
            row["slug"] = f"{row['slug'][:60]}-of-installation"
        product_scope.put_right(label, row, self.ids)
        if (file := stored_files.field_of(label)) and row[file]:
            # One whose content the archive lacks is lost, and names no file of somebody else's.
            if row[file] not in self.moved:
                self.moved[row[file]] = self._key_of(row[file])
            row[file] = self.moved[row[file]]
        if model is Product:
            row |= {"key": self.key, "is_demo": False}
            row["name"] = self.name or row["name"]

    def _renamed(self, value: Any) -> Any:
        """Refs and addresses of pages in texts, as they are here."""
        if isinstance(value, str):
            return self._words.sub(self._new_words, value) if self.old_key in value else value
        if isinstance(value, list):
            return [self._renamed(each) for each in value]
        if isinstance(value, dict):
            return {name: self._renamed(each) for name, each in value.items()}
        return value

    def _new_words(self, found: re.Match[str]) -> str:
        noun, old = found.group(1), found.group(2)
        if not found.group().startswith("/p/"):
            return f"{self.key}-"
        if noun is None:
            return f"/p/{self.key}/"
        label = product_scope.model_of_path(noun)
        new = self.ids(label, int(old)) if label else None
        return f"/p/{self.key}/{noun}/{old if new is None else new}"

    def _key_of(self, key: str) -> str:
        path = PurePosixPath(key)
        if path.is_absolute() or ".." in path.parts or len(path.parts) < 3:
            raise DomainError("archive_damaged", f"The archive names a file {key!r}; none can be.")
        folders = [path.parts[0], self.key, *path.parts[2:-1]]
        return "/".join([*folders, f"{uuid4().hex}{path.suffix}"])

    def _index(self, product: Product) -> None:
        ids = Item.objects.filter(product=product).order_by("pk").values_list("pk", flat=True)
        found = list(ids)
        for start in range(0, len(found), INDEXED_AT_ONCE):
            index_items(found[start : start + INDEXED_AT_ONCE])

    def _welcome(self, product: Product, owner: User, actor: Actor) -> None:
        last = product.activities.aggregate(last=Max("seq"))["last"] or 0
        ActivityCounter.objects.update_or_create(product=product, defaults={"seq": last})
        member, is_new = Member.objects.get_or_create(
            product=product, user=owner, defaults={"role": Role.PRODUCT_OWNER}
        )
        if not is_new and member.role != Role.PRODUCT_OWNER:
            member.role = Role.PRODUCT_OWNER
            member.save(update_fields=["role"])
        with deed(product, actor, "product.imported", was=self.old_key, version=str(
            self.facts["product_version"]
        )):  # fmt: skip
            pass


# Out -----------------------------------------------------------------------------------------


def _lines(belonging: Belonging, product: Product, people: set[int]) -> Iterator[str]:
    """The rows of a table. What refers to rows that stay is emptied, or its row stays too."""
    names = row_copies.columns_of(belonging.model)
    ways = _ways_of_links(belonging)
    annotations = {f"way_{number}": F(way) for number, (_, way) in enumerate(ways)}
    of_people = [f.attname for f in product_scope.links_of(belonging.model)
                 if f.related_model is User]  # fmt: skip
    withheld = product_scope.withheld_of(belonging.label)
    stays = [f.attname for f in product_scope.links_of(belonging.model) if _stays(f)]
    rows = belonging.rows_of(product).annotate(**annotations).order_by("pk")
    for values in rows.values_list(*names, *annotations).iterator(
        chunk_size=row_copies.READ_AT_ONCE
    ):
        row: Row = dict(zip(names, values[: len(names)], strict=True))
        for (link, _), at in zip(ways, values[len(names) :], strict=True):
            if row[link] is not None and at != product.pk:
                row[link] = None
        row |= dict.fromkeys(stays) | dict.fromkeys(withheld, "")
        people.update(row[name] for name in of_people if row[name] is not None)
        yield row_copies.as_line([row[name] for name in names])


def _ways_of_links(belonging: Belonging) -> list[tuple[str, str]]:
    """For each key that may be empty, the ways on to the product that its row belongs to."""
    known, found = product_scope.belongings(), []
    for link in product_scope.links_of(belonging.model):
        target = known.get(link.related_model._meta.label_lower)
        if link.null and target is not None and link.related_model is not Product:
            found += [(link.attname, f"{link.name}__{way}") for way in target.ways]
    return found


def _stays(link: Any) -> bool:
    """Whether a key leads to a table that stays where it is."""
    known = product_scope.belongings()
    return link.related_model is not User and link.related_model._meta.label_lower not in known


def _facts_of(belonging: Belonging, product: Product) -> dict[str, Any]:
    model = belonging.model
    keys: list[int | None] = [None, None]
    if isinstance(model._meta.pk, models.AutoField):
        ends = belonging.rows_of(product).aggregate(first=Min("pk"), last=Max("pk"))
        keys = [ends["first"], ends["last"]]
    return {"columns": row_copies.columns_of(model), "keys": keys}


def _people(ids: set[int]) -> Iterator[str]:
    found = User.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "email", "name")
    for values in found:
        yield row_copies.as_line(list(values))


def _add_files(archive: archives.Writer, product: Product, done: Exported, told: Told) -> None:
    for belonging in product_scope.belongings().values():
        for key in stored_files.keys_of(belonging.rows_of(product)):
            with stored_files.content_of(key) as content:
                if content is None:
                    done.lost.append(key)
                    continue
                archive.add_file(key, content)
            done.files += 1
            told(min(0.99, 0.6 + done.files / (done.files + 100) * 0.4), f"{done.files} files")


def _part_of(label: str) -> str:
    return f"rows/{label}.jsonl"


# In ------------------------------------------------------------------------------------------


def _checked(archive: archives.Reader) -> Mapping[str, Any]:
    """What the manifest says, once it is as a product's must be and of this release."""
    facts = archive.manifest
    try:
        version = str(facts["product_version"])
        schemas.refuse_another_release(
            {str(app): [*map(str, names)] for app, names in facts["migrations"].items()}, version
        )
        said = facts["product"]
        fits = isinstance(said["key"], str) and isinstance(said["name"], str)
        fits = fits and re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", said["key"]) is not None
        fits = fits and isinstance(said["items"], int) and isinstance(facts["made_at"], str)
        for label, belonging in product_scope.belongings().items():
            table = facts["tables"][label]
            first, last = table["keys"]
            fits = fits and list(table["columns"]) == row_copies.columns_of(belonging.model)
            fits = fits and (
                first is None or (type(first) is type(last) is int and 0 < first <= last < 2**62)
            )
            fits = fits and (first is None or last - first < MOST_KEYS)
        fits = fits and set(facts["tables"]) == set(product_scope.belongings())
        parts = {PEOPLE, archives.FILES, *map(_part_of, facts["tables"])}
        fits = fits and parts == set(archive.parts)
        fits = fits and archive.parts[_part_of("backlog.product")].lines == 1
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise _no_product()
    return facts


def _person(line: Any) -> Person:
    try:
        pk, email, name = line
    except (TypeError, ValueError):
        raise _no_product() from None
    if not isinstance(pk, int) or not isinstance(email, str) or not isinstance(name, str):
        raise _no_product()
    if "@" not in email or len(email) > 254 or len(name) > 120:
        raise _no_product()
    return Person(pk, email, name)


def _room_for(model: type[models.Model], count: int) -> int:
    """The first of so many keys that nobody else will get."""
    last = model._base_manager.aggregate(last=Max("pk"))["last"] or 0
    if connection.vendor != "postgresql":
        return int(last) + 1  # nobody else writes within this transaction
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        # Two imports at once take one block after the other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"room:{table}"])
        cursor.execute(
            "SELECT setval(s, greatest(nextval(s), %s) + %s) "
            "FROM pg_get_serial_sequence(%s, %s) AS s",
            [last, count + ROOM, connection.ops.quote_name(table), column],
        )
        end = int(cursor.fetchone()[0])
    return end - count + 1


def _root_of(model: type[models.Model]) -> type[models.Model]:
    """The table that gives this one its keys: itself, or the one that it is a part of."""
    found: Any = model
    while found._meta.pk.is_relation:
        found = found._meta.pk.related_model
    root: type[models.Model] = found
    return root


def _no_product() -> DomainError:
    return DomainError(
        "archive_does_not_fit",
        "This archive holds rows that don't make a product of this release. Nothing of it was "
        "imported.",
    )
