"""The one guard of outgoing connections: nothing here calls an address that may not be called.

    with outbound.open(url, max_bytes=…) as answer:      # HTTP and HTTPS
        if answer.status == 200:
            for chunk in answer.chunks():
                …

    with outbound.guarded():                             # libraries that connect by themselves
        boto3.client("s3", …).download_fileobj(…)

    address = outbound.checked(host, port)[0]            # drivers that take an address of their own

Public addresses may be called, and what OUTBOUND_ALLOW names; see `addresses`. Every address that
a name stands for is checked, and the connection goes to a checked address, so that a name which
changes its mind in between gains nothing. What is raised is DomainError, and its message names
the host alone: addresses of the network within, paths and credentials stay out.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import ipaddress
import socket
import ssl
import sys
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from django.conf import settings

from mlscrum.lib.addresses import Allowed, IPAddress, Reach, normal, parse, reach
from mlscrum.lib.errors import DomainError

SCHEMES = {"http": 80, "https": 443}
CHUNK_BYTES = 256 * 1024
MAX_BYTES = 10 * 1024 * 1024
STEP_TIMEOUT_S = 10.0  # to connect, and between two bytes
TIMEOUT_S = 30.0  # all together
MAX_REDIRECTS = 5
BECOMES_GET = frozenset({301, 302, 303})
REDIRECTS = BECOMES_GET | {307, 308}
# What goes along to another origin; everything else may hold credentials.
HARMLESS = frozenset({"accept", "accept-language", "user-agent", "range", "if-none-match"})
SAFE_IN_URLS = "%/:=&?~#+!$,;'@()*[]"


class OutboundRefused(DomainError):
    """The address may not be called; the message says which setting decides."""


def open(  # noqa: A001  read as `outbound.open`
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = TIMEOUT_S,
    step_timeout_s: float = STEP_TIMEOUT_S,
    max_redirects: int | None = None,
) -> contextlib.AbstractContextManager[Answer]:
    """Call a URL; the answer's body is read while the context is open.

    Redirects are followed by hand, each checked anew, at most five for GET and HEAD and none for
    whatever changes something; credentials stay with their origin, and HTTPS never becomes HTTP.
    An answer of any status is an answer. Raises DomainError: `outbound_refused`, `bad_url`,
    `unknown_host`, `cannot_connect`, `bad_certificate`, `timed_out`, `connection_lost`,
    `too_many_redirects`, `bad_redirect` for all that befalls a redirect on its way to another
    origin, and while reading `broken_off` and `too_large`.
    """
    follows = MAX_REDIRECTS if method in {"GET", "HEAD"} else 0
    call = _Call(
        method=method,
        headers={name.lower(): value for name, value in (headers or {}).items()},
        body=body,
        max_bytes=max_bytes,
        deadline=_Deadline(timeout_s),
        step_timeout_s=step_timeout_s,
        redirects_left=follows if max_redirects is None else max_redirects,
    )
    return call.opened(url)


def checked(host: str, port: int) -> list[str]:
    """The addresses of a host, each of which may be called on that port.

    Raises OutboundRefused where any of them may not, and DomainError where there is none.
    """
    addresses = _resolved(host, port)
    for address in addresses:
        _require(host, port, address)
    return [str(address) for address in addresses]


def check_url(url: str) -> None:
    """Raise what `open` would raise before it connects."""
    parts = _parts(url)
    checked(parts.hostname or "", _port(parts))


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within, every connection of this thread is checked as it is made, whichever library makes
    it; connections of our own (to Redis, say) have to be made outside.

    What is refused looks to the library like a failed connection, which it may wrap, try again or
    swallow; on leaving, OutboundRefused is raised in its place. Threads that a library starts by
    itself are not covered, nor are drivers in C such as libpq: hand those what `checked` gives.
    """
    _install_hook()
    watch = _Watch()
    token = _watching.set(watch)
    try:
        yield
    finally:
        _watching.reset(token)
        if watch.refused is not None:
            raise watch.refused


# Addresses ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _parsed(words: tuple[str, ...]) -> Allowed:
    return parse(words)


def _allowed() -> Allowed:
    return _parsed(tuple(settings.OUTBOUND_ALLOW))


