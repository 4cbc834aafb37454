"""What load balancers and orchestrators ask: is the process alive, can the installation work."""

from __future__ import annotations

from secrets import compare_digest

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from backlog.access.pages import public
from backlog.queries.jobs import TAKES_LARGE, do_large_wait, is_alive
from mlscrum.lib.broker import broker_answers
from mlscrum.web.metrics import CONTENT_TYPE_LATEST, counted, exposition

OK, OUT_OF_REACH, SILENT, UNKNOWN = "ok", "out of reach", "silent", "unknown"
NOBODY = "nobody"


@public
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers; it asks nobody else."""
    return JsonResponse({"alive": True})


@public
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and a dispatcher and a worker are alive, else 503.

    Answers within about three seconds whatever is down; `parts` says what. Where large jobs wait
    it says too whether a worker takes them; everything else is done without one, so that this is
    no reason to send nobody here.
    """
    needed = {**_database_and_processes(), "broker": _broker()}
    ready = set(needed.values()) == {OK}
    parts = needed | _large_jobs() if needed["database"] == OK else needed
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


@public
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, to whoever sends `Authorization: Bearer` with METRICS_TOKEN; without
    that setting there is no such page. Without a database it says what the processes counted."""
    if not settings.METRICS_TOKEN:
        raise Http404
    sent = request.headers.get("Authorization", "")
    if not compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        said = "Send Authorization: Bearer with METRICS_TOKEN.\n"
        refusal = HttpResponse(said, status=401, content_type="text/plain")
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    try:
        text = exposition()
    except (DatabaseError, InterfaceError):
        connection.close()
        text = counted()
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _database_and_processes() -> dict[str, str]:
    try:
        alive = {kind: OK if is_alive(kind) else SILENT for kind in ("dispatcher", "worker")}
    except (DatabaseError, InterfaceError):
        connection.close()
        return {"database": OUT_OF_REACH, "dispatcher": UNKNOWN, "worker": UNKNOWN}
    return {"database": OK, **alive}


def _large_jobs() -> dict[str, str]:
    try:
        if not do_large_wait(timezone.now()):
            return {}
        return {"large_jobs": OK if is_alive(TAKES_LARGE) else NOBODY}
    except (DatabaseError, InterfaceError):
        connection.close()
        return {"large_jobs": UNKNOWN}


def _broker() -> str:
    answers = broker_answers(settings.CELERY_BROKER_URL, settings.CELERY_BROKER_TRANSPORT_OPTIONS)
    return OK if answers else OUT_OF_REACH
