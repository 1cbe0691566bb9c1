"""The floor: what the same work costs with nothing durable about it.

One raw ASGI function on uvicorn (uvloop, httptools), as many processes as the measured system has: decode the body
with msgspec, build the same push, send it with the same client, answer 202 after LINE did. No key is checked, nothing
is stored, nothing repeated. The processes listen on a port each, so that the load falls on them evenly.
"""

import itertools
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import uvicorn

from lumo.deliveries.ids import retry_key
from lumo.integrations.http import Http
from lumo.integrations.line.client import LineClient
from lumo.lib import collector
from lumo.messaging.contract import FlowBody
from lumo.messaging.documents import Document
from lumo.messaging.push_request import build_message_push, build_push

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Floor:
    """The ASGI application; `first_id` keeps the retry keys of several processes apart.

    It sends the text of a body, or the card that `document` describes.
    """

    def __init__(self, *, line_url: str, ca_file: str, first_id: int, document: Document | None) -> None:
        self._line_url, self._ca_file = line_url, ca_file
        self._numbers = itertools.count(first_id)
        self._decoder = msgspec.json.Decoder(FlowBody)
        self._open = AsyncExitStack()
        self._line: LineClient | None = None
        self._document = document

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._line is not None
        body = self._decoder.decode(await _read(receive))
        number = next(self._numbers)
        await self._line.push("token-1", self._build(body), retry_key=retry_key(number))
        answer = b'{"id":"%d"}' % number
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _build(self, body: FlowBody) -> bytes:
        if self._document:
            return build_message_push(self._document, body, to=body.recipient())
        return build_push(body, to=body.recipient())

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        http = await self._open.enter_async_context(Http(ca_file=self._ca_file))
        self._line = LineClient(http, replacement=self._line_url)
        await self._line.fetch_quota("token-1")  # the connection is there before the load is
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._open.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def _read(receive: Receive) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message["body"])
        more = message["more_body"]
    return b"".join(chunks)


def main() -> None:
    """Serve one process of the floor, as its environment says."""
    collector.calm()  # as the measured system does
    port = int(os.environ["FLOOR_PORT"])
    floor = Floor(
        line_url=os.environ["FLOOR_LINE_URL"],
        ca_file=os.environ["FLOOR_CA_FILE"],
        first_id=port * 1_000_000_000,
        document=msgspec.json.decode(os.environ["FLOOR_DOCUMENT"], type=Document | None),
    )
    uvicorn.run(
        floor,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
