"""Tables that a dbt project makes or reads, as its manifest.json lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TABLES = frozenset({"model", "seed", "snapshot", "source"})


@dataclass(frozen=True)
class Relation:
    """A table of a dbt project, with what the project says of it."""

    schema: str
    table: str
    kind: str
    description: str


def relations_of(manifest: Any) -> list[Relation]:
    """The tables and views of a manifest, by schema and name; nothing for what is no manifest."""
    if not isinstance(manifest, Mapping):
        return []
    found: dict[tuple[str, str], Relation] = {}
    for group in ("nodes", "sources"):
        nodes = manifest.get(group)
        for node in nodes.values() if isinstance(nodes, Mapping) else ():
            relation = _relation(node)
            if relation is not None:
                found.setdefault((relation.schema, relation.table), relation)
    return [found[key] for key in sorted(found)]


def _relation(node: Any) -> Relation | None:
    if not isinstance(node, Mapping) or node.get("resource_type") not in TABLES:
        return None
    config = node.get("config")
    if isinstance(config, Mapping) and config.get("materialized") == "ephemeral":
        return None  # it is no table of the database
    name = node.get("identifier") or node.get("alias") or node.get("name")
    if not isinstance(name, str) or not name or len(name) > 250:
        return None
    schema = node.get("schema")
    description = node.get("description")
    return Relation(
        schema=schema if isinstance(schema, str) else "",
        table=name,
        kind=str(node["resource_type"]),
        description=description[:2_000] if isinstance(description, str) else "",
    )
