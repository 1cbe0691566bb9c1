"""Retry loop, sweeper, partitions, retention: what keeps the tables in order."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg

from lumo.deliveries import ids, partitions, retention, retries, sweeper
from lumo.deliveries.ids import IdSource
from lumo.deliveries.rows import Row, load_batch
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.workspaces.models import Workspace
from tests.factories import make_account, make_workspace
from tests.posting import until
from tests.waiting import fetch, queue_rows

T = TypeVar("T")

_TO_RETRIES = """
    WITH gone AS (DELETE FROM queue RETURNING *)
    INSERT INTO retries (delivery_id, account_id, line_user_id, priority, stored_at, request_id, due_at, attempts,
        reason, detail)
    SELECT delivery_id, account_id, line_user_id, priority, stored_at, request_id, $1, 1, 'line_busy', '' FROM gone
"""
_JOBS = "SELECT convert_from(payload, 'UTF8')::bigint FROM pgqueuer WHERE status = 'queued' ORDER BY id"


def test_what_is_due_becomes_batches_of_200(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=450)
    fetch(settings, "DELETE FROM pgqueuer")
    fetch(settings, _TO_RETRIES, clock.now() - timedelta(seconds=1))
    assert _run(settings, _make_batches) == 3
    sizes = fetch(settings, "SELECT count(*) FROM retries GROUP BY batch_id ORDER BY 1")
    assert [record[0] for record in sizes] == [50, 200, 200]
    assert {record[0] for record in fetch(settings, _JOBS)} == {
        record[0] for record in fetch(settings, "SELECT DISTINCT batch_id FROM retries")
    }
    assert _run(settings, _make_batches) == 0


def test_what_is_not_due_waits_unless_it_is_too_old(settings: Settings) -> None:
    account = make_account(settings)
    queue_rows(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(hours=23, minutes=1)))
    fetch(settings, _TO_RETRIES, clock.now() + timedelta(hours=5))
    queue_rows(settings, account)
    fetch(settings, _TO_RETRIES, clock.now() + timedelta(hours=5))
    assert _run(settings, _make_batches) == 1
    kept = fetch(settings, "SELECT stored_at < now() - interval '1 hour', batch_id IS NULL FROM retries ORDER BY 1")
    assert kept == [(False, True), (True, False)]


def test_parked_rows_go_on_when_their_account_does(settings: Settings) -> None:
    account = make_account(settings, paused_reason="quota")
    queue_rows(settings, account, count=2)
    fetch(settings, _TO_RETRIES, datetime.max.replace(tzinfo=UTC))
    assert _run(settings, _make_batches) == 0
    fetch(settings, "UPDATE official_accounts SET paused_reason = ''")
    assert _run(settings, _make_batches) == 1


def test_a_batch_without_a_job_gets_one(settings: Settings) -> None:
    account = make_account(settings)
    lost = queue_rows(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(minutes=2)))
    fetch(settings, "UPDATE pgqueuer SET status = 'failed'")
    queue_rows(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(minutes=3)))
    young = queue_rows(settings, account)
    fetch(settings, "DELETE FROM pgqueuer WHERE dedupe_key LIKE $1", f"%:{young}")
    assert _run(settings, lambda connection: sweeper.sweep(connection, now=clock.now(), after=60)) == 1
    assert lost in {record[0] for record in fetch(settings, _JOBS)}
    assert _run(settings, lambda connection: sweeper.sweep(connection, now=clock.now(), after=60)) == 0


def test_a_claim_without_a_job_is_released(settings: Settings) -> None:
    queue_rows(settings, make_account(settings))
    fetch(settings, _TO_RETRIES, clock.now())
    _run(settings, _make_batches)
    later = clock.now() + timedelta(minutes=2)
    _run(settings, lambda connection: sweeper.sweep(connection, now=later, after=60))
    assert fetch(settings, "SELECT batch_id IS NULL FROM retries") == [(False,)]
    fetch(settings, "UPDATE pgqueuer SET status = 'failed'")
    _run(settings, lambda connection: sweeper.sweep(connection, now=later, after=60))
    assert fetch(settings, "SELECT batch_id IS NULL FROM retries") == [(True,)]


def test_partitions_are_made_ahead_and_take_what_the_default_had(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=2)
    now = clock.now()
    made = _make_partitions(settings, now=now)
    assert made[:8] == [f"flow_requests_{now + timedelta(days=day):%Y%m%d}" for day in range(8)]
    assert made[8] == f"deliveries_{now:%Y%m}01"
    assert _make_partitions(settings, now=now) == []
    assert fetch(settings, f"SELECT count(*) FROM flow_requests_{now:%Y%m%d}") == [(2,)]
    queue_rows(settings, make_account(settings), count=3)
    assert fetch(settings, "SELECT count(*) FROM flow_requests_default") == [(0,)]
    assert fetch(settings, "SELECT count(*) FROM flow_requests") == [(5,)]


def test_who_reads_or_writes_while_a_partition_is_made_waits_for_it(settings: Settings) -> None:
    account = make_account(settings)
    batch_id = queue_rows(settings, account, count=2)

    async def make_while_others_work(connection: asyncpg.Connection) -> list[Row]:
        reader, watcher = [await asyncpg.connect(settings.database_url) for _ in range(2)]
        async with connection.transaction():
            await partitions.make_ahead(connection, now=clock.now())
            reading = asyncio.create_task(load_batch(reader, batch_id))
            writing = asyncio.create_task(asyncio.to_thread(queue_rows, settings, account))
            await until(lambda: _are_waiting(watcher, 2))
        rows = await reading
        await writing
        await reader.close()
        await watcher.close()
        return rows

    assert [bool(row.body) for row in _run(settings, make_while_others_work)] == [True, True]


def test_every_workspace_keeps_its_requests_for_its_own_time(settings: Settings) -> None:
    short, long = make_workspace(retention_days=2), make_workspace(retention_days=10)
    now = clock.now()
    for days in (11.5, 9, 3, 1):
        moment = now - timedelta(days=days)
        _make_partitions(settings, now=moment)
        for workspace in (short, long):
            account = workspace.accounts.first() or make_account(settings, workspace)
            queue_rows(settings, account, base_id=ids.first_id_at(moment) + workspace.pk * ids.ROWS_PER_FLUSH)
    _run(settings, lambda connection: retention.drop_what_is_old(connection, now=now))
    assert _requests_kept(settings, short) == 1
    assert _requests_kept(settings, long) == 3
    oldest = min(_run(settings, lambda connection: partitions.list_partitions(connection, "flow_requests")))
    assert oldest == f"flow_requests_{now - timedelta(days=10):%Y%m%d}"


def test_expired_keys_go_and_living_ones_stay(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=2)
    fetch(settings, "UPDATE dedupe_keys SET expires_at = now() - interval '1 s' WHERE key LIKE '%0'")
    _run(settings, lambda connection: retention.drop_what_is_old(connection, now=clock.now()))
    assert fetch(settings, "SELECT count(*) FROM dedupe_keys") == [(1,)]


def _make_partitions(settings: Settings, *, now: datetime) -> list[str]:
    return _run(settings, lambda connection: partitions.make_ahead(connection, now=now))


async def _make_batches(connection: asyncpg.Connection) -> int:
    return await retries.make_batches(connection, ids=IdSource(), now=clock.now(), expire_after=23 * 3600)


def _requests_kept(settings: Settings, workspace: Workspace) -> int:
    return int(fetch(settings, "SELECT count(*) FROM flow_requests WHERE workspace_id = $1", workspace.pk)[0][0])


def _run(settings: Settings, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        connection = await asyncpg.connect(settings.database_url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


async def _are_waiting(connection: asyncpg.Connection, count: int) -> bool:
    """Whether so many others wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(await connection.fetchval(waiting) == count)
