"""Retry loop, sweeper, partitions, retention: what keeps the tables in order."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg
import msgspec

from lumo.deliveries import ids, partitions, retention, retries, schedules, sweeper
from lumo.deliveries.enqueue import FLOW_PRIORITY, SWEPT_PRIORITY
from lumo.deliveries.ids import IdSource
from lumo.deliveries.retries import BATCH_ROWS, MOST_BATCHES
from lumo.deliveries.rows import Row, load_batch
from lumo.lib import clock
from lumo.lib.settings import Intervals, Settings
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
_MANY_RETRIES = """
    INSERT INTO retries (delivery_id, account_id, line_user_id, priority, stored_at, request_id, due_at, attempts,
        reason, detail)
    SELECT $1::bigint * 1000000 + n, $1, 'U' || n, 10, $4, n, $3, 1, 'line_busy', '' FROM generate_series(1, $2::int) n
"""
_NEVER = datetime.max.replace(tzinfo=UTC)
_JOBS = "SELECT convert_from(payload, 'UTF8')::bigint, priority FROM pgqueuer WHERE status = 'queued' ORDER BY id"


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
    fetch(settings, _TO_RETRIES, _NEVER)
    assert _run(settings, _make_batches) == 0
    fetch(settings, "UPDATE official_accounts SET paused_reason = ''")
    assert _run(settings, _make_batches) == 1


def test_parked_rows_go_on_by_batches_and_after_what_is_due(settings: Settings) -> None:
    for count, due_at in ((5000, _NEVER), (150, clock.now())):
        fetch(settings, _MANY_RETRIES, make_account(settings).pk, count, due_at, clock.now())
    assert _run(settings, _make_batches) == MOST_BATCHES
    claimed = fetch(settings, "SELECT count(*) FROM retries WHERE batch_id IS NOT NULL GROUP BY account_id ORDER BY 1")
    assert [record[0] for record in claimed] == [150, MOST_BATCHES * BATCH_ROWS - 150]


def test_of_two_accounts_that_go_on_neither_waits_for_all_of_the_other(settings: Settings) -> None:
    for _ in range(2):
        fetch(settings, _MANY_RETRIES, make_account(settings).pk, 5000, _NEVER, clock.now())
    _run(settings, _make_batches)
    assert len(fetch(settings, "SELECT DISTINCT account_id FROM retries WHERE batch_id IS NOT NULL")) == 2


def test_a_backlog_is_given_out_only_as_fast_as_it_is_worked_off(settings: Settings) -> None:
    fetch(settings, _MANY_RETRIES, make_account(settings).pk, 10_000, clock.now(), clock.now())
    assert [_run(settings, _make_batches) for _ in range(3)] == [MOST_BATCHES, 0, 0]
    fetch(settings, "UPDATE pgqueuer SET status = 'picked' WHERE id IN (SELECT id FROM pgqueuer LIMIT 5)")
    fetch(settings, "DELETE FROM pgqueuer WHERE id IN (SELECT id FROM pgqueuer WHERE status = 'queued' LIMIT 3)")
    assert _run(settings, _make_batches) == 3
    assert fetch(settings, "SELECT DISTINCT priority < $1 FROM pgqueuer", FLOW_PRIORITY) == [(True,)]


def test_however_much_is_parked_the_retry_loop_reads_only_what_it_gives_out(settings: Settings) -> None:
    paused, works = make_account(settings, paused_reason="quota"), make_account(settings)
    fetch(settings, _MANY_RETRIES, paused.pk, 20_000, _NEVER, clock.now())
    fetch(settings, _MANY_RETRIES, works.pk, 100, clock.now() + timedelta(hours=1), clock.now())
    fetch(settings, "ANALYZE retries")
    times = clock.now(), clock.now() - timedelta(hours=23)
    plan = "\n".join(record[0] for record in fetch(settings, f"EXPLAIN {retries.CLAIM}", 1, *times, BATCH_ROWS))
    assert "retries_parked" in plan
    assert "Seq Scan on retries" not in plan, plan


def test_a_batch_without_a_job_gets_one(settings: Settings) -> None:
    account = make_account(settings)
    lost = queue_rows(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(minutes=2)))
    fetch(settings, "UPDATE pgqueuer SET status = 'failed'")
    queue_rows(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(minutes=3)))
    young = queue_rows(settings, account)
    fetch(settings, "DELETE FROM pgqueuer WHERE dedupe_key LIKE $1", f"%:{young}")
    assert _run(settings, lambda connection: sweeper.sweep(connection, now=clock.now(), after=60)) == 1
    assert (lost, SWEPT_PRIORITY) in map(tuple, fetch(settings, _JOBS))
    assert _run(settings, lambda connection: sweeper.sweep(connection, now=clock.now(), after=60)) == 0


def test_a_claim_without_a_job_is_released(settings: Settings) -> None:
    queue_rows(settings, make_account(settings))
    fetch(settings, _TO_RETRIES, clock.now())
    _run(settings, _make_batches)
    later = clock.now() + timedelta(minutes=2)
    _run(settings, lambda connection: sweeper.sweep(connection, now=later, after=60))
    assert fetch(settings, "SELECT batch_id IS NULL, is_in_doubt FROM retries") == [(False, False)]
    fetch(settings, "UPDATE pgqueuer SET status = 'failed'")
    _run(settings, lambda connection: sweeper.sweep(connection, now=later, after=60))
    assert fetch(settings, "SELECT batch_id IS NULL, is_in_doubt FROM retries") == [(True, True)]


def test_a_task_that_is_cut_off_is_done_again_at_its_next_turn(settings: Settings) -> None:
    queue_rows(settings, make_account(settings))
    fetch(settings, _TO_RETRIES, clock.now())
    settings = msgspec.structs.replace(settings, intervals=Intervals(retry_loop=0.05))
    cancel = """
        SELECT pg_cancel_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'lumo-retries' AND wait_event_type = 'Lock' AND datname = current_database()
    """

    async def cut_off(watcher: asyncpg.Connection) -> None:
        holder = await asyncpg.connect(settings.database_url)
        keeping = asyncio.create_task(schedules.run(settings))
        async with holder.transaction():
            await holder.execute("LOCK TABLE retries")
            await until(lambda: _is_so(watcher, cancel))
        await holder.close()
        await until(lambda: _is_so(watcher, "SELECT batch_id IS NOT NULL FROM retries"))
        assert not keeping.done()
        os.kill(os.getpid(), signal.SIGTERM)
        await keeping

    _run(settings, cut_off)


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


async def _is_so(connection: asyncpg.Connection, question: str) -> bool:
    return bool(await connection.fetchval(question))
