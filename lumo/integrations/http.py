"""One HTTP client for every provider: pyreqwest behind `Http.send`.

TLS 1.2 or newer, HTTP/2 where the provider speaks it, no redirects, always a time-out. A stand-in
(LUMO_LINE_API_URL and its like) takes the place of a provider: see `stand_in`.
"""

from datetime import timedelta
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError

from lumo.integrations.errors import TransientError

_MAIN_HOSTS = {"api.line.me", "a.klaviyo.com"}


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Http:
    """Pools of connections that take turns; `async with Http(...)` closes them.

    An HTTP/2 server allows a limited number of requests at once on a connection (often 100 to 128), and a pool keeps
    to one such connection: who has more under way asks for several `pools`.
    """

    def __init__(self, *, ca_file: str = "", timeout: float = 10.0, http2: bool = True, pools: int = 1) -> None:
        certificate = Path(ca_file).read_bytes() if ca_file else None
        self._clients = [_client(certificate, timeout=timeout, http2=http2) for _ in range(pools)]
        self._turns = cycle(self._clients)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.close()

    async def send(self, method: str, url: str, *, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send one request and read the whole answer.

        Raises TransientError when none arrived (outcome unknown), ValueError when a header can't be one.
        """
        try:
            request = next(self._turns).request(method, url).headers(headers)
        except ValueError:  # it shows the header, which may be a secret
            raise ValueError("A header holds characters that HTTP does not take.") from None
        if body is not None:
            request = request.body_bytes(body)
        try:
            response = await request.build().send()
            content = await response.bytes()
        except RequestTimeoutError as error:
            raise TransientError(f"No answer in time from {urlsplit(url).hostname}.") from error
        except PyreqwestError as error:
            raise TransientError(f"{type(error).__name__} at {urlsplit(url).hostname}") from error
        return Answer(response.status, dict(response.headers), bytes(content))


def _client(certificate: bytes | None, *, timeout: float, http2: bool) -> Client:
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
    return (builder.add_root_certificate_pem(certificate) if certificate else builder).build()


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
