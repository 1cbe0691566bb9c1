"""One HTTP process: uvicorn on the dispatcher."""

import socket

import uvicorn

from lumo.config.asgi import Dispatcher, Part
from lumo.config.listening import BACKLOG
from lumo.lib import collector
from lumo.lib.settings import Settings

_KEEP_ALIVE = 75  # seconds; longer than common proxies keep an idle connection to us
_STOP_WITHIN = 20  # seconds for requests in hand


def serve(settings: Settings, listener: socket.socket, *, only: Part | None) -> None:
    """Answer until SIGTERM or SIGINT; requests in hand are answered before it returns, at the latest after 20 s."""
    config = uvicorn.Config(
        Dispatcher(settings, only=only),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_STOP_WITHIN,
    )
    collector.calm()
    uvicorn.Server(config).run(sockets=[listener])
