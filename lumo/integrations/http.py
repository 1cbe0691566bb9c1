"""One HTTP client for every provider: pyreqwest behind `Http.send`.

TLS 1.2 or newer, HTTP/2 where the provider speaks it, no redirects, always a time-out. A stand-in
(LUMO_LINE_API_URL and its like) takes the place of a provider: see `stand_in`.
"""

from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from lumo.integrations.errors import TransientError

_MAIN_HOSTS = {"api.line.me", "a.klaviyo.com"}


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Http:
    """A pool of connections; `async with Http(...)` closes it."""

    def __init__(self, *, ca_file: str = "", timeout: float = 10.0, http2: bool = True) -> None:
        builder = (
            ClientBuilder()
            .follow_redirects(False)
            .timeout(timedelta(seconds=timeout))
            .connect_timeout(timedelta(seconds=min(timeout, 5.0)))
            .pool_idle_timeout(timedelta(seconds=50))
            .user_agent("Lumo/1")
            .referer(False)
            .http2(http2)
        )
        if ca_file:
            builder = builder.add_root_certificate_pem(Path(ca_file).read_bytes())
        self._client: Client = builder.build()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def send(self, method: str, url: str, *, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one request and read the whole answer. Raises TransientError when none arrived (outcome unknown)."""
        request = self._client.request(method, url).headers(headers)
        if body is not None:
            request = request.body_bytes(body)
        try:
            response = await request.build().send()
            content = await response.bytes()
        except PyreqwestError as error:
            raise TransientError(f"{type(error).__name__} at {urlsplit(url).hostname}") from error
        return Answer(response.status, dict(response.headers), bytes(content))


def stand_in(url: str, replacement: str) -> str:
    """The address to call for `url` when a stand-in replaces its provider.

    The stand-in replaces scheme and host; of hosts other than `api.line.me` and `a.klaviyo.com` the original host
    becomes the first part of the path (DESIGN §6). Without a stand-in the address stays as it is.
    """
    if not replacement:
        return url
    parts = urlsplit(url)
    prefix = "" if parts.netloc in _MAIN_HOSTS else f"/{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{replacement}{prefix}{parts.path}{query}"
