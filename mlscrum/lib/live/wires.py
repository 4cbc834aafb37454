"""What processes call out to each other, by a Redis that may be away at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

T = TypeVar("T")
PATIENCE_S = 0.5  # a deed that has been done does not wait for its news
REST_S = 5.0  # how long a Redis that failed is left alone
HEARD_S = 2.0
ONCE = Retry(NoBackoff(), 0)  # else the client itself tries for seconds


class Wire:
    """Says and hears short words. Nothing that matters may depend on their coming through."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.is_heard = False
        self._url = url
        self._client = Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=ONCE
        )
        self._rests_until = 0.0

    def say(self, word: str) -> None:
        """Let all processes hear it, this one as well."""
        self.ask(lambda redis: redis.publish(self._channel, word))

    def ask(self, work: Callable[[Redis], T]) -> T | None:
        """What the work returns; None where Redis does not answer."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            return work(self._client)
        except RedisError:
            self._rests_until = time.monotonic() + REST_S
            return None

    def listen(self, hear: Callable[[str], None], *, while_: Callable[[], bool]) -> None:
        """Hear what is said as long as that holds, and try again where Redis is away."""
        while while_():
            try:
                self._hear(hear, while_)
            except RedisError:
                self.is_heard = False
                time.sleep(HEARD_S)
        self.is_heard = False

    def _hear(self, hear: Callable[[str], None], while_: Callable[[], bool]) -> None:
        with (
            Redis.from_url(
                self._url, socket_connect_timeout=PATIENCE_S, health_check_interval=15, retry=ONCE
            ) as redis,
            redis.pubsub(ignore_subscribe_messages=True) as heard,
        ):
            heard.subscribe(self._channel)
            heard.get_message(timeout=HEARD_S)  # its confirmation
            self.is_heard = True
            hear("")  # what was said before nobody heard
            while while_():
                message = heard.get_message(timeout=HEARD_S)
                if message is not None:
                    hear(message["data"].decode())

    @property
    def _channel(self) -> str:
        return f"live:{self.name}"
