"""Where code hosts post their events: no sign-in, but a signature."""

from __future__ import annotations

from contextlib import suppress

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from backlog.access.code_hosts import reach_of
from backlog.access.pages import public
from backlog.models import CodeHost, HostMessage
from backlog.queries.code_hosts import code_host_at
from backlog.services.code_messages import event_of, note, take_message
from mlscrum.lib.errors import DomainError, NotFound
from mlscrum.web.middleware import client_ip
from mlscrum.web.parsers import LIMIT, LIMIT_MB
from mlscrum.web.problems import problem, problem_response
from mlscrum.web.throttling import may_deliver, may_note_refusal, until_next_minute


@csrf_exempt
@require_POST
@public
def hook(request: HttpRequest, address: str) -> HttpResponse:
    """A message of the code host with this address: 200 where it was taken, also before; 202 where
    nothing of it is read; 401 without its signature."""
    host = code_host_at(address)
    if host is None:
        return problem(404, "not_found", "No code host has this address; copy it once more.")
    if not may_deliver(host.address, client_ip(request)):
        return _refused(request, host, _too_many())
    try:
        message = take_message(host, request.headers, _body(request), reaches=reach_of(host))
    except DomainError as error:
        return _refused(request, host, error)
    if message is None:
        return JsonResponse({"state": "known"})
    is_read = message.message_id is not None
    return JsonResponse({"state": message.state}, status=200 if is_read else 202)


def _body(request: HttpRequest) -> bytes:
    declared = request.headers.get("Content-Length", "")
    is_too_long = declared.isdigit() and int(declared[:19]) > LIMIT
    body = b"" if is_too_long else request.read(LIMIT + 1)
    if is_too_long or len(body) > LIMIT:
        why = f"A message holds up to {LIMIT_MB} MB; push less at once."
        raise DomainError("too_large", why, status=413)
    return body


def _too_many() -> DomainError:
    wait = until_next_minute()
    why = f"Too many messages in a minute; go on in {wait} seconds."
    return DomainError("throttled", why, status=429, retry_after_s=wait)


def _refused(request: HttpRequest, host: CodeHost, error: DomainError) -> HttpResponse:
    """The refusal, which the log of the code host has too, as long as they don't come in floods."""
    is_gone = error.status == 404  # removed meanwhile, and its log with it
    if not is_gone and may_note_refusal(host.address):
        with suppress(NotFound):
            note(host, event_of(host, request.headers), HostMessage.State.REFUSED, [error.message])
    return problem_response(error, {}) or problem(400, error.code, error.message)