def _resolved(host: str, port: int) -> list[IPAddress]:
    """What the host stands for, also where it is a number: 2130706433, 0x7f.1 and 0177.0.0.1 are
    addresses to the resolver, and so they are here."""
    name = normal(host)
    if not name or len(name) > 253 or any(ord(sign) < 33 for sign in name):
        raise DomainError("bad_url", "This address names no host.")
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DomainError(
            "unknown_host", f"There is no host {_shown(name)}; check the address."
        ) from None
    return list(dict.fromkeys(_address(str(info[4][0])) for info in found))


def _address(text: str) -> IPAddress:
    return ipaddress.ip_address(text.partition("%")[0])  # without the zone of a link-local one


def _require(host: str, port: int, address: IPAddress) -> None:
    if _allowed().admits(host, port, address):
        return
    raise _refusal(host, port, address)


def _refusal(host: str, port: int, address: IPAddress) -> OutboundRefused:
    where = _shown(normal(host))
    match reach(address):
        case Reach.METADATA:
            text = (
                f"{where} leads to the metadata service of a cloud, which hands out credentials; "
                "that stays shut, whatever OUTBOUND_ALLOW names."
            )
        case Reach.LOOPBACK:
            text = (
                f"{where} leads to the server of ML Scrum itself, which stays shut; only a "
                f"single service there can be named in OUTBOUND_ALLOW, as {where}:{port}."
            )
        case _:
            text = (
                f"{where} leads to a private network; an administrator can open it by naming the "
                "host or its network in OUTBOUND_ALLOW."
            )
    return OutboundRefused("outbound_refused", text)


def _shown(host: str) -> str:
    return host if len(host) <= 80 else f"{host[:80]}…"


# Libraries that connect by themselves ------------------------------------------------------------


@dataclass
class _Watch:
    refused: OutboundRefused | None = None


_watching: ContextVar[_Watch | None] = ContextVar("outbound_watch", default=None)
_hook_lock = threading.Lock()
_hooked = False


def _install_hook() -> None:
    """Python tells its audit hooks the very address that a socket is about to call."""
    global _hooked  # noqa: PLW0603  hooks can't be taken out again, so there must be only one
    with _hook_lock:
        if not _hooked:
            sys.addaudithook(_on_event)
            _hooked = True


