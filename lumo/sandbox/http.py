"""Requests and replies of the emulators: raw ASGI, read whole, answered whole."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Request(msgspec.Struct, frozen=True):
    """A request read to its end. `headers` by lower-case name; `body` is None when it was longer than allowed."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes | None

    def has_type(self, media_type: str) -> bool:
        """Whether the body is said to be of this media type, whatever its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == media_type

    def form(self) -> dict[str, str]:
        """The fields of a form body; what isn't text is replaced, not refused."""
        return dict(parse_qsl((self.body or b"").decode("utf-8", "replace"), keep_blank_values=True))


class Reply(msgspec.Struct, frozen=True):
    """A status, a body and headers beside content-type and content-length."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    media_type: str = "application/json"


def json_reply(
    status: int, content: object, headers: dict[str, str] | None = None, *, media_type: str = "application/json"
) -> Reply:
    """A reply with `content` (a Struct or plain objects) as JSON."""
    return Reply(status, msgspec.json.encode(content), headers or {}, media_type)


async def read_request(scope: Scope, receive: Receive, *, body_limit: int) -> Request:
    """Read a request whole. What exceeds `body_limit` bytes is read and dropped, so that the client gets its answer."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= body_limit:
            chunks.append(chunk)
        more = message.get("more_body", False)
    return Request(scope["method"], scope["path"], query, headers, b"".join(chunks) if size <= body_limit else None)


async def send_reply(send: Send, reply: Reply) -> None:
    """Answer with `reply`."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers += [(b"content-type", reply.media_type.encode()), (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
