"""The emulators as one ASGI application: LINE below /sandbox/line, Klaviyo below /sandbox/klaviyo."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from lumo.sandbox import klaviyo, line
from lumo.sandbox.http import App, Receive, Reply, Request, Scope, Send, json_reply, read_request, send_reply
from lumo.sandbox.record import LineRecord

LINE, KLAVIYO = "/sandbox/line", "/sandbox/klaviyo"


def sandbox_app(record: Path, *, http_origin: str = "") -> App:
    """The emulators on the record at this path, which is made when the first request comes.

    `http_origin` is the one origin whose pictures LINE takes though they are http: ours, in the sandbox.
    """
    emulators: dict[str, tuple[Callable[[Request], Awaitable[Reply]], int]] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not emulators:
            emulator = line.LineEmulator(LineRecord(record), http_origin=http_origin)
            emulators[LINE] = (emulator.answer, line.BODY_LIMIT)
            emulators[KLAVIYO] = (klaviyo.answer, klaviyo.BODY_LIMIT)
        await send_reply(send, await _answer(emulators, scope, receive))

    return app


async def _answer(
    emulators: dict[str, tuple[Callable[[Request], Awaitable[Reply]], int]], scope: Scope, receive: Receive
) -> Reply:
    for prefix, (answer, body_limit) in emulators.items():
        if scope["path"].startswith(f"{prefix}/"):
            request = await read_request(scope, receive, body_limit=body_limit)
            return await answer(msgspec.structs.replace(request, path=request.path.removeprefix(prefix)))
    return json_reply(404, {"message": "No emulator is served at this address."})
