"""What is old goes: whole partitions where no workspace keeps them longer, rows in small batches elsewhere."""

from datetime import datetime, timedelta

from lumo.deliveries import ids, partitions
from lumo.postgres.types import Connection

DELIVERIES_KEPT = timedelta(days=396)  # 13 months
_CAPS_KEPT = timedelta(days=1)
_JOB_LOG_KEPT = timedelta(hours=6)
_FAILED_JOBS_KEPT = timedelta(days=7)
_ROWS_AT_ONCE = 5000

_LONGEST = "SELECT coalesce(max(retention_days), 30) FROM workspaces"
_SHORTER = "SELECT id, retention_days FROM workspaces WHERE retention_days < $1"
# Through ids, so that each batch reads only what it deletes; waiting rows are never older than a day.
_OLD_REQUESTS = """
    DELETE FROM flow_requests WHERE id IN (
        SELECT id FROM flow_requests WHERE workspace_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4
    )
"""
_OLD_KEYS = "DELETE FROM dedupe_keys WHERE key IN (SELECT key FROM dedupe_keys WHERE expires_at < $1 LIMIT $2)"
_OLD_CAPS = """
    DELETE FROM cap_reservations
    WHERE delivery_id IN (SELECT delivery_id FROM cap_reservations WHERE reserved_at < $1 LIMIT $2)
"""
_OLD_JOB_LOG = "DELETE FROM pgqueuer_log WHERE id IN (SELECT id FROM pgqueuer_log WHERE created < $1 LIMIT $2)"
_OLD_FAILED_JOBS = """
    DELETE FROM pgqueuer WHERE id IN (
        SELECT id FROM pgqueuer WHERE status = 'failed' AND updated < $1 LIMIT $2
    )
"""


async def drop_what_is_old(connection: Connection, *, now: datetime) -> None:
    """Apply every retention once. Small transactions, safe to stop and run again."""
    longest = await connection.fetchval(_LONGEST)
    await partitions.drop_before(connection, "flow_requests", moment=now - timedelta(days=longest))
    await partitions.drop_before(connection, "deliveries", moment=now - DELIVERIES_KEPT)
    oldest = ids.first_id_at(now - timedelta(days=longest + 1))
    for record in await connection.fetch(_SHORTER, longest):
        kept_from = ids.first_id_at(now - timedelta(days=record["retention_days"]))
        await _delete(connection, _OLD_REQUESTS, record["id"], oldest, kept_from)
    await _delete(connection, _OLD_KEYS, now)
    await _delete(connection, _OLD_CAPS, now - _CAPS_KEPT)
    await _delete(connection, _OLD_JOB_LOG, now - _JOB_LOG_KEPT)
    await _delete(connection, _OLD_FAILED_JOBS, now - _FAILED_JOBS_KEPT)


async def _delete(connection: Connection, statement: str, *arguments: object) -> None:
    """Repeat a DELETE of at most 5,000 rows, a transaction each, until it finds fewer."""
    deleted = _ROWS_AT_ONCE
    while deleted == _ROWS_AT_ONCE:
        status = await connection.execute(statement, *arguments, _ROWS_AT_ONCE)
        deleted = int(status.rpartition(" ")[2])
