"""The body of a request: how much of it is read, for how long, and whether it may be JSON."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from lumo.flows.answers import MAX_BODY

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_DIGITS = 9  # of a length that is worth reading as a number
MOST_READ = 1024 * 1024
_OTHER_TYPES = re.compile(r"multipart/|image/|audio/|video/|application/x-www-form-urlencoded", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


class HungUpError(Exception):
    """The client left before its request was complete."""


class UnreadError(Exception):
    """The body is not taken, and may not have been read to its end; `code` is `too_large` or `too_slow`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, *, patience: float) -> bytes:
    """The whole body, at most MAX_BODY bytes within `patience` seconds. Raises UnreadError, HungUpError.

    Of one that is too large up to 1 MiB is read and dropped: a client that writes first and reads then would see a
    connection reset instead of its answer. One that announces more than that is not read at all.
    """
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > _DIGITS or int(length) > MOST_READ):
        raise UnreadError("too_large")
    pieces, size, has_more = [], 0, True
    try:
        async with asyncio.timeout(patience):
            while has_more and size <= MOST_READ:
                piece, has_more = await _receive_piece(receive)
                size += len(piece)
                if size <= MAX_BODY:
                    pieces.append(piece)
    except TimeoutError:
        raise UnreadError("too_slow") from None
    if size > MAX_BODY:
        raise UnreadError("too_large")
    return b"".join(pieces)


def is_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body may be read as JSON in UTF-8: any type that isn't plainly another, or none."""
    content_type = headers.get(b"content-type", b"").decode("latin-1").strip()
    charset = _CHARSET.search(content_type)
    return (
        not _OTHER_TYPES.match(content_type)
        and (charset is None or charset[1].lower() in {"utf-8", "utf8"})
        and headers.get(b"content-encoding", b"identity").strip().lower() in {b"", b"identity"}
    )


async def _receive_piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise HungUpError
    return message.get("body", b""), message.get("more_body", False)
