"""What arrives within 20 ms is stored in one transaction; answers go out after its commit (DESIGN §5).

One flusher a process, one flush at a time. A flush is sent off at once when the last one is older than the window.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Self

import asyncpg
import msgspec

from lumo.deliveries.enqueue import Stored, store
from lumo.deliveries.ids import IdSource
from lumo.flows import metrics
from lumo.flows.answers import Answer, accepted, duplicate, refused
from lumo.flows.arrivals import Arrival, find_late_refusals
from lumo.lib.logs import get_logger
from lumo.lib.settings import Intervals
from lumo.postgres.lasting import DATABASE_ERRORS, LastingConnection
from lumo.postgres.types import Connection

log = get_logger(__name__)

ROWS_PER_FLUSH = 500
MOST_WAITING = 5000
MOST_WAITING_BYTES = 64 * 1024 * 1024
UNAVAILABLE = refused("unavailable")
_COMPLAIN_EVERY = 5.0  # seconds

# SQLSTATE 22 and 23; asyncpg itself finds text that is not UTF-8.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeEncodeError)
_OURS = (asyncpg.UniqueViolationError, asyncpg.CheckViolationError)  # of our own tables: no fault of a body
# Another flush or the housekeeping was in the way, or two processes made the same id.
_TRY_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)


class _Waiting(msgspec.Struct, frozen=True):
    arrival: Arrival
    answer: "asyncio.Future[Answer]"


class Flusher:
    """Stores arrivals; leaving `async with` first stores what waits."""

    def __init__(self, database: LastingConnection, *, intervals: Intervals) -> None:
        self._database = database
        self._window, self._dedupe_kept = intervals.flush_window, intervals.dedupe_kept
        self._ids = IdSource()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._some = asyncio.Event()
        self._last_flush_at = self._complained_at = float("-inf")  # on the monotonic clock
        self._rows_refused = 0
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self._some.set()
        await self._running

    async def submit(self, arrival: Arrival) -> Answer:
        """Store a request with the next flush and return its answer: 503 when that can't be done durably now."""
        size = len(arrival.incoming.body)
        is_full = len(self._waiting) >= MOST_WAITING or self._waiting_bytes + size > MOST_WAITING_BYTES
        if is_full or self._closing.is_set():
            return arrival.answer or UNAVAILABLE
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += size
        self._some.set()
        return await waiting.answer

    async def _run(self) -> None:
        while self._waiting or not self._closing.is_set():
            await self._some.wait()
            await self._wait_for_the_window()
            batch = self._take_batch()
            if batch:
                await self._flush(batch)

    async def _wait_for_the_window(self) -> None:
        left = self._last_flush_at + self._window - time.monotonic()
        if left > 0 and len(self._waiting) < ROWS_PER_FLUSH:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._closing.wait()
        self._last_flush_at = time.monotonic()

    def _take_batch(self) -> list[_Waiting]:
        batch, self._waiting = self._waiting[:ROWS_PER_FLUSH], self._waiting[ROWS_PER_FLUSH:]
        self._waiting_bytes -= sum(len(waiting.arrival.incoming.body) for waiting in batch)
        metrics.waiting.set(len(self._waiting))
        if not self._waiting and not self._closing.is_set():
            self._some.clear()
        return batch

    async def _flush(self, batch: Sequence[_Waiting]) -> None:
        """Store a batch and answer each of its requests. What nobody foresaw reaches the HTTP edge through them."""
        arrivals = [waiting.arrival for waiting in batch]
        metrics.flush_rows.observe(len(batch))
        storing = asyncio.create_task(self._store_or_refuse(arrivals))
        with metrics.flush_seconds.time():
            await asyncio.wait({storing})
        for row, waiting in enumerate(batch):
            if waiting.answer.done():  # its client hung up
                continue
            if error := storing.exception():
                waiting.answer.set_exception(error)
            else:
                waiting.answer.set_result(storing.result()[row])

    async def _store_or_refuse(self, arrivals: Sequence[Arrival]) -> list[Answer]:
        try:
            return await self._database.run(lambda connection: self._store(connection, arrivals))
        except DATABASE_ERRORS as error:
            self._complain(error, rows=len(arrivals))
            return [arrival.answer or UNAVAILABLE for arrival in arrivals]

    def _complain(self, error: Exception, *, rows: int) -> None:
        """Log failed flushes once in 5 s, with the rows of all since: an outage has fifty a second."""
        self._rows_refused += rows
        if time.monotonic() - self._complained_at > _COMPLAIN_EVERY:
            log.warning("flush failed", error=type(error).__name__, rows=self._rows_refused)
            self._complained_at, self._rows_refused = time.monotonic(), 0

    async def _store(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Store arrivals in one transaction; when the data of one is at fault in two halves, and so on down to it."""
        try:
            return await self._store_with_second_try(connection, arrivals)
        except _OURS:
            raise
        except _DATA_ERRORS as error:
            if len(arrivals) > 1:
                half = len(arrivals) // 2
                first = await self._store(connection, arrivals[:half])
                return first + await self._store(connection, arrivals[half:])
            log.warning("a body can't be stored", error=type(error).__name__)
            return [refused("body_invalid", "The body holds characters that can't be stored.")]

    async def _store_with_second_try(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Answer]:
        try:
            return await self._store_once(connection, arrivals)
        except _TRY_AGAIN:
            return await self._store_once(connection, arrivals)

    async def _store_once(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Answer]:
        async with connection.transaction(isolation="read_committed"):
            late = await find_late_refusals(connection, arrivals)
            stored = await store(
                connection,
                [arrival.incoming for arrival, code in zip(arrivals, late, strict=True) if code is None],
                base_id=self._ids.next_base(),
                dedupe_kept=self._dedupe_kept,
            )
        places = iter(stored)
        return [
            refused(code) if code else _answer(arrival, places) for arrival, code in zip(arrivals, late, strict=True)
        ]


def _answer(arrival: Arrival, places: Iterator[Stored]) -> Answer:
    """What a stored request is told; takes its place from `places`."""
    place = next(places)
    if arrival.answer:
        return arrival.answer
    return duplicate(place.id) if place.is_duplicate else accepted(place.id)
