"""Archives of products as values that are the same wherever the product is: rows are told by their
place instead of their keys, people by their addresses, files by their content."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from django.db import models

from backlog.services import product_scope, stored_files

# What an import adds or changes, and says so: nothing else may differ.
ARRIVAL = "product.imported"


def content_of(path: Path) -> dict[str, list[Any]]:
    """The rows of each table of an archive, in their order."""
    with zipfile.ZipFile(path) as packed:
        read = {name: _lines(packed.read(name)) for name in packed.namelist()
                if name.endswith(".jsonl")}  # fmt: skip
        manifest = json.loads(packed.read("manifest.json"))
    return _Archive(manifest, read).content()


def _lines(part: bytes) -> list[Any]:
    return [json.loads(line) for line in part.splitlines()]


class _Archive:
    def __init__(self, manifest: dict[str, Any], parts: dict[str, list[Any]]) -> None:
        self.tables, self.parts = manifest["tables"], parts
        self.key = manifest["product"]["key"]
        self.people = {pk: email for pk, email, _ in parts["people.jsonl"]}
        self.sums = {file["key"]: file["sha256"] for file in parts["files.jsonl"]}
        self.places = {
            label: {row[table["columns"].index(self._pk(label).attname)]: place
                    for place, row in enumerate(parts[f"rows/{label}.jsonl"])}
            for label, table in self.tables.items()
        }  # fmt: skip

    def content(self) -> dict[str, list[Any]]:
        return {label: self._rows(label) for label in self.tables} | {
            "files": sorted(self.sums.values()),
            "people": sorted(self.parts["people.jsonl"], key=lambda person: str(person[1])),
        }

    def ids(self, label: str, old: Any) -> Any:
        if old is None:
            return None
        if label == "backlog.user":
            return self.people[old]
        if label not in self.places:
            return None
        # A key of a row that is gone: no row of the archive, here or there.
        return self.places[label].get(old, "gone")

    def _rows(self, label: str) -> list[Any]:
        columns = self.tables[label]["columns"]
        model = product_scope.belongings()[label].model
        rows = [self._row(label, model, dict(zip(columns, row, strict=True)))
                for row in self.parts[f"rows/{label}.jsonl"]]  # fmt: skip
        by_chance = not isinstance(_root(model), models.AutoField)  # their order is that of keys
        return sorted(rows, key=repr) if by_chance else rows

    def _row(self, label: str, model: type[models.Model], row: dict[str, Any]) -> dict[str, Any]:
        by_chance = not isinstance(_root(model), models.AutoField)
        for field in model._meta.local_concrete_fields:
            name = field.attname
            if field.is_relation:
                other: Any = field.related_model
                target = other._meta.label_lower
                is_drawn = not isinstance(_root(other), models.AutoField)
                row[name] = bool(row[name]) if is_drawn else self.ids(target, row[name])
            elif field.primary_key:
                row[name] = None if by_chance else self.ids(label, row[name])
            else:
                row[name] = self._texts(row[name])
        product_scope.put_right(label, row, self.ids)
        if (file := stored_files.field_of(label)) and row[file]:
            row[file] = self.sums[row[file]]
        return row

    def _texts(self, value: Any) -> Any:
        if isinstance(value, str):
            text = re.sub(rf"/p/{self.key}/([a-z-]+)/(\d+)/", self._address, value)
            return re.sub(rf"(?<![\w-]){self.key}-(?=\d)", "KEY-", text.replace(
                f"/p/{self.key}/", "/p/KEY/"))  # fmt: skip
        if isinstance(value, list):
            return [self._texts(each) for each in value]
        if isinstance(value, dict):
            return {name: self._texts(each) for name, each in value.items()}
        return value

    def _address(self, found: re.Match[str]) -> str:
        label = product_scope.model_of_path(found.group(1))
        place = self.ids(label, int(found.group(2))) if label else found.group(2)
        return f"/p/KEY/{found.group(1)}/{place}/"

    def _pk(self, label: str) -> Any:
        return product_scope.belongings()[label].model._meta.pk


def _root(model: type[models.Model]) -> Any:
    pk: Any = model._meta.pk
    while pk.is_relation:
        pk = pk.related_model._meta.pk
    return pk


def differences(there: dict[str, list[Any]], here: dict[str, list[Any]]) -> dict[str, Any]:
    """Where two products differ, but for what says that one is an import of the other."""
    found = {}
    for label in there:
        one, other = _settled(label, there[label]), _settled(label, here[label])
        if one != other:
            found[label] = next(
                (pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]),
                f"{len(one)} rows, {len(other)} rows",
            )
    return found


def _settled(label: str, rows: list[Any]) -> list[Any]:
    if label == "backlog.product":
        return [row | {"key": "", "is_demo": False} for row in rows]
    if label == "backlog.activity":
        return [row for row in rows if row["kind"] != ARRIVAL]
    if label == "backlog.activitycounter":
        return []  # it counts the import too
    return rows
