"""Register the connections and datasets that a file in git declares."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework import serializers

from backlog.models import Actor, Product, User
from dataquality.serializers.connections import NewConnectionSerializer
from dataquality.serializers.datasets import DatasetEditSerializer, SourceSerializer
from dataquality.services.declarations import Declared, declare_connection, declare_dataset
from mlscrum.lib.errors import DomainError

VARIABLE = re.compile(r"\$\{(\w+)\}")
TOP = {"product", "connections", "datasets"}
MEGABYTE = 1024 * 1024
Place = tuple[str | int, ...]


class ConnectionDeclaration(NewConnectionSerializer):
    """A connection as the file declares it."""

    slug = serializers.SlugField(max_length=80)
    shared_with = serializers.ListField(
        child=serializers.SlugRelatedField("key", queryset=Product.objects.all()),
        required=False,
        allow_empty=False,
    )


class DatasetDeclaration(DatasetEditSerializer):
    """A dataset as the file declares it."""

    slug = serializers.SlugField(max_length=80)
    source = SourceSerializer()  # type: ignore[assignment]  # a field of this name, as REST has it

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "personal_data" not in self.initial_data:
            attrs.pop("personal_data", None)  # yes for a new one, and left alone where it is there
        return attrs


class Command(BaseCommand):
    help = (
        "Makes and changes the connections and datasets that a YAML file declares; run again, it "
        "changes nothing that is as declared. See docs/registerdatasets.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--product", help="the key, instead of the one in the file")
        parser.add_argument("--as", dest="email", help="in the name of this member, by e-mail")
        parser.add_argument("--check", action="store_true", help="reads the file and does nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        declared = Declarations(options["file"])
        product = self._product(declared, options["product"])
        actor = self._actor(product, options["email"])
        connections = list(declared.read("connections", ConnectionDeclaration, product))
        datasets = list(declared.read("datasets", DatasetDeclaration, product))
        declared.raise_faults()
        if options["check"]:
            self.stdout.write(
                f"{len(connections)} connections and {len(datasets)} datasets can be read."
            )
            return
        for noun, entries, declare in (
            ("connection", connections, declare_connection),
            ("dataset", datasets, declare_dataset),
        ):
            for place, fields in entries:
                try:
                    self._say(noun, declare(product, fields, actor=actor))
                except DomainError as error:
                    declared.fault(place, f"{fields['slug']}: {error.message}")
                except ValidationError as error:
                    declared.fault(place, f"{fields['slug']}: {' '.join(error.messages)}")
        declared.raise_faults()

    def _say(self, noun: str, done: Declared) -> None:
        problem = f", but {done.problem}" if done.problem else ""
        self.stdout.write(f"{noun} {done.slug}: {done.outcome}{problem}")

    def _product(self, declared: Declarations, key: str | None) -> Product:
        wanted = key or declared.text("product")
        product = Product.objects.filter(key=wanted.upper()).first() if wanted else None
        if product is None:
            raise CommandError(
                f"There is no product {wanted}." if wanted else "Name the product by its key."
            )
        return product

    def _actor(self, product: Product, email: str | None) -> Actor:
        if email is None:
            return Actor.system()
        user = User.objects.filter(memberships__product=product, email__iexact=email).first()
        if user is None:
            raise CommandError(f"{email} is no member of {product.key}.")
        return Actor.person(user)


class Declarations:
    """The file with the line of everything in it, and what is wrong with it so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.faults: list[str] = []
        try:
            if file.stat().st_size > MEGABYTE:
                raise CommandError(f"{file} is larger than 1 MB.")
            root = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
        except OSError:
            raise CommandError(f"{file} can't be read.") from None
        except UnicodeDecodeError:
            raise CommandError(f"{file} is not written in UTF-8.") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise CommandError(f"{file}:{line}: This is no YAML: {error.problem}.") from None
        except yaml.YAMLError:
            raise CommandError(f"{file} is no YAML.") from None
        self.content = self._value(root, ()) if root is not None else {}
        if not isinstance(self.content, dict):
            raise CommandError(f"{file}:1: Write product, connections and datasets.")
        for name in sorted(set(self.content) - TOP):
            self.fault((name,), f"There is no {name} here; write product, connections, datasets.")

    def text(self, name: str) -> str:
        value = self.content.get(name)
        return value if isinstance(value, str) else ""

    def read(
        self, name: str, serializer: type[serializers.Serializer[Any]], product: Product
    ) -> Iterator[tuple[Place, dict[str, Any]]]:
        """The declarations under a name that can be read, each with its place."""
        entries = self.content.get(name) or []
        if not isinstance(entries, list):
            self.fault((name,), f"{name} is a list.")
            return
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            place: Place = (name, number)
            read = serializer(data=entry, context={"product": product})
            if not read.is_valid():
                self._refuse(place, read.errors)
                continue
            slug = str(read.validated_data["slug"])
            if slug in seen:
                self.fault((*place, "slug"), f"{slug} stands here twice.")
            seen.add(slug)
            yield place, dict(read.validated_data)

    def fault(self, place: Place, message: str) -> None:
        """Something is wrong at this place, or at what it stands in."""
        while place not in self.lines and place:
            place = place[:-1]
        self.faults.append(f"{self.file}:{self.lines.get(place, 1)}: {message}")

    def raise_faults(self) -> None:
        if self.faults:
            raise CommandError("\n".join(self.faults))

    def _refuse(self, place: Place, errors: Any) -> None:
        if not isinstance(errors, Mapping):
            for error in errors:
                self.fault(place, f"{place[-1]}: {error}" if len(place) > 2 else str(error))
            return
        for name, inner in errors.items():
            self._refuse(place if name == "non_field_errors" else (*place, name), inner)

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in found:
                    self.lines[(*place, key)] = key_node.start_mark.line + 1
                    self.fault((*place, key), f"{key} stands here twice.")
                found[key] = self._value(value_node, (*place, key))
                self.lines[(*place, key)] = key_node.start_mark.line + 1
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self._value(one, (*place, at)) for at, one in enumerate(node.value)]
        value = yaml.SafeLoader("").construct_object(node)
        return (
            VARIABLE.sub(lambda found: self._variable(found[1], place), value)
            if isinstance(value, str)
            else value
        )

    def _variable(self, name: str, place: Place) -> str:
        if name not in os.environ:
            self.fault(place, f"{name} is not set in the environment.")
        return os.environ.get(name, "")
