"""What schemathesis asks us before each request: paths lead to what is there, and nothing waits.

It imports this module by SCHEMATHESIS_HOOKS; FUZZ_VALUES holds the arguments of paths as JSON.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from typing import Any

import schemathesis

VALUES: dict[str, Any] = json.loads(os.environ.get("FUZZ_VALUES", "{}"))
LEFT_AS_MADE = 8  # one of so many arguments stays as it was generated
WAITS = ("wait",)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put what is there into the path, and let no request wait for a run or an endless stream."""
    for name, made in (case.path_parameters or {}).items():
        known = value_of(case.operation.path, name, is_last=case.method.upper() == "DELETE")
        if known is not None and zlib.crc32(repr(made).encode()) % LEFT_AS_MADE:
            case.path_parameters[name] = known
    if "/cards/" in case.operation.path and isinstance(case.body, dict) and "card" in case.body:
        case.body["card"] = VALUES["card"]
    for part in (case.query, case.body):
        if isinstance(part, dict):
            for name in WAITS:
                if name in part and isinstance(part[name], int | float):
                    part[name] = 0
    if case.operation.path.endswith("/events/"):
        case.query = {**(case.query or {}), "format": "json"}


def value_of(path: str, name: str, *, is_last: bool) -> Any:
    """A value of the argument; what is taken away (`is_last`) is one that nobody else uses."""
    before = re.sub(r"\{[^}]*\}/?", "", path.partition(f"{{{name}}}")[0]).rstrip("/")
    noun = before.rpartition("/")[2]
    if noun == "ceremonies":
        for part, ceremony in VALUES["ceremonies"].items():
            if f"/{part}/" in path:
                return ceremony
    if is_last and path.endswith(f"{{{name}}}/"):
        return VALUES["last"].get(noun, VALUES["last"].get(name))
    return VALUES["by_noun"].get(noun) if name.endswith("id") else VALUES["by_name"].get(name)
