"""Readers of streams: a loop in a thread of its own that holds many open and notes what comes."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

AGAIN_S = 0.2


@dataclass(eq=False)
class Follower:
    """One reader, who comes again with the number of the last event when the stream breaks."""

    port: int
    path: str
    headers: dict[str, str]
    last: int | None = None
    seen: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    here: list[list[str]] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    is_open: bool = False
    is_refused: bool = False

    async def follow(self) -> None:
        while not self.is_refused:
            try:
                await self._read()
            except OSError:
                pass
            finally:
                self.is_open = False
            await asyncio.sleep(AGAIN_S)

    async def _read(self) -> None:
        # HTTP/1.0 comes without chunks.
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            headers = {"Host": f"127.0.0.1:{self.port}", **self.headers}
            if self.last is not None:
                headers["Last-Event-ID"] = str(self.last)
            lines = [f"GET {self.path} HTTP/1.0", *(f"{n}: {v}" for n, v in headers.items())]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            status = (await reader.readline()).split()
            if not status:
                return
            self.statuses.append(int(status[1]))
            self.is_refused = 400 <= self.statuses[-1] < 500
            while (await reader.readline()).strip():
                pass
            await self._frames(reader)
        finally:
            writer.close()

    async def _frames(self, reader: asyncio.StreamReader) -> None:
        found: dict[str, str] = {}
        while line := (await reader.readline()).decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                found[name] = value
                continue
            if "id" in found:
                self.last = int(found["id"])
                self.is_open = True
            if "data" in found:
                self._take(found.get("event", ""), json.loads(found["data"]))
            found = {}

    def _take(self, event: str, data: Any) -> None:
        if event == "here":
            self.here.append([person["name"] for person in data])
        elif not event:
            self.seen.append(data["seq"])
            self.events.append(data)
            self.late_s.append(
                (datetime.now(UTC) - datetime.fromisoformat(data["at"])).total_seconds()
            )


class Followers:
    """Many readers, until `stop`."""

    def __init__(self, readers: list[Follower]) -> None:
        self.readers = readers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # The loop itself holds them by weak references alone.
        self._tasks = [self._loop.create_task(reader.follow()) for reader in self.readers]
        self._loop.run_forever()

    @property
    def are_open(self) -> bool:
        return all(reader.is_open for reader in self.readers)

    def stop(self) -> None:
        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
