"""The one door for HTTP: the hooks on raw ASGI, health and figures here, everything else in Django's eight threads.

This is the HTTP edge of DESIGN §5: what nobody foresaw becomes a 500 with a trace id, and its story goes to the log.
"""

import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from a2wsgi import WSGIMiddleware
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application

from lumo.config.health import Health
from lumo.flows.hot import Hooks
from lumo.lib.logs import get_logger
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.sandbox.flow_runner import FlowRunner

log = get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Part = Literal["hooks", "console"]

_CONSOLE_THREADS = 8
_FORWARDED = {b"x-forwarded-for", b"forwarded"}


class Dispatcher:
    """An ASGI application for every address that Lumo answers; `only` keeps it to one part.

    Its lifespan opens and closes the hooks, and in the sandbox what posts for Klaviyo. Health and figures are answered
    whatever the part.
    """

    def __init__(self, settings: Settings, *, only: Part | None = None) -> None:
        self._health = Health(settings)
        self._hooks = Hooks(settings) if only != "console" else None
        self._console = _console(settings) if only != "hooks" else _not_found
        self._flow_runner = _flow_runner(settings) if settings.sandbox and only != "hooks" else None
        self._exact: dict[str, App] = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _at_the_edge(self._find(scope["path"]), scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close"})

    def _find(self, path: str) -> App:
        if path.startswith("/hooks/"):
            return self._hooks or _not_found
        return self._exact.get(path, self._console)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if self._hooks:
            await self._hooks.start()
        if self._flow_runner:
            await self._flow_runner.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._flow_runner:
            await self._flow_runner.stop()
        if self._hooks:
            await self._hooks.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _healthz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await _reply(send, 200, {"status": "ok"})

    async def _readyz(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        fault = await self._health.find_fault()
        await _reply(send, 503 if fault else 200, {"status": fault or "ok"})

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Figures, only for a neighbour: an address of a private network that came here by no proxy."""
        if not _is_neighbour(scope):
            await _not_found(scope, receive, send)
            return
        await _send(send, 200, await self._health.metrics(), b"text/plain; version=0.0.4; charset=utf-8")


async def _at_the_edge(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    has_begun = False

    async def watched(message: Message) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    try:
        await app(scope, receive, watched)
    except Exception:  # the HTTP edge: one of the two places that may (DESIGN §5)
        trace_id = uuid.uuid4().hex
        log.exception("request failed", trace_id=trace_id, method=scope["method"], path=scope["path"])
        if has_begun:
            raise  # too late for an answer: the server cuts the connection, so that nobody takes half for the whole
        sentence = f"Something went wrong in Lumo. Its log tells more under {trace_id}."
        await _reply(send, 500, {"error": "internal", "message": sentence, "trace_id": trace_id})


def _console(settings: Settings) -> App:
    """Django, and in the sandbox the emulators in front of it."""
    django: Any = get_wsgi_application()
    console: Any = WSGIMiddleware(django, workers=_CONSOLE_THREADS)
    return _with_emulators(console, settings) if settings.sandbox else console


def _with_emulators(console: App, settings: Settings) -> App:
    from lumo.sandbox.asgi import KLAVIYO, LINE, sandbox_app

    emulators = sandbox_app(Path(django_settings.LUMO_SANDBOX_RECORD), http_origin=settings.http_origin())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_emulated = scope["path"].startswith((f"{LINE}/", f"{KLAVIYO}/"))
        await (emulators if is_emulated else console)(scope, receive, send)

    return app


def _flow_runner(settings: Settings) -> "FlowRunner":
    from lumo.sandbox.flow_runner import FlowRunner, flow_record_path

    return FlowRunner(flow_record_path(Path(django_settings.LUMO_SANDBOX_RECORD)), ca_file=settings.ca_file)


async def _not_found(_scope: Scope, _receive: Receive, send: Send) -> None:
    await _reply(send, 404, {"error": "not_found", "message": "Nothing is served at this address."})


def _is_neighbour(scope: Scope) -> bool:
    if any(name in _FORWARDED for name, _ in scope["headers"]) or not scope["client"]:
        return False
    try:
        return ip_address(scope["client"][0]).is_private
    except ValueError:
        return False


async def _reply(send: Send, status: int, content: object) -> None:
    await _send(send, status, msgspec.json.encode(content), b"application/json")


async def _send(send: Send, status: int, body: bytes, media_type: bytes) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
