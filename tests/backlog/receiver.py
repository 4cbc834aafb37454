"""A receiver of webhooks as others write one: it verifies with the Standard Webhooks library.

    python tests/backlog/receiver.py PORT FILE

As a program it appends each message to a file, a line of JSON; what a file beside it named
`answers` says is the status of the next answers: `500`, `slow`, `307`, or `200` for all others.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook


class Receiver(http.server.ThreadingHTTPServer):
    """What was received, with its headers in lower case, and what will be answered."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.slow_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """The messages, each verified; raises where one is not ours."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.heard]

    def note(self, headers: dict[str, str], body: bytes) -> None:
        self.heard.append((headers, body))

    def answer(self) -> tuple[int, dict[str, str]]:
        return self.answers.pop(0) if self.answers else (204, {})


class Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:  # noqa: N802  named by http.server
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.note({name.lower(): value for name, value in self.headers.items()}, body)
        time.sleep(self.server.slow_s)
        status, headers = self.server.answer()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class Program(Receiver):
    """A receiver in a process of its own, which a test may kill."""

    def __init__(self, port: int, file: Path) -> None:
        super().__init__(port)
        self.file = file

    def note(self, headers: dict[str, str], body: bytes) -> None:
        with self.file.open("a") as lines:
            lines.write(json.dumps({"headers": headers, "body": body.decode()}) + "\n")

    def answer(self) -> tuple[int, dict[str, str]]:
        said = self.file.with_name("answers")
        word = said.read_text().strip() if said.exists() else "200"
        if word == "slow":
            time.sleep(20)
        return (int(word) if word.isdigit() else 200), {"location": "http://127.0.0.1:9/"}


if __name__ == "__main__":
    Program(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
