"""Nothing leaves for an address that may not be called, however it is written or reached."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import http.server
import ipaddress
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured

from mlscrum import env
from mlscrum.lib import outbound
from mlscrum.lib.addresses import Reach, parse, reach
from mlscrum.lib.errors import DomainError
from mlscrum.lib.outbound import OutboundRefused

Handler = http.server.BaseHTTPRequestHandler
Say = Callable[[Handler], None]


class Site:
    """An HTTP server of a test that remembers what it was asked."""

    def __init__(self, say: Say) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        site = self

        class Answering(Handler):
            def do_GET(self) -> None:  # noqa: N802
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.asked.append((self.command, self.path, headers, self.rfile.read(length)))
                say(self)

            do_POST = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.service = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.service}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Callable[[Say], Site]]:
    sites: list[Site] = []

    def start(say: Say) -> Site:
        sites.append(Site(say))
        return sites[-1]

    yield start
    for one in sites:
        one.close()


def text(body: bytes = b"hello", **headers: str) -> Say:
    def say(handler: Handler) -> None:
        handler.send_response(200)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return say


def redirect(target: str, status: int = 302) -> Say:
    def say(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("location", target)
        handler.send_header("content-length", "0")
        handler.end_headers()

    return say


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Names stand for these addresses, one answer after the other."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port),
            )
            for one in found.split()
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


# Addresses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("93.184.215.14", Reach.PUBLIC),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", Reach.PUBLIC),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.16.0.1", Reach.PRIVATE),
        ("192.168.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("169.254.3.4", Reach.PRIVATE),
        ("192.0.2.1", Reach.PRIVATE),
        ("224.0.0.1", Reach.PRIVATE),
        ("255.255.255.255", Reach.PRIVATE),
        ("fc00::1", Reach.PRIVATE),
        ("fe80::1", Reach.PRIVATE),
        ("ff02::1", Reach.PRIVATE),
        ("fec0::1", Reach.PRIVATE),
        ("127.0.0.1", Reach.LOOPBACK),
        ("127.8.9.10", Reach.LOOPBACK),
        ("0.0.0.0", Reach.LOOPBACK),
        ("0.1.2.3", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("::ffff:0:127.0.0.1", Reach.LOOPBACK),
        ("::127.0.0.1", Reach.LOOPBACK),
        ("64:ff9b::7f00:1", Reach.LOOPBACK),
        ("64:ff9b::a00:1", Reach.PRIVATE),
        ("64:ff9b:1::a00:1", Reach.PRIVATE),
        ("2002:7f00:1::", Reach.LOOPBACK),
        ("2002:a00:1::1", Reach.PRIVATE),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", Reach.LOOPBACK),  # Teredo of 127.0.0.1
        ("169.254.169.254", Reach.METADATA),
        ("::ffff:169.254.169.254", Reach.METADATA),
        ("64:ff9b::a9fe:a9fe", Reach.METADATA),
        ("fd00:ec2::254", Reach.METADATA),
        ("100.100.100.200", Reach.METADATA),
        ("168.63.129.16", Reach.METADATA),
    ],
)
def test_an_address_leads_where_it_truly_leads(address: str, leads_to: Reach) -> None:
    assert reach(ipaddress.ip_address(address)) == leads_to


@pytest.mark.parametrize(
    ("words", "host", "port", "address", "admitted"),
    [
        ([], "db.internal", 80, "10.0.0.1", False),
        ([], "example.org", 80, "93.184.215.14", True),
        (["10.0.0.0/8"], "db.internal", 80, "10.0.0.1", True),
        (["10.0.0.0/8"], "db.internal", 80, "192.168.0.1", False),
        (["10.0.0.0/8"], "db.internal", 80, "::ffff:10.0.0.1", True),
        (["10.0.0.1"], "db.internal", 80, "10.0.0.1", True),
        (["db.internal"], "DB.Internal.", 5432, "10.0.0.1", True),
        (["db.internal"], "other.internal", 5432, "10.0.0.1", False),
        (["db.internal:5432"], "db.internal", 5432, "10.0.0.1", True),
        (["db.internal:5432"], "db.internal", 5433, "10.0.0.1", False),
        (["169.254.0.0/16"], "x", 80, "169.254.3.4", True),
        (["fd00::/8"], "x", 80, "fd12::1", True),
        # Neither networks nor hosts open this machine; a single service does.
        (["0.0.0.0/0"], "x", 80, "127.0.0.1", False),
        (["::/0"], "x", 80, "::1", False),
        (["minio.internal"], "minio.internal", 9000, "127.0.0.1", False),
        (["127.0.0.1:9000"], "localhost", 9000, "127.0.0.1", True),
        (["127.0.0.1:9000"], "localhost", 6379, "127.0.0.1", False),
        (["localhost:9000"], "localhost", 9000, "::1", True),
        (["[::1]:9000"], "localhost", 9000, "::1", True),
        # Nothing opens what hands out credentials.
        (["0.0.0.0/0", "169.254.169.254", "169.254.169.254:80"], "x", 80, "169.254.169.254", False),
        (["metadata.google.internal"], "metadata.google.internal", 80, "169.254.169.254", False),
        (["0.0.0.0/0"], "x", 80, "168.63.129.16", False),
    ],
)
def test_what_may_be_called_beside_public_addresses_is_named(
    words: list[str], host: str, port: int, address: str, *, admitted: bool
) -> None:
    assert parse(words).admits(host, port, ipaddress.ip_address(address)) is admitted


@pytest.mark.parametrize(
    "nonsense",
    [
        "127.0.0.1", "127.0.0.0/8", "0.0.0.0", "::1", "localhost", "app.localhost", "10.0.0.1/8",
        "10.0.0.0/64", "*.internal", "https://minio.internal", "host:", "host:many", ":80", "a b",
    ],
)  # fmt: skip
def test_nonsense_in_the_setting_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, nonsense: str
) -> None:
    monkeypatch.setenv("X", f"10.0.0.0/8, {nonsense}")
    with pytest.raises(ImproperlyConfigured, match="^X: "):
        env.outbound("X")


# Refused before anything is sent -----------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]", "127.0.0.1.", "user:secret@127.0.0.1",
        "①②⑦.0.0.1",
    ],
)  # fmt: skip
def test_this_machine_is_shut_however_its_address_is_written(
    site: Callable[[Say], Site], host: str
) -> None:
    here = site(text())
    with (
        pytest.raises(OutboundRefused, match="OUTBOUND_ALLOW") as refused,
        outbound.open(f"http://{host}:{here.port}/"),
    ):
        pass
    assert "itself" in refused.value.message
    assert "secret" not in refused.value.message
    assert here.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:169.254.169.254]"])
def test_the_metadata_of_clouds_stays_shut(settings: Any, host: str) -> None:
    settings.OUTBOUND_ALLOW = ["169.254.0.0/16", "0.0.0.0/0", "::/0"]
    with pytest.raises(OutboundRefused, match="metadata"), outbound.open(f"http://{host}/latest/"):
        pass


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.0.1", "169.254.1.1", "[fd00::1]"])
def test_private_networks_are_refused_by_a_message_that_names_the_setting(host: str) -> None:
    with pytest.raises(OutboundRefused, match="naming the host or its network in OUTBOUND_ALLOW"):
        outbound.check_url(f"https://{host}/file.csv")


def test_a_name_is_refused_where_any_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "93.184.215.14 10.0.0.7")
    with pytest.raises(OutboundRefused) as refused:
        outbound.checked("two-faced.example", 443)
    assert "10.0.0.7" not in refused.value.message  # nobody maps the network within by asking


def test_the_address_that_was_checked_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolves(monkeypatch, "93.184.215.14", "127.0.0.1")
    called: list[Any] = []

    def create_connection(address: Any, *args: Any) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with (
        pytest.raises(DomainError, match="can't be reached"),
        outbound.open("http://rebinding.example/"),
    ):
        pass
    assert asked == ["rebinding.example"]
    assert called == [("93.184.215.14", 80)]


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org", "ftp://example.org/", "file:///etc/passwd", "http://",
        "http:///x", "http://example.org:0/", "http://example.org:99999/", "http://[::1", "gopher://x",
        "http://example.org\\@127.0.0.1/", "http://a b/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(DomainError) as refused, outbound.open(url):
        pass
    assert refused.value.code == "bad_url"


def test_a_host_that_is_nowhere_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(DomainError, match="no host nowhere.example") as refused:
        outbound.check_url("https://user:secret@nowhere.example/path?token=1")
    assert "secret" not in refused.value.message
    assert "token" not in refused.value.message


# Calls that may be made --------------------------------------------------------------------------


def test_a_named_service_is_called_and_its_answer_read(
    site: Callable[[Say], Site], settings: Any
) -> None:
    here = site(text(b"a,b\n1,2\n", content_type="text/csv"))
    settings.OUTBOUND_ALLOW = [here.service]
    with outbound.open(f"{here.url}/Zürich data.csv?q=a b#part") as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv")
        assert answer.read() == b"a,b\n1,2\n"
    [(method, path, headers, _)] = here.asked
    assert (method, path) == ("GET", "/Z%C3%BCrich%20data.csv?q=a%20b")
    assert headers["host"] == here.service


def test_an_answer_of_any_status_is_an_answer(site: Callable[[Say], Site], settings: Any) -> None:
    here = site(lambda handler: handler.send_error(404))
    settings.OUTBOUND_ALLOW = [here.service]
    with outbound.open(here.url) as answer:
        assert answer.status == 404


def test_what_is_posted_arrives_with_its_credentials(
    site: Callable[[Say], Site], settings: Any
) -> None:
    here = site(text())
    settings.OUTBOUND_ALLOW = [here.service]
    url = here.url.replace("//", "//user:pass%20word@")
    with outbound.open(url, method="POST", body=b"{}", headers={"X-Own": "1"}) as answer:
        assert answer.url == f"{here.url}"
    [(method, _, headers, body)] = here.asked
    assert (method, body, headers["x-own"]) == ("POST", b"{}", "1")
    assert headers["authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="


def test_what_comes_compressed_is_read_as_it_was(
    site: Callable[[Say], Site], settings: Any
) -> None:
    body = b"id,name\n" * 1000
    here = site(text(gzip.compress(body), content_encoding="gzip"))
    settings.OUTBOUND_ALLOW = [here.service]
    with outbound.open(here.url) as answer:
        assert answer.read() == body


# Redirects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/",
        "//10.1.1.1/", "http://0x7f.1/", "http://2852039166/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_checked_anew(
    site: Callable[[Say], Site], settings: Any, target: str, status: int
) -> None:
    here = site(redirect(target, status))
    settings.OUTBOUND_ALLOW = [here.service]
    with pytest.raises(OutboundRefused, match="OUTBOUND_ALLOW") as caught, outbound.open(here.url):
        pass
    assert caught.value.code == "bad_redirect"
    assert len(here.asked) == 1


def test_a_redirect_to_another_port_of_this_machine_is_refused(
    site: Callable[[Say], Site], settings: Any
) -> None:
    inner = site(text(b"inner secrets"))
    outer = site(redirect(f"{inner.url}/"))
    settings.OUTBOUND_ALLOW = [outer.service]
    with pytest.raises(OutboundRefused), outbound.open(outer.url):
        pass
    assert inner.asked == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL"])
def test_a_redirect_stays_within_the_web(
    site: Callable[[Say], Site], settings: Any, target: str
) -> None:
    here = site(redirect(target))
    settings.OUTBOUND_ALLOW = [here.service]
    with pytest.raises(DomainError) as refused, outbound.open(here.url):
        pass
    assert refused.value.code == "bad_url"


def test_redirects_are_followed_to_their_end_and_credentials_stay_behind(
    site: Callable[[Say], Site], settings: Any
) -> None:
    there = site(text(b"found"))
    hops = iter(["/second", f"http://mallory:x@{there.service}/third"])
    here = site(lambda handler: redirect(next(hops))(handler))
    settings.OUTBOUND_ALLOW = [here.service, there.service]
    headers = {"Authorization": "Bearer secret", "X-Api-Key": "secret", "Cookie": "a=b"}
    with outbound.open(f"{here.url}/first", headers=headers) as answer:
        assert answer.read() == b"found"
        assert answer.url == f"{there.url}/third"
    assert [asked[1] for asked in here.asked] == ["/first", "/second"]
    assert all(asked[2]["authorization"] == "Bearer secret" for asked in here.asked)
    assert not {"authorization", "x-api-key", "cookie"} & set(there.asked[0][2])


def test_a_site_that_redirects_for_ever_is_left(site: Callable[[Say], Site], settings: Any) -> None:
    here = site(redirect("/again"))
    settings.OUTBOUND_ALLOW = [here.service]
    with pytest.raises(DomainError) as refused, outbound.open(here.url):
        pass
    assert refused.value.code == "too_many_redirects"
    assert len(here.asked) == 6


def test_what_changes_something_follows_no_redirect(
    site: Callable[[Say], Site], settings: Any
) -> None:
    here = site(redirect("/elsewhere", 307))
    settings.OUTBOUND_ALLOW = [here.service]
    with outbound.open(here.url, method="POST", body=b"{}") as answer:
        assert answer.status == 307
    assert len(here.asked) == 1


# Limits ------------------------------------------------------------------------------------------


def drip(handler: Handler) -> None:
    """A byte now and then, for ever."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65_536)


