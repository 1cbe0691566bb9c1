"""A connection that outlives the database's absences: made again in the background, probed while nobody uses it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

import asyncpg

from lumo.lib.logs import get_logger
from lumo.postgres.connect import connect
from lumo.postgres.types import Connection

log = get_logger(__name__)

T = TypeVar("T")

# What a database, its driver and the network say. InternalClientError: asked between the server's "terminating
# connection" and the end of that connection.
DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_OF_THE_WORK = (  # these say nothing against the connection
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.TransactionRollbackError,
)
_PATIENCE = 5.0  # seconds for a piece of work or for connecting
_PROBE_AFTER = 5.0  # seconds without work
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between tries to connect


class LastingConnection:
    """One connection and its keeper. Entering raises what the database raises."""

    def __init__(self, url: str, *, name: str, statement_cache_size: int = 100) -> None:
        self._url, self._name, self._statement_cache_size = url, name, statement_cache_size
        self._one_at_a_time = asyncio.Lock()
        self._was_lost = asyncio.Event()
        self._used_at = 0.0

    async def __aenter__(self) -> Self:
        self._connection = await self._connect()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeper.cancel()
        await asyncio.wait({self._keeper})
        self._connection.terminate()

    async def run(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """Do `work` with the connection, one piece at a time. Raises what it raises.

        While the database is away: ConnectionError at once. After 5 s: TimeoutError, and whether the database did
        the work is unknown.
        """
        async with self._one_at_a_time:
            if self._connection.is_closed():
                raise ConnectionError("the database is away")
            self._used_at = time.monotonic()
            working = asyncio.create_task(work(self._connection))
            try:
                done, _ = await asyncio.wait({working}, timeout=_PATIENCE)
            finally:
                await self._give_up(working)
        if not done:
            raise TimeoutError("the database said nothing")
        return working.result()

    async def _give_up(self, working: "asyncio.Task[Any]") -> None:
        """End work that was not done in time, and leave a connection that failed for reasons of its own."""
        if working.done():
            error = working.exception()
            if isinstance(error, DATABASE_ERRORS) and not isinstance(error, _OF_THE_WORK):
                self._connection.terminate()
            return
        self._connection.terminate()  # first: else the driver would ask the database to cancel, and wait
        working.cancel()
        await asyncio.wait({working})

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._wait_for_loss()
            try:
                self._connection = await self._connect()
            except DATABASE_ERRORS as error:
                log.warning("no connection to the database", connection=self._name, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    async def _wait_for_loss(self) -> None:
        """Return once the connection is gone; one that is idle is asked now and then whether it is."""
        while not self._connection.is_closed():
            try:
                async with asyncio.timeout(_PROBE_AFTER):
                    await self._was_lost.wait()
            except TimeoutError:
                if time.monotonic() - self._used_at > _PROBE_AFTER:
                    await self._probe()
            self._was_lost.clear()

    async def _probe(self) -> None:
        with suppress(*DATABASE_ERRORS):
            await self.run(lambda connection: connection.execute("SELECT"))

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        async with asyncio.timeout(_PATIENCE):
            connection = await connect(self._url, name=self._name, statement_cache_size=self._statement_cache_size)
        connection.add_termination_listener(lambda _: self._was_lost.set())
        return connection
