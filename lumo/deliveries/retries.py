"""What waits and is due becomes batches again: once a second, one process at a time."""

from datetime import datetime, timedelta

from lumo.deliveries.enqueue import RETRY_PRIORITY, SEND_JOB
from lumo.deliveries.ids import IdSource
from lumo.postgres import jobs
from lumo.postgres.types import Connection

BATCH_ROWS = 200
MOST_BATCHES = 20  # given out and not worked off; the rest of a backlog waits here
_UNDER_WAY = """
    SELECT (SELECT count(*) FROM pgqueuer WHERE status = 'queued' AND entrypoint = $1 AND priority = $2)
        + (SELECT count(*) FROM pgqueuer WHERE status = 'picked' AND entrypoint = $1 AND priority = $2)
"""
# First what is due; then what is too old, so that a parked row ends with its pause's reason and is never kept for
# ever; then what was parked for an account that works again, beginning with any: each source along its own index.
CLAIM = """
    WITH due AS (
        SELECT delivery_id FROM retries WHERE batch_id IS NULL AND due_at < 'infinity' AND due_at <= $2
        ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
    ), expired AS (
        SELECT delivery_id FROM retries WHERE batch_id IS NULL AND stored_at <= $3
        ORDER BY stored_at LIMIT $4 FOR UPDATE SKIP LOCKED
    ), working AS (
        SELECT id FROM official_accounts WHERE paused_reason = '' ORDER BY random()
    ), parked AS (
        SELECT delivery_id FROM working CROSS JOIN LATERAL (
            SELECT delivery_id FROM retries
            WHERE account_id = working.id AND due_at = 'infinity' AND batch_id IS NULL
            LIMIT $4 FOR UPDATE SKIP LOCKED
        ) theirs
    ), mine AS (
        SELECT delivery_id FROM due UNION ALL SELECT delivery_id FROM expired UNION ALL SELECT delivery_id FROM parked
        LIMIT $4
    )
    UPDATE retries SET batch_id = $1, claimed_at = $2 WHERE delivery_id = ANY(ARRAY(SELECT delivery_id FROM mine))
"""


async def make_batches(connection: Connection, *, ids: IdSource, now: datetime, expire_after: float) -> int:
    """Give out what is due at `now`, in batches of 200 rows; returns the number of batches.

    At most 20 batches are under way at any time. Rows older than `expire_after` seconds are given out too, due or
    not: the worker finds them expired.
    """
    expired_since = now - timedelta(seconds=expire_after)
    under_way: int = await connection.fetchval(_UNDER_WAY, SEND_JOB, RETRY_PRIORITY)
    most = max(0, MOST_BATCHES - under_way)
    for count in range(most):
        async with connection.transaction():
            batch_id = ids.next_base()
            status = await connection.execute(CLAIM, batch_id, now, expired_since, BATCH_ROWS)
            claimed = int(status.rpartition(" ")[2])
            if claimed:
                await jobs.enqueue(connection, SEND_JOB, str(batch_id), priority=RETRY_PRIORITY)
        if claimed < BATCH_ROWS:
            return count + bool(claimed)
    return most
