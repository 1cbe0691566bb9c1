"""Requests that did not prove themselves: counted by the hour, a few kept as samples; no flood fills the disk."""

import asyncio
from contextlib import suppress
from typing import Self

from lumo.lib import clock
from lumo.lib.logs import get_logger
from lumo.postgres.lasting import DATABASE_ERRORS, LastingConnection
from lumo.postgres.types import Connection

log = get_logger(__name__)

SAMPLE_BYTES = 4096
_SAMPLES_PER_HOUR = 10  # a process, connection and code

_ADD = """
    INSERT INTO refusal_counts AS r (connection_id, code, hour, count)
    SELECT connection_id, code, date_trunc('hour', now()), count
    FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS mine (connection_id, code, count)
    JOIN klaviyo_connections c ON c.id = connection_id
    ORDER BY connection_id, code
    ON CONFLICT (connection_id, code, hour) DO UPDATE SET count = r.count + excluded.count
"""


class RefusalCounts:
    """Counts in memory, written every few seconds and at the end of `async with`; a killed process loses its last."""

    def __init__(self, database: LastingConnection, *, every: float) -> None:
        self._database = database
        self._every = every
        self._counts: dict[tuple[int, str], int] = {}
        self._samples: dict[tuple[int, str], int] = {}
        self._hour = 0
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._running

    def add(self, connection_id: int, code: str) -> bool:
        """Count one refusal; whether it is one of the few that are kept as samples."""
        key = (connection_id, code)
        self._counts[key] = self._counts.get(key, 0) + 1
        hour = clock.unix_ms() // 3_600_000
        if hour != self._hour:
            self._hour, self._samples = hour, {}
        self._samples[key] = self._samples.get(key, 0) + 1
        return self._samples[key] <= _SAMPLES_PER_HOUR

    async def _run(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._closing.wait()
            await self._write()

    async def _write(self) -> None:
        """Add what was counted to the database; what it does not take is kept for the next time."""
        counts, self._counts = self._counts, {}
        if not counts:
            return

        async def add(connection: Connection) -> None:
            connection_ids, codes = zip(*counts, strict=True)
            await connection.execute(_ADD, connection_ids, codes, list(counts.values()))

        try:
            await self._database.run(add)
        except DATABASE_ERRORS as error:
            log.warning("refusals not written", error=type(error).__name__)
            for key, count in counts.items():
                self._counts[key] = self._counts.get(key, 0) + count