def _on_event(event: str, args: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        return
    watch = _watching.get()
    if watch is None:
        return
    refusal = _refusal_of_socket(args[0], args[-1])
    if refusal is not None:
        watch.refused = refusal
        # Libraries close their socket after an OSError, and after hardly anything else.
        raise PermissionError(errno.EACCES, refusal.message)


def _refusal_of_socket(sock: Any, address: Any) -> OutboundRefused | None:
    if address is None:  # a message on a socket that is connected already
        return None
    family = getattr(sock, "family", None)
    if family not in {socket.AF_INET, socket.AF_INET6} or not isinstance(address, tuple):
        return OutboundRefused(
            "outbound_refused", "Only connections over the internet are made here."
        )
    host, port = str(address[0]), int(address[1])
    try:
        found = _address(host)
    except ValueError:  # the socket would resolve it after this check
        return OutboundRefused(
            "outbound_refused", f"{_shown(host)} was not resolved before the connection."
        )
    if _allowed().admits(host, port, found) or _is_named(found, port):
        return None
    return _refusal(host, port, found)


def _is_named(address: IPAddress, port: int) -> bool:
    """Whether a name that OUTBOUND_ALLOW lists stands for this address: the name is gone here."""
    allowed = _allowed()
    names = {*((host, port) for host in allowed.hosts), *allowed.services}
    for host, of_port in names:
        if of_port != port:
            continue
        with contextlib.suppress(DomainError):
            if address in _resolved(host, port) and allowed.admits(host, port, address):
                return True
    return False


# HTTP --------------------------------------------------------------------------------------------


class _Deadline:
    """Shuts the socket when the time is up, however slowly the other side drips."""

    def __init__(self, timeout_s: float) -> None:
        self.ends_at = time.monotonic() + timeout_s
        self.passed = False
        self.sock: socket.socket | None = None
        self.lock = threading.Lock()
        self.timer = threading.Timer(timeout_s, self._shut)
        self.timer.daemon = True

    def left_s(self) -> float:
        return max(0.001, self.ends_at - time.monotonic())

    def watch(self, sock: socket.socket | None) -> None:
        with self.lock:
            self.sock = sock
            if self.passed:
                self._shut_socket()

    def _shut(self) -> None:
        with self.lock:
            self.passed = True
            self._shut_socket()

    def _shut_socket(self) -> None:
        if self.sock is not None:
            with contextlib.suppress(OSError):
                # Not of SSLSocket, which would unwrap and leave the reader waiting.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


@dataclass
class Answer:
    """What was answered. `url` is where the last redirect led, `is_elsewhere` whether one led to
    another origin; `headers` are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    is_elsewhere: bool
    _response: http.client.HTTPResponse = field(repr=False)
    _call: _Call = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """The body, decompressed where it came so. Raises DomainError `too_large` as soon as it
        is longer than `max_bytes`."""
        return self._call.chunks(self._response)

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())


@dataclass
class _Call:
    method: str
    headers: dict[str, str]
    body: bytes | None
    max_bytes: int
    deadline: _Deadline
    step_timeout_s: float
    redirects_left: int
    host: str = ""
    is_elsewhere: bool = False  # a redirect has led to another origin

    @contextlib.contextmanager
    def opened(self, url: str) -> Iterator[Answer]:
        self.deadline.timer.start()
        try:
            with contextlib.ExitStack() as stack:
                while True:
                    here = contextlib.ExitStack()
                    with here:
                        parts = self._with_credentials(_parts(url))
                        response = self._welcomed(parts, here)
                        target = self._target(parts, response)
                        if target is None:
                            stack.enter_context(here.pop_all())
                            break
                    url = target
                yield Answer(
                    status=response.status,
                    url=urlunsplit(parts),
                    headers={name.lower(): value for name, value in response.getheaders()},
                    is_elsewhere=self.is_elsewhere,
                    _response=response,
                    _call=self,
                )
        finally:
            self.deadline.timer.cancel()

    def chunks(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        declared = response.getheader("content-length") or ""
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise self._too_large()
        size = 0
        try:
            for chunk in _decoded(response):
                size += len(chunk)
                if size > self.max_bytes:
                    raise self._too_large()
                yield chunk
        except (OSError, http.client.HTTPException, zlib.error) as error:
            raise self._explained(error, lost="broken_off") from None
        if self.deadline.passed:
            raise self._timed_out()

    def _with_credentials(self, parts: SplitResult) -> SplitResult:
        """The URL without a user in it, who goes into a header where credentials belong."""
        self.host = parts.hostname or ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return parts._replace(netloc=parts.netloc.rpartition("@")[2])

    def _welcomed(
        self, parts: SplitResult, stack: contextlib.ExitStack
    ) -> http.client.HTTPResponse:
        try:
            return self._answered(parts, stack)
        except DomainError as error:
            if self.is_elsewhere:
                error.code = "bad_redirect"
            raise

    def _answered(
        self, parts: SplitResult, stack: contextlib.ExitStack
    ) -> http.client.HTTPResponse:
        port = _port(parts)
        addresses = checked(self.host, port)
        connection = _connection(parts.scheme, self.host, port)
        stack.callback(connection.close)
        path = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=SAFE_IN_URLS)
        try:
            self._connect(connection, addresses, port)
            connection.request(
                self.method,
                path,
                body=self.body,
                headers={
                    "user-agent": "ML-Scrum",
                    "accept": "*/*",
                    "accept-encoding": "identity",
                    "connection": "close",
                    **self.headers,
                },
            )
            return stack.enter_context(connection.getresponse())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._explained(error) from None

    def _connect(
        self, connection: http.client.HTTPConnection, addresses: list[str], port: int
    ) -> None:
        """Connect to the first checked address that answers."""
        last: OSError | None = None
        for address in addresses:
            try:
                timeout_s = min(self.step_timeout_s, self.deadline.left_s())
                sock = socket.create_connection((address, port), timeout_s)
            except OSError as error:
                last = error
                continue
            connection.sock = sock
            self.deadline.watch(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if isinstance(connection, http.client.HTTPSConnection):
                secure = _tls().wrap_socket(
                    sock, server_hostname=self.host, do_handshake_on_connect=False
                )
                connection.sock = secure
                self.deadline.watch(secure)
                secure.do_handshake()
            return
        raise last or OSError("no address")

    def _target(self, parts: SplitResult, response: http.client.HTTPResponse) -> str | None:
        """Where a redirect leads, with this call made ready to go there; None without one."""
        location = response.getheader("location")
        if response.status not in REDIRECTS or not location:
            return None
        if self.redirects_left == 0:
            if self.method not in {"GET", "HEAD"}:
                return None
            raise DomainError(
                "too_many_redirects", f"{_shown(self.host)} redirects too often; use its target."
            )
        self.redirects_left -= 1
        url = urljoin(urlunsplit(parts), location)
        target = _parts(url)
        if parts.scheme == "https" and target.scheme == "http":
            raise OutboundRefused(
                "bad_redirect", f"{_shown(self.host)} redirects from HTTPS to plain HTTP."
            )
        if _origin(target) != _origin(parts):
            self.is_elsewhere = True
            self.headers = {name: value for name, value in self.headers.items() if name in HARMLESS}
        if response.status in BECOMES_GET and self.method not in {"GET", "HEAD"}:
            self.method, self.body = "GET", None
            self.headers.pop("content-type", None)
        return urlunsplit(target._replace(netloc=target.netloc.rpartition("@")[2]))

    def _explained(self, error: Exception, *, lost: str = "connection_lost") -> DomainError:
        where = _shown(self.host)
        if isinstance(error, TimeoutError) or self.deadline.passed:
            return self._timed_out()
        if isinstance(error, ssl.SSLError):
            return DomainError(
                "bad_certificate",
                f"{where} shows no valid certificate; mend it there, or use another address.",
            )
        if isinstance(error, http.client.HTTPException | zlib.error | ConnectionResetError):
            return DomainError(lost, f"{where} broke off its answer; try again.")
        if isinstance(error, ValueError):
            return DomainError("bad_url", f"The address or a header for {where} is malformed.")
        return DomainError(
            "cannot_connect", f"{where} can't be reached; check the address and that it is up."
        )

    def _timed_out(self) -> DomainError:
        return DomainError("timed_out", f"{_shown(self.host)} did not answer in time.")

    def _too_large(self) -> DomainError:
        size = f"{self.max_bytes / 1024 / 1024:,.0f} MB"
        if self.max_bytes < 1024 * 1024:
            size = f"{self.max_bytes:,} bytes"
        return DomainError("too_large", f"What {_shown(self.host)} sends is larger than {size}.")


class _Checked(http.client.HTTPConnection):
    """Never connects by itself: its socket is given."""

    def connect(self) -> None:
        raise http.client.NotConnected


class _CheckedTls(http.client.HTTPSConnection):
    def connect(self) -> None:
        raise http.client.NotConnected


def _connection(scheme: str, host: str, port: int) -> http.client.HTTPConnection:
    return _CheckedTls(host, port) if scheme == "https" else _Checked(host, port)


def _decoded(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body, gzip and deflate undone a piece at a time."""
    encoding = (response.getheader("content-encoding") or "identity").lower()
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        yield from _received(response)
        return
    undo = zlib.decompressobj(32 + zlib.MAX_WBITS)  # whichever of both its header says
    for received in _received(response):
        rest = received
        while rest:
            yield undo.decompress(rest, CHUNK_BYTES)
            rest = undo.unconsumed_tail
    yield undo.flush()


def _received(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """What arrives, as soon as it does; raises IncompleteRead where it ends before its time."""
    missing = response.length  # which Python 3.11 does not count down while it reads
    while missing is None or missing > 0:
        received = response.read1(CHUNK_BYTES)
        if not received:
            break
        if missing is not None:
            missing -= len(received)
        yield received
    if missing is not None and missing > 0:
        raise http.client.IncompleteRead(b"", missing)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _parts(url: str) -> SplitResult:
    """A URL taken apart; raises DomainError unless it is http or https with a host."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in SCHEMES or not parts.hostname or port == 0 or "\\" in parts.netloc:
        raise DomainError("bad_url", "Send an address that begins with https:// or http://.")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or SCHEMES[parts.scheme]


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, normal(parts.hostname or ""), _port(parts)
