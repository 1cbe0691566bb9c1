"""The sandbox's emulators on a port of their own, for machines that share them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn

from lumo.sandbox.asgi import sandbox_app


@contextmanager
def emulating(record: Path, *, port: int = 0) -> Iterator[str]:
    """Serve them from a thread while the block runs, on a free port unless one is given.

    Yields `http://127.0.0.1:port`; LINE's address is below `/sandbox/line`.
    """
    server = uvicorn.Server(uvicorn.Config(sandbox_app(record), lifespan="off", log_level="error", ws="none"))
    with socket.create_server(("127.0.0.1", port)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()
