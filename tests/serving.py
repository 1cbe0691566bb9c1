"""An ASGI application on a free loopback port, in the event loop of the test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncIterator[str]:
    """Serve `app` while the block runs; yields `http://127.0.0.1:port`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        options = {"lifespan": "off", "log_level": "error", "ws": "none", **options}
        config = uvicorn.Config(app, **options)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        running = asyncio.create_task(server._serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
