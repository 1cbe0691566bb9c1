"""Store what a flush gathered: one transaction's worth of requests, queue rows and one job.

The caller opens the transaction and has checked key and enabled flag in it; an answer goes out only after its commit.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from lumo.deliveries import ids
from lumo.postgres import jobs
from lumo.postgres.types import Connection

FLOW_PRIORITY = 10  # the highest goes first
SWEPT_PRIORITY = 9  # tells the worker that an earlier job had the batch
RETRY_PRIORITY = 5  # so that no backlog delays what is new
SEND_JOB = "deliveries.send"

_CLAIM_KEYS = """
    INSERT INTO dedupe_keys AS d (key, delivery_id, expires_at)
    SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::timestamptz[])
    ON CONFLICT (key) DO UPDATE SET delivery_id = excluded.delivery_id, expires_at = excluded.expires_at
    WHERE d.expires_at < $4
    RETURNING key
"""
_FIND_ORIGINALS = "SELECT key, delivery_id FROM dedupe_keys WHERE key = ANY($1::bytea[])"

_REQUEST_COLUMNS = (
    "id", "workspace_id", "connection_id", "code", "original_id", "account_id", "line_user_id",
    "flow_id", "placement", "profile", "event", "message", "body",
)  # fmt: skip
_QUEUE_COLUMNS = (
    "delivery_id", "batch_id", "account_id", "line_user_id", "priority", "stored_at", "request_id",
)  # fmt: skip


class Incoming(msgspec.Struct, kw_only=True):
    """A Flow request to store. One with a `code` is only recorded as refused; the others are to be sent once."""

    workspace_id: int
    connection_id: int
    body: bytes
    code: str | None = None
    dedupe_key: bytes = b""
    account_id: int | None = None
    line_user_id: str | None = None
    flow_id: str = ""
    placement: str = ""
    profile: str = ""
    event: str = ""
    message: str = ""


class Stored(msgspec.Struct, frozen=True):
    """Where a request went: its id, or the id of the original that it repeats."""

    id: int
    is_duplicate: bool = False


async def store(
    connection: Connection, incoming: Sequence[Incoming], *, base_id: int, dedupe_kept: float
) -> list[Stored]:
    """Store up to `ids.ROWS_PER_FLUSH` requests under the ids from `base_id` on; answers in the order given.

    `dedupe_kept` in seconds. Equal keys collapse: the first is sent, the others are recorded as its duplicates.
    """
    stored_at = ids.stored_at(base_id)
    originals = await _claim_keys(
        connection, incoming, base_id=base_id, now=stored_at, expires_at=stored_at + timedelta(seconds=dedupe_kept)
    )
    answers = [
        _answer(item, base_id + row, originals.get(item.dedupe_key, base_id + row)) for row, item in enumerate(incoming)
    ]
    numbered = list(zip(incoming, answers, strict=True))
    await connection.copy_records_to_table(
        "flow_requests",
        columns=_REQUEST_COLUMNS,
        records=[_request_row(item, answer, base_id + row) for row, (item, answer) in enumerate(numbered)],
    )
    queued = [(item, answer) for item, answer in numbered if item.code is None and not answer.is_duplicate]
    if queued:
        await connection.copy_records_to_table(
            "queue", columns=_QUEUE_COLUMNS, records=[_queue_row(item, answer, base_id) for item, answer in queued]
        )
        await jobs.enqueue(connection, SEND_JOB, str(base_id), priority=FLOW_PRIORITY)
    return answers


async def _claim_keys(
    connection: Connection, incoming: Sequence[Incoming], *, base_id: int, now: datetime, expires_at: datetime
) -> dict[bytes, int]:
    """Which delivery each key belongs to: ours where it was free, an earlier one where it was not.

    Sorted, so that two flushes that share keys wait for each other instead of deadlocking.
    """
    first_rows: dict[bytes, int] = {}
    for row, item in enumerate(incoming):
        if item.code is None:
            first_rows.setdefault(item.dedupe_key, base_id + row)
    if not first_rows:
        return first_rows
    keys = sorted(first_rows)
    claimed = await connection.fetch(
        _CLAIM_KEYS, keys, [first_rows[key] for key in keys], [expires_at] * len(keys), now
    )
    taken = first_rows.keys() - {record["key"] for record in claimed}
    if taken:
        for record in await connection.fetch(_FIND_ORIGINALS, list(taken)):
            first_rows[record["key"]] = record["delivery_id"]
    return first_rows


def _answer(item: Incoming, own_id: int, original_id: int) -> Stored:
    if item.code is not None or original_id == own_id:
        return Stored(own_id)
    return Stored(original_id, is_duplicate=True)


def _request_row(item: Incoming, answer: Stored, own_id: int) -> tuple[object, ...]:
    code = "duplicate" if answer.is_duplicate else item.code
    original_id = answer.id if answer.is_duplicate else None
    return (
        own_id, item.workspace_id, item.connection_id, code, original_id, item.account_id, item.line_user_id,
        item.flow_id, item.placement, item.profile, item.event, item.message, item.body,
    )  # fmt: skip


def _queue_row(item: Incoming, answer: Stored, base_id: int) -> tuple[object, ...]:
    return (
        answer.id, base_id, item.account_id, item.line_user_id, FLOW_PRIORITY, ids.stored_at(answer.id), answer.id,
    )  # fmt: skip