def slow_headers(handler: Handler) -> None:
    for sign in b"HTTP/1.1 200 OK\r\n" + b"x" * 10_000:
        handler.wfile.write(bytes([sign]))
        time.sleep(0.02)


@pytest.mark.parametrize("say", [drip, slow_headers])
def test_who_drips_is_left_when_the_time_is_up(
    site: Callable[[Say], Site], settings: Any, say: Say
) -> None:
    here = site(say)
    settings.OUTBOUND_ALLOW = [here.service]
    with (
        pytest.raises(DomainError) as refused,
        outbound.open(here.url, timeout_s=0.4) as answer,
    ):
        answer.read()
    assert refused.value.code == "timed_out"


def test_who_says_nothing_is_left_sooner(site: Callable[[Say], Site], settings: Any) -> None:
    here = site(lambda handler: time.sleep(2))
    settings.OUTBOUND_ALLOW = [here.service]
    with pytest.raises(DomainError) as refused, outbound.open(here.url, step_timeout_s=0.2):
        pass
    assert refused.value.code == "timed_out"


@pytest.mark.parametrize(
    "say",
    [
        endless,
        text(b"x" * 2_000),
        text(gzip.compress(b"\0" * 50_000_000), content_encoding="gzip"),
    ],
)
def test_no_more_is_read_than_may_be(site: Callable[[Say], Site], settings: Any, say: Say) -> None:
    here = site(say)
    settings.OUTBOUND_ALLOW = [here.service]
    got = 0
    with pytest.raises(DomainError, match="larger than 1,000 bytes") as refused:  # noqa: SIM117
        with outbound.open(here.url, max_bytes=1_000) as answer:
            for chunk in answer.chunks():
                got += len(chunk)
    assert refused.value.code == "too_large"
    assert got <= 1_000


