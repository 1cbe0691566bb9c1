"""The real sending process against LINE scripted on loopback."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec

from lumo.deliveries import worker
from lumo.lib.settings import Intervals, Settings
from tests.serving import serving
from tests.waiting import fetch

QUICK = Intervals(retry_base=0.05, results_window=0.01, row_deadline=1.0, push_timeout=5.0)


class Line:
    """Accepts every push after `seconds`; keeps what it got."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.pushed: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        answer = b'{"access_token":"token","expires_in":900}'
        if scope["path"].endswith("/push"):
            self.pushed.append(json.loads(body))
            await asyncio.sleep(self.seconds)
            answer = b"{}"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-line-request-id", b"req-1")]})
        await send({"type": "http.response.body", "body": answer})


def quick(settings: Settings, line_url: str) -> Settings:
    """Settings of a sending process that does not wait long, with LINE at that address."""
    intervals = QUICK if settings.intervals == Intervals() else settings.intervals
    return msgspec.structs.replace(settings, line_api_url=line_url, intervals=intervals)


def work(settings: Settings, line: Line, *, until: Callable[[], bool]) -> None:
    """Run a sending process until a condition holds, then stop it as the supervisor does."""

    async def run() -> None:
        async with serving(line) as url:
            working = asyncio.create_task(worker.run(quick(settings, url)))
            while not await asyncio.to_thread(until):
                await asyncio.wait({working}, timeout=0.02)
                assert not working.done(), working.exception()
            os.kill(os.getpid(), signal.SIGTERM)
            await working

    asyncio.run(asyncio.wait_for(run(), timeout=20))


def states(settings: Settings) -> list[tuple[str, str | None]]:
    """State and reason of every final result."""
    return [tuple(record) for record in fetch(settings, "SELECT state, reason FROM deliveries")]


def waiting(settings: Settings) -> list[tuple[str, bool]]:
    """Reason of everything that waits for another try, and whether it is parked."""
    return [tuple(record) for record in fetch(settings, "SELECT reason, due_at = 'infinity' FROM retries")]
