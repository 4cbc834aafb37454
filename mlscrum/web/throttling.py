"""How many REST requests one principal, and sign-ins and messages to hooks one address, may send in
a minute.

A counter per principal and minute in the default cache: Redis where REDIS_URL is set, so that all
web processes count together, else each process counts for itself. REST framework's own throttles
keep every request's time, which at our rates is a list of a thousand numbers per request.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW_S = 60


@dataclass(frozen=True)
class Rate:
    """How many requests one may send in a minute, how many are left, and for how many seconds."""

    limit: int
    left: int
    until_s: int


class PrincipalThrottle(BaseThrottle):
    """API_RATE_PER_MINUTE requests for each token, each person, and each address of nobody."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        self.now = time.time()
        key = f"rest:{_principal(request)}:{int(self.now // WINDOW_S)}"
        count, limit = _count(key), settings.API_RATE_PER_MINUTE
        if count:
            left, until_s = max(0, limit - count), math.ceil(self.wait())
            # The answer is made of Django's request, not of REST framework's.
            asked: Any = getattr(request, "_request", request)
            asked.rate = Rate(limit, left, until_s)
        return count <= limit

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return WINDOW_S - self.now % WINDOW_S


def may_try_to_sign_in(address: str) -> bool:
    """Whether this address has tried fewer than SIGN_INS_PER_MINUTE times, whoever it tried to be.

    Each try costs the server half a second; guesses at one account are counted by django-axes.
    """
    return _count(f"sign-in:{address}:{int(time.time() // WINDOW_S)}") <= (
        settings.SIGN_INS_PER_MINUTE
    )


def may_deliver(hook: str, address: str) -> bool:
    """Whether this address has posted fewer than HOOKS_PER_MINUTE messages to a hook. Each address
    is counted by itself, so that nobody uses up what the hook's own sender may send."""
    return _count(f"hook:{hook}:{address}:{int(time.time() // WINDOW_S)}") <= (
        settings.HOOKS_PER_MINUTE
    )


def may_note_refusal(hook: str) -> bool:
    """Whether fewer than HOOK_REFUSALS_PER_MINUTE messages to a hook were refused, whoever sent
    them: a log is no place to fill."""
    return _count(f"hook-refusals:{hook}:{int(time.time() // WINDOW_S)}") <= (
        settings.HOOK_REFUSALS_PER_MINUTE
    )


def until_next_minute() -> int:
    """Seconds until what is counted by the minute is counted anew."""
    return math.ceil(WINDOW_S - time.time() % WINDOW_S)


def _count(key: str) -> int:
    """How often this key was counted, this time included; 0 where the cache is out of reach."""
    try:
        return _counted_on(key) or _begun(key) or _counted_on(key)
    except RedisError:
        return 0  # an answer without a limit is better than none


def _counted_on(key: str) -> int:
    """The count with one more; 0 where nobody has begun to count."""
    try:
        return int(cache.incr(key))
    except ValueError:
        return 0


def _begun(key: str) -> int:
    """1, or 0 where somebody else has begun to count meanwhile."""
    return int(cache.add(key, 1, timeout=2 * WINDOW_S))


def _principal(request: Request) -> str:
    token: Any = request.auth
    if token is not None:
        return f"token:{token.pk}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"
