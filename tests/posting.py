"""Requests to the hot path in, straight at its ASGI callable or over HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from lumo.flows.hot import Hooks
from lumo.lib.settings import Settings
from tests.factories import KEY, line_user_id

# Whether a flush waits for a lock that a test holds.
STUCK = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'lumo-flusher' AND wait_event_type = 'Lock'
"""


class Answered(msgspec.Struct, frozen=True):
    """Status and JSON of an answer."""

    status: int
    content: dict[str, Any]

    @property
    def short(self) -> tuple[int, str]:
        """Status and error code, or `accepted` or `duplicate`."""
        word = "duplicate" if "duplicate" in self.content else "accepted"
        return self.status, self.content.get("error", word)


def flow_body(number: int = 0, **fields: object) -> bytes:
    """The body of a Webhook action for the n-th LINE user and a direct text."""
    fields = {"to": line_user_id(number), "text": "Hello.", "event": f"event {number}", **fields}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


@asynccontextmanager
async def hooks(settings: Settings) -> AsyncIterator[Hooks]:
    """One ingest process, in this event loop."""
    app = Hooks(settings)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def post(
    app: Hooks,
    path: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    key: str | None = KEY,
    headers: Mapping[str, str] | None = None,
    chunks: list[bytes] | None = None,
) -> Answered:
    """The answer to one request. `chunks` sends the body piece by piece, without its length."""
    pieces = [body] if chunks is None else list(chunks)
    raw = {name.lower().encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
    if key is not None:
        raw[b"x-lumo-authentication-key"] = key.encode()
    if chunks is None:
        raw.setdefault(b"content-length", str(len(body)).encode())
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "headers": list(raw.items())}, receive, send)
    assert len(sent) == 2
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(sent[1]["body"])).encode()
    return Answered(sent[0]["status"], json.loads(sent[1]["body"]))


async def until(condition: Callable[[], bool | Awaitable[bool]], *, seconds: float = 20.0) -> None:
    """Return once the condition holds; fail when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.01)
