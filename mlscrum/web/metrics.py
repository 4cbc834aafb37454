"""What Prometheus reads: requests and streams as the web processes count them, and what the floors
read from the database when they are asked.

Where there are several web processes, `manage.py web` names a folder in PROMETHEUS_MULTIPROC_DIR,
before this module is loaded; each process writes its figures there, and whichever is asked answers
for all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlscrum.web.problems import API

__all__ = ["CONTENT_TYPE_LATEST", "STREAMS", "Figure", "exposition", "measured", "register"]
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
UNKNOWN = "unknown"

REQUESTS = Counter(
    "mlscrum_requests", "Requests answered, by view and status.", ["method", "view", "status"]
)
SECONDS = Histogram(
    "mlscrum_request_seconds",
    "Seconds until an answer began.",
    ["door"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30),
)
STREAMS = Gauge("mlscrum_open_streams", "Live streams that are open.", multiprocess_mode="livesum")


@dataclass(frozen=True)
class Figure:
    """Numbers of one name, each with its labels."""

    name: str
    words: str
    samples: Sequence[tuple[Mapping[str, str], float]]


Read = Callable[[], Iterable[Figure]]
_reads: list[Read] = []


def register(read: Read) -> None:
    """Let a floor add figures, read anew each time they are asked for."""
    if read not in _reads:
        _reads.append(read)


def measured(get_response: Callable[[HttpRequest], HttpResponseBase]) -> object:
    """Count each request and how long it took until its answer began."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        view = (match.view_name if match else "") or UNKNOWN
        REQUESTS.labels(_method(request), view, str(response.status_code)).inc()
        door = "rest" if request.path.startswith(API) else "page"
        SECONDS.labels(door).observe(time.perf_counter() - begun)
        return response

    return middleware


def exposition() -> bytes:
    """All figures in Prometheus' text format. What the floors read may raise DatabaseError."""
    ours = CollectorRegistry()
    ours.register(_Read([figure for read in _reads for figure in read()]))
    return counted() + generate_latest(ours)


def counted() -> bytes:
    """What the web processes have counted, which needs no database."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(folder))
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(together)


class _Read(Collector):
    def __init__(self, figures: Sequence[Figure]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for figure in self._figures:
            names = sorted({name for labels, _ in figure.samples for name in labels})
            family = GaugeMetricFamily(f"mlscrum_{figure.name}", figure.words, labels=names)
            for labels, value in figure.samples:
                family.add_metric([labels.get(name, "") for name in names], value)
            yield family


def _method(request: HttpRequest) -> str:
    """The method, of those that there are: a caller can invent others without end."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else UNKNOWN


def _forget_the_dead(folder: Path) -> None:
    """Streams of a process that was killed are open no more."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            multiprocess.mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]
