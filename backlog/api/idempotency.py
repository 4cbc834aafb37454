"""Idempotency-Key: a POST that was sent twice creates once, and both get the same answer.

The answer is written in the transaction of the deed, so that both hold or neither. A refusal
changed nothing and is not kept: the same request is judged anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from backlog.models import Actor, KeptAnswer
from backlog.services.housekeeping import ANSWERS_KEPT_FOR
from mlscrum.lib.errors import Conflict, DomainError

# Whoever has not answered by then has died: nothing of it was committed.
GIVEN_UP_AFTER = timedelta(minutes=10)
RETRY_AFTER_S = 2
LONGEST_KEY = 255
REPLAYED = "Idempotent-Replayed"


def once(request: Request, actor: Actor, create: Callable[[], Response]) -> Response:
    """The answer of `create`, or the one that the same key and body got within 24 hours.

    Call it after the actor's right was checked. Raises Conflict while the first request is under
    way and a DomainError (422) where the key came with another body.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return create()
    if not 1 <= len(key) <= LONGEST_KEY:
        raise DomainError(
            "bad_key", f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.", status=400
        )
    mine = {
        "principal": _principal(actor),
        "route": _route(request)[:300],
        "key": key,
    }
    body_hash = _hash_of(request)
    taken = _take(mine, body_hash)
    if taken is None:
        return _first_answer(mine, body_hash)
    try:
        with transaction.atomic():
            answer = create()
            _keep(taken, answer)
    except BaseException:
        KeptAnswer.objects.filter(pk=taken.pk, status=None).delete()
        raise
    return answer


def _take(mine: Mapping[str, str], body_hash: str) -> KeptAnswer | None:
    """A row that says that the request is under way; None where there is one already."""
    now = timezone.now()
    KeptAnswer.objects.filter(**mine, created_at__lt=now - ANSWERS_KEPT_FOR).delete()
    KeptAnswer.objects.filter(**mine, status=None, created_at__lt=now - GIVEN_UP_AFTER).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(**mine, body_hash=body_hash)
    except IntegrityError:
        return None


def _keep(taken: KeptAnswer, answer: Response) -> None:
    kept = KeptAnswer.objects.filter(pk=taken.pk, status=None).update(
        status=answer.status_code,
        location=answer.get("Location", ""),
        # As the reader got it: times and numbers in the form of JSON.
        body=json.loads(json.dumps(answer.data, cls=JSONEncoder)),
    )
    if not kept:  # it took so long that another request took over; its deed holds, not this one
        raise _under_way()


def _first_answer(mine: Mapping[str, str], body_hash: str) -> Response:
    first = KeptAnswer.objects.filter(**mine).first()
    if first is not None and first.body_hash != body_hash:
        raise DomainError(
            "key_reused", "This Idempotency-Key came with another body; choose a new key."
        )
    if first is None or first.status is None:
        raise _under_way()
    headers = {REPLAYED: "true"}
    if first.location:
        headers["Location"] = first.location
    return Response(first.body, status=first.status, headers=headers)


def _under_way() -> Conflict:
    return Conflict(
        "under_way",
        "The first request with this key is still under way; ask again in a moment.",
        retry_after_s=RETRY_AFTER_S,
    )


def _route(request: Request) -> str:
    """The method and the path as we write it: /products/med/ is /products/MED/."""
    match = request.resolver_match
    assert match is not None
    return f"{request.method} {reverse(match.view_name, kwargs=match.kwargs)}"


def _principal(actor: Actor) -> str:
    if actor.token is not None:
        return f"token:{actor.token.pk}"
    return f"user:{actor.user.pk}" if actor.user else "nobody"


def _hash_of(request: Request) -> str:
    """A hash of the query and of the body as it was understood, files by their content."""
    digest = hashlib.sha256(request.META.get("QUERY_STRING", "").encode())
    digest.update(json.dumps(_plain(request.data), sort_keys=True).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, UploadedFile):
        content = hashlib.sha256()
        for chunk in value.chunks():
            content.update(chunk)
        value.seek(0)
        return [value.name, content.hexdigest()]
    if hasattr(value, "lists"):  # a form: every value of each name
        return {name: [_plain(each) for each in values] for name, values in value.lists()}
    return value
