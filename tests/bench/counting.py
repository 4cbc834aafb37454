"""What a request asked of the database, said in headers that only the bench's settings add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

STATEMENTS = "X-Bench-Statements"
ITEM_ROWS = "X-Bench-Item-Rows"


class Tally:
    """Statements, and rows of items that they changed."""

    def __init__(self) -> None:
        self.statements = self.item_rows = 0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        found = execute(sql, params, many, context)
        self.statements += 1
        if sql.startswith('UPDATE "backlog_item" '):
            self.item_rows += context["cursor"].rowcount
        return found


def count_statements(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Savepoints count, the BEGIN and COMMIT of a transaction don't."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        tally = Tally()
        with connection.execute_wrapper(tally):
            response = get_response(request)
        response[STATEMENTS] = str(tally.statements)
        response[ITEM_ROWS] = str(tally.item_rows)
        return response

    return middleware
