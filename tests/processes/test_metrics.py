"""Several web processes count as one, and what a dead one counted stays counted."""

from __future__ import annotations

import socket
import urllib.request
from urllib.error import URLError

from tests.processes.conftest import House, until


def test_whichever_process_is_asked_answers_for_all(house: House) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    house.env |= {"WEB_PROCESSES": "2", "METRICS_TOKEN": "5550199"}

    def get(path: str) -> str:
        request = urllib.request.Request(  # noqa: S310  ours
            f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer 5550199"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  ours
            return str(answer.read().decode())

    def answers() -> bool:
        try:
            return bool(get("/healthz"))
        except (URLError, ConnectionError):
            return False

    house.start("web", "--host", "127.0.0.1", "--port", str(port))
    until(answers, "the web processes answer")
    counted = 'mlscrum_requests_total{method="GET",status="200",view="healthz"}'

    def count() -> float:
        [line] = [line for line in get("/metrics").splitlines() if line.startswith(counted)]
        return float(line.rpartition(" ")[2])

    before = count()
    for _ in range(20):
        get("/healthz")
    assert {count() for _ in range(6)} == {before + 20}
