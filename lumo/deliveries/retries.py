"""What waits and is due becomes batches again: once a second, one process at a time."""

from datetime import datetime, timedelta

from lumo.deliveries.enqueue import FLOW_PRIORITY, SEND_JOB
from lumo.deliveries.ids import IdSource
from lumo.postgres import jobs
from lumo.postgres.types import Connection

_BATCH_ROWS = 200
_BATCHES_AT_ONCE = 20
_UNPARK = """
    UPDATE retries SET due_at = $1 FROM official_accounts a
    WHERE a.id = account_id AND a.paused_reason = '' AND due_at = 'infinity' AND batch_id IS NULL
"""
# Too old counts as due, so that a parked row ends with its pause's reason and is never kept for ever.
_CLAIM = """
    WITH due AS (
        SELECT delivery_id FROM retries WHERE batch_id IS NULL AND (due_at <= $2 OR stored_at <= $3)
        ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE retries SET batch_id = $1, claimed_at = $2 FROM due WHERE retries.delivery_id = due.delivery_id
"""


async def make_batches(connection: Connection, *, ids: IdSource, now: datetime, expire_after: float) -> int:
    """Give out what is due at `now`, in batches of 200 rows; returns the number of batches.

    Rows older than `expire_after` seconds are given out too, due or not: the worker finds them expired.
    """
    await connection.execute(_UNPARK, now)
    expired_since = now - timedelta(seconds=expire_after)
    for count in range(_BATCHES_AT_ONCE):
        async with connection.transaction():
            batch_id = ids.next_base()
            status = await connection.execute(_CLAIM, batch_id, now, expired_since, _BATCH_ROWS)
            claimed = int(status.rpartition(" ")[2])
            if claimed:
                await jobs.enqueue(connection, SEND_JOB, str(batch_id), priority=FLOW_PRIORITY)
        if claimed < _BATCH_ROWS:
            return count + bool(claimed)
    return _BATCHES_AT_ONCE
