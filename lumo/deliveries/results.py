"""Outcomes written in batches: every 200 rows or 100 ms, one transaction each.

Who removes a row from where it waited owns it: of two runs of one batch only one writes its outcome.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

import asyncpg

from lumo.deliveries.outcomes import Finished, Outcome, Waiting
from lumo.lib import clock
from lumo.lib.logs import get_logger
from lumo.postgres.types import Connection

log = get_logger(__name__)

# SQLSTATE 22 and 23; asyncpg itself finds text that is not UTF-8.
_DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, UnicodeEncodeError)
_MINUTE = 60.0
_MOST_NOTED = 10_000  # placements; whoever holds a key may name as many as they like
_FULL = 200
_MOST = 1000
_FOREVER = datetime.max.replace(tzinfo=UTC)  # asyncpg writes it as 'infinity'

_TAKE_FROM_QUEUE = "DELETE FROM queue WHERE delivery_id = ANY($1::bigint[]) RETURNING delivery_id"
_TAKE_FROM_RETRIES = """
    DELETE FROM retries r USING unnest($1::bigint[], $2::bigint[]) AS mine (delivery_id, batch_id)
    WHERE r.delivery_id = mine.delivery_id AND r.batch_id = mine.batch_id
    RETURNING r.delivery_id
"""
_WAIT_AGAIN = """
    UPDATE retries r SET batch_id = NULL, claimed_at = NULL, due_at = mine.due_at, attempts = mine.attempts,
        first_attempt_at = mine.first_attempt_at, reason = mine.reason, detail = mine.detail,
        is_in_doubt = mine.is_in_doubt, payload = coalesce(r.payload, mine.payload),
        revision_id = coalesce(r.revision_id, mine.revision_id)
    FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::smallint[], $5::timestamptz[], $6::text[],
        $7::text[], $8::boolean[], $9::bytea[], $10::bigint[])
        AS mine (delivery_id, batch_id, due_at, attempts, first_attempt_at, reason, detail, is_in_doubt, payload,
            revision_id)
    WHERE r.delivery_id = mine.delivery_id AND r.batch_id = mine.batch_id
"""
_MEET_FRIENDS = """
    INSERT INTO friends (account_id, line_user_id) SELECT * FROM unnest($1::bigint[], $2::text[])
    ON CONFLICT DO NOTHING
"""
# A request may name any placement; only one of the message that it sends is meant.
_USE_PLACEMENTS = """
    UPDATE placements p SET last_used_at = now()
    FROM unnest($1::text[], $2::bigint[]) AS used (placement, revision_id)
        JOIN message_revisions revision ON revision.id = used.revision_id
    WHERE p.public_id = used.placement AND p.message_id = revision.message_id
        AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""
_GIVE_BACK_CAP = "DELETE FROM cap_reservations WHERE delivery_id = ANY($1::bigint[])"

_DELIVERY_COLUMNS = (
    "id", "workspace_id", "account_id", "line_user_id", "route", "request_id", "flow_id", "placement", "profile",
    "state", "reason", "detail", "attempts", "stored_at", "first_attempt_at", "finished_at", "line_request_id",
    "is_in_doubt", "revision_id",
)  # fmt: skip
_RETRY_COLUMNS = (
    "delivery_id", "account_id", "line_user_id", "priority", "stored_at", "request_id", "due_at", "attempts",
    "first_attempt_at", "reason", "detail", "is_in_doubt", "payload", "revision_id",
)  # fmt: skip


class Results:
    """Takes outcomes from any number of batches; the end of `async with` waits until all are written."""

    def __init__(self, pool: asyncpg.Pool, *, window: float) -> None:
        self._pool = pool
        self._window = window
        self._waiting: list[Outcome] = []
        self._written: asyncio.Future[None] | None = None
        self._full = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False
        self._uses = Uses()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closing = True
        self._full.set()
        if self._writer is not None:
            await self._writer

    def put(self, outcome: Outcome) -> asyncio.Future[None]:
        """Take an outcome; the future is done when it is committed, or carries what went wrong."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._waiting.append(outcome)
        if len(self._waiting) >= _FULL:
            self._full.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        return self._written

    async def _write_waiting(self) -> None:
        while self._written is not None:
            await self._fill()
            outcomes, written = self._waiting, self._written
            self._waiting, self._written = [], None
            await self._write_all(outcomes, written)

    async def _fill(self) -> None:
        """Wait until there is a full batch or the window is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._window):
                await self._full.wait()
        if not self._is_closing:
            self._full.clear()

    async def _write_all(self, outcomes: Sequence[Outcome], written: asyncio.Future[None]) -> None:
        try:
            for start in range(0, len(outcomes), _MOST):
                await self._write_or_split(outcomes[start : start + _MOST])
            await self._note_uses(outcomes)
        except BaseException as error:  # whatever it is: nobody waits for ever
            if not written.done():
                written.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            if not written.done():  # who waited may have been cancelled
                written.set_result(None)

    async def _write_or_split(self, outcomes: Sequence[Outcome]) -> None:
        """Write; when the data of one outcome is at fault in two halves, and so on down to it, which is left alone.

        Its row stays where it waited, and the sweeper finds it again.
        """
        try:
            await self._write_with_second_try(outcomes)
        except _DATA_ERRORS as error:
            if len(outcomes) > 1:
                half = len(outcomes) // 2
                await self._write_or_split(outcomes[:half])
                await self._write_or_split(outcomes[half:])
                return
            log.exception("a result can't be written", delivery_id=outcomes[0].row.delivery_id)
            if isinstance(error, asyncpg.UniqueViolationError):  # where it goes to it is already
                async with self._pool.acquire() as connection:
                    await _take(connection, outcomes)

    async def _note_uses(self, outcomes: Sequence[Outcome]) -> None:
        """Say of the placements that were sent that somebody runs them."""
        rows = (item.row for item in outcomes)
        used = self._uses.take({(row.placement, row.revision_id) for row in rows if row.placement and row.revision_id})
        if used:
            await self._pool.execute(_USE_PLACEMENTS, *zip(*sorted(used), strict=True))

    async def _write_with_second_try(self, outcomes: Sequence[Outcome]) -> None:
        """Two runs of one batch may take its rows in different orders and deadlock: one of them tries again."""
        try:
            await write(self._pool, outcomes)
        except asyncpg.DeadlockDetectedError:
            await write(self._pool, outcomes)


