"""The sandbox's emulators on a port of their own, for machines that share them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from lumo.sandbox.asgi import sandbox_app

from tests.serving import serving


@contextmanager
def emulating(record: Path) -> Iterator[str]:
    """Serve them from a thread while the block runs; yields `http://127.0.0.1:port`, LINE's below `/sandbox/line`."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stopping = asyncio.Event()
        async with serving(sandbox_app(record)) as url:
            started.set_result((url, asyncio.get_running_loop(), stopping))
            await stopping.wait()

    thread = Thread(target=asyncio.run, args=(run(),))
    thread.start()
    url, loop, stopping = started.result(10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
