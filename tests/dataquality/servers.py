"""Servers on loopback for tests of sources: one of the web, and an S3-compatible store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3

Web = dict[str, Any]
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


class Answers(BaseHTTPRequestHandler):
    """Answers what the test has put under a path, or under a method and a path: a body, a redirect
    or a status; with `headers` beside it. `asked` is what came in, with its method."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def do_HEAD(self) -> None:
        if self.server.pages.get("knows_head", True):
            self._answer(has_body=False)
        else:
            self.send_error(501)

    def _answer(self, *, has_body: bool) -> None:
        pages: Web = self.server.pages
        pages.setdefault("asked", []).append((self.path, self.headers.get("Authorization")))
        pages.setdefault("methods", []).append(self.command)
        path = self.path.partition("?")[0]
        found: Any = pages.get(f"{self.command} {path}", pages.get(path, 404))
        if isinstance(found, int):
            self.send_error(found)
            return
        is_redirect = found.startswith("-> ")
        self.send_response(302 if is_redirect else 200)
        if is_redirect:
            self.send_header("Location", found.removeprefix("-> "))
        else:
            self.send_header("Content-Type", pages.get("type", "text/plain"))
        for name, value in pages.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        if has_body and not is_redirect:
            self.wfile.write(found.encode())

    def log_message(self, *args: Any) -> None: ...


@contextmanager
def web_server() -> Iterator[Web]:
    """A web server and what it answers, by path; `home` is its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    pages: Web = {"home": f"http://127.0.0.1:{server.server_port}"}
    server.pages = pages
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def object_store(port: int = 0) -> Iterator[str]:
    """An S3-compatible store: its endpoint."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  it takes a second

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", port)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def bucket_in(endpoint: str, name: str) -> Iterator[Any]:
    """A client of the store with an empty bucket of this name, which is gone afterwards."""
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **KEYS)
    client.create_bucket(Bucket=name)
    try:
        yield client
    finally:
        for one in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=one["Key"])
        client.delete_bucket(Bucket=name)
