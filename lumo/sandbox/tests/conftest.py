"""The emulators, asked straight at their ASGI callable."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest

from lumo.sandbox.asgi import LINE, sandbox_app
from lumo.sandbox.record import LineRecord

CHANNEL, SECRET = "1650000001", "a-secret"


class Answer(msgspec.Struct, frozen=True):
    """Status, headers by lower-case name, JSON."""

    status: int
    headers: dict[str, str]
    content: Any


class Sandbox:
    """Sends requests to the emulators; `record` is the one that they work on."""

    def __init__(self, path: Path, record: LineRecord) -> None:
        self.record = record
        self._app = sandbox_app(path)

    def ask(self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """One request and its answer."""
        return self.ask_all([(method, url, body, headers or {})])[0]

    def ask_all(self, requests: list[tuple[str, str, bytes, Mapping[str, str]]]) -> list[Answer]:
        """Several requests at once."""

        async def run() -> list[Answer]:
            return await asyncio.gather(*(self._ask(*request) for request in requests))

        return asyncio.run(run())

    def line(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Answer:
        """A call to LINE with JSON, with a fresh token unless one is given."""
        token = self.token() if token is None else token
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        return self.ask(method, f"{LINE}{path}", content, headers)

    def push(self, body: object, *, retry_key: str | None = None, **headers: str) -> Answer:
        """One push; `body` is JSON, or bytes as they are."""
        return self.ask("POST", *self.push_request(body, retry_key=retry_key, **headers))

    def push_request(
        self, body: object, *, retry_key: str | None = None, **headers: str
    ) -> tuple[str, bytes, Mapping[str, str]]:
        """What `ask` takes after the method."""
        standard = {"authorization": f"Bearer {self.token()}", "content-type": "application/json"}
        if retry_key is not None:
            standard["x-line-retry-key"] = retry_key
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return f"{LINE}/v2/bot/message/push", content, standard | headers

    def token(self, *, channel_id: str = CHANNEL, secret: str = SECRET) -> str:
        """A new channel access token."""
        token: str = self.issue(channel_id=channel_id, secret=secret).content["access_token"]
        return token

    def issue(self, *, channel_id: str = CHANNEL, secret: str = SECRET) -> Answer:
        form = {"grant_type": "client_credentials", "client_id": channel_id, "client_secret": secret}
        return self.ask("POST", f"{LINE}/oauth2/v3/token", urlencode(form).encode())

    async def _ask(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent: list[dict[str, Any]] = []
        parts = urlsplit(url)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": parts.path, "query_string": b"", "headers": raw}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], answered, json.loads(sent[1]["body"]))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    path = tmp_path / "sandbox" / "line.sqlite3"
    with LineRecord(path) as record:
        yield Sandbox(path, record)
