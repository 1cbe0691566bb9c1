"""Batches that no job owns any more get one again: the safety net under the job engine."""

from datetime import datetime, timedelta

from lumo.deliveries import ids
from lumo.deliveries.enqueue import SEND_JOB, SWEPT_PRIORITY
from lumo.lib.logs import get_logger
from lumo.postgres import jobs
from lumo.postgres.types import Connection

log = get_logger(__name__)

_BATCHES_AT_ONCE = 1000
_ORPHANS = """
    SELECT DISTINCT batch_id FROM queue w
    WHERE batch_id < $1 AND NOT EXISTS (
        SELECT FROM pgqueuer job WHERE job.dedupe_key = $2 || w.batch_id AND job.status IN ('queued', 'picked')
    )
    LIMIT $3
"""
# Whoever had them in hand may have pushed them.
_RELEASE = """
    UPDATE retries w SET batch_id = NULL, claimed_at = NULL, is_in_doubt = true
    WHERE batch_id IS NOT NULL AND claimed_at < $1 AND NOT EXISTS (
        SELECT FROM pgqueuer job WHERE job.dedupe_key = $2 || w.batch_id AND job.status IN ('queued', 'picked')
    )
"""


async def sweep(connection: Connection, *, now: datetime, after: float) -> int:
    """Enqueue again every batch that is older than `after` seconds, has rows left and no live job.

    Rows of `retries` go back to the retry loop instead. Returns the number of batches found.
    """
    since = now - timedelta(seconds=after)
    prefix = jobs.dedupe_key(SEND_JOB, "")
    async with connection.transaction():
        await connection.execute(_RELEASE, since, prefix)
        found = await connection.fetch(_ORPHANS, ids.first_id_at(since), prefix, _BATCHES_AT_ONCE)
        for record in found:
            await jobs.enqueue(connection, SEND_JOB, str(record["batch_id"]), priority=SWEPT_PRIORITY)
    if found:
        log.warning("batches without a job enqueued again", count=len(found))
    return len(found)