def test_an_answer_that_breaks_off_is_no_answer(site: Callable[[Say], Site], settings: Any) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")

    here = site(half)
    settings.OUTBOUND_ALLOW = [here.service]
    with pytest.raises(DomainError) as refused, outbound.open(here.url) as answer:
        answer.read()
    assert refused.value.code == "broken_off"


def test_a_certificate_that_nobody_vouches_for_is_refused(settings: Any) -> None:
    with plain_text_server() as port:
        settings.OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(DomainError) as refused, outbound.open(f"https://127.0.0.1:{port}/"):
            pass
    assert refused.value.code in {"bad_certificate", "connection_lost"}


def test_our_certificates_are_checked() -> None:
    assert outbound._tls().verify_mode == ssl.CERT_REQUIRED
    assert outbound._tls().check_hostname


@contextlib.contextmanager
def plain_text_server() -> Iterator[int]:
    """Says something that is no TLS to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 not TLS at all\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


# Libraries that connect by themselves ------------------------------------------------------------


def by_http_client(port: int) -> None:
    with contextlib.closing(
        http.client.HTTPConnection("localhost", port, timeout=20)
    ) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()


def by_requests(port: int) -> None:
    requests.get(f"http://127.0.0.1:{port}/", timeout=20)


def by_botocore(port: int) -> None:
    import boto3
    from botocore.config import Config

    boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}),
    ).list_buckets()


def by_mail(port: int) -> None:
    smtplib.SMTP("127.0.0.1", port, timeout=20)


def by_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", port))


def by_unresolved_name(port: int) -> None:
    with socket.socket() as sock:
        sock.connect(("localhost", port))


LIBRARIES = [by_http_client, by_requests, by_botocore, by_mail, by_datagram, by_unresolved_name]


@pytest.mark.parametrize("connect", LIBRARIES)
def test_what_libraries_connect_to_is_checked_as_they_do(
    site: Callable[[Say], Site], connect: Callable[[int], None]
) -> None:
    here = site(text())
    with pytest.raises(OutboundRefused), outbound.guarded():
        connect(here.port)
    assert here.asked == []


def test_a_refusal_that_a_library_swallows_is_raised_all_the_same(
    site: Callable[[Say], Site],
) -> None:
    here = site(text())
    with pytest.raises(OutboundRefused), outbound.guarded(), contextlib.suppress(Exception):
        by_http_client(here.port)


def test_libraries_call_what_is_named_and_follow_no_redirect_from_there(
    site: Callable[[Say], Site], settings: Any
) -> None:
    inner = site(text())
    here = site(redirect(inner.url))
    settings.OUTBOUND_ALLOW = [f"localhost:{here.port}"]
    with outbound.guarded():
        answer = requests.get(here.url, timeout=20, allow_redirects=False)
    assert answer.status_code == 302
    with pytest.raises(OutboundRefused), outbound.guarded():
        requests.get(here.url, timeout=20)
    assert inner.asked == []


def test_outside_of_the_guard_sockets_are_free(site: Callable[[Say], Site]) -> None:
    here = site(text())
    with outbound.guarded():
        pass
    by_http_client(here.port)