class Uses:
    """Which placements, with the revision that was sent, this process has to note as used: each once a minute."""

    def __init__(self) -> None:
        self._noted_at: dict[tuple[str, int], float] = {}  # on the monotonic clock

    def take(self, placements: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those that were not noted within the last minute; they count as noted now."""
        now = time.monotonic()
        due = [one for one in placements if now - self._noted_at.get(one, -_MINUTE) >= _MINUTE]
        if len(self._noted_at) > _MOST_NOTED:
            self._noted_at.clear()
        self._noted_at.update(dict.fromkeys(due, now))
        return due


async def write(pool: asyncpg.Pool, outcomes: Sequence[Outcome]) -> None:
    """Write these outcomes in one transaction; those of rows that somebody else finished meanwhile are dropped."""
    waiting_again = [item for item in outcomes if isinstance(item, Waiting) and item.row.is_retry]
    leaving = [item for item in outcomes if isinstance(item, Finished) or not item.row.is_retry]
    async with pool.acquire() as connection, connection.transaction():
        owned = await _take(connection, leaving)
        finished = [item for item in leaving if isinstance(item, Finished) and item.row.delivery_id in owned]
        if finished:
            await _write_finished(connection, finished)
        new = [item for item in leaving if isinstance(item, Waiting) and item.row.delivery_id in owned]
        if new:
            await connection.copy_records_to_table(
                "retries", columns=_RETRY_COLUMNS, records=[_retry_row(item) for item in new]
            )
        if waiting_again:
            await _wait_again(connection, waiting_again)


async def _take(connection: Connection, leaving: Sequence[Outcome]) -> set[int]:
    """Remove rows from where they waited; the ids of those that were still there and in our hand."""
    queued = sorted(item.row.delivery_id for item in leaving if not item.row.is_retry)
    retried = sorted((item.row.delivery_id, item.row.batch_id) for item in leaving if item.row.is_retry)
    taken: list[asyncpg.Record] = []
    if queued:
        taken += await connection.fetch(_TAKE_FROM_QUEUE, queued)
    if retried:
        delivery_ids, batch_ids = zip(*retried, strict=True)
        taken += await connection.fetch(_TAKE_FROM_RETRIES, delivery_ids, batch_ids)
    return {record["delivery_id"] for record in taken}


async def _write_finished(connection: Connection, finished: Sequence[Finished]) -> None:
    now = clock.now()
    await connection.copy_records_to_table(
        "deliveries", columns=_DELIVERY_COLUMNS, records=[_delivery_row(item, now) for item in finished]
    )
    met = {
        (item.row.account_id, item.row.line_user_id)
        for item in finished
        if item.state == "delivered" and item.row.friend_state is None
    }
    if met:
        account_ids, line_user_ids = zip(*sorted(met), strict=True)
        await connection.execute(_MEET_FRIENDS, account_ids, line_user_ids)
    unused = [
        item.row.delivery_id
        for item in finished
        if item.state != "delivered" and (item.row.has_cap_reservation or item.row.is_retry)
    ]
    if unused:
        await connection.execute(_GIVE_BACK_CAP, unused)


async def _wait_again(connection: Connection, waiting: Iterable[Waiting]) -> None:
    columns = zip(
        *(
            (
                item.row.delivery_id, item.row.batch_id, item.due_at or _FOREVER, item.row.attempts,
                item.row.first_attempt_at, item.reason, _storable(item.detail), item.row.is_in_doubt,
                item.row.payload, item.row.revision_id,
            )
            for item in sorted(waiting, key=lambda item: item.row.delivery_id)
        ),
        strict=True,
    )  # fmt: skip
    await connection.execute(_WAIT_AGAIN, *columns)


def _delivery_row(item: Finished, now: datetime) -> tuple[object, ...]:
    row = item.row
    return (
        row.delivery_id, row.workspace_id, row.account_id, row.line_user_id, "flow", row.request_id, row.flow_id,
        row.placement, row.profile, item.state, item.reason, _storable(item.detail), row.attempts, row.stored_at,
        row.first_attempt_at, now, item.line_request_id, row.is_in_doubt, row.revision_id,
    )  # fmt: skip


def _retry_row(item: Waiting) -> tuple[object, ...]:
    row = item.row
    return (
        row.delivery_id, row.account_id, row.line_user_id, row.priority, row.stored_at, row.request_id,
        item.due_at or _FOREVER, row.attempts, row.first_attempt_at, item.reason, _storable(item.detail),
        row.is_in_doubt, row.payload, row.revision_id,
    )  # fmt: skip


def _storable(text: str) -> str:
    """LINE's words as PostgreSQL can store them: no NUL, no lone surrogates."""
    return text.replace("\0", "").encode(errors="replace").decode()
