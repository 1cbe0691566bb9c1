"""The job engine as Lumo uses it: its tables are on record, a job comes and goes with its caller's transaction."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from django.db import connection as django_connection
from django.db import transaction

from lumo.lib.settings import Settings
from lumo.postgres.jobs import dedupe_key, enqueue, enqueue_in
from tests.posting import until
from tests.waiting import fetch

_ON_RECORD = Path(__file__).with_name("pgqueuer.txt")
_DESCRIPTION = """
    SELECT 'type ' || typname || ': ' || string_agg(enumlabel, ' ' ORDER BY enumsortorder)
    FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid GROUP BY typname
    UNION ALL
    SELECT concat_ws(' ', relname || '.' || attname || ':', format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'not null' END, 'default ' || pg_get_expr(adbin, adrelid),
        CASE WHEN attidentity <> '' THEN 'identity' END)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relname LIKE 'pgqueuer%' AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'pgqueuer%'
    UNION ALL
    SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'pgqueuer'::regclass AND NOT tgisinternal
"""
_JOBS = "SELECT entrypoint, payload, priority, dedupe_key, status::text FROM pgqueuer ORDER BY id"
_STUCK = """
    SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
Enqueue = Callable[[Settings, str, bool], None]


def test_the_engines_tables_are_those_on_record(settings: Settings) -> None:
    """When this fails, the pin of PgQueuer was raised: write the migration between the two, then the new record."""
    described = sorted(record[0] for record in fetch(settings, _DESCRIPTION))
    assert described == _ON_RECORD.read_text().splitlines()


def from_asyncpg(settings: Settings, payload: str, is_committed: bool) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(settings.database_url)
        try:
            underway = connection.transaction()
            await underway.start()
            await enqueue(connection, "a.job", payload, priority=7)
            await (underway.commit() if is_committed else underway.rollback())
        finally:
            await connection.close()

    asyncio.run(run())


def from_django(settings: Settings, payload: str, is_committed: bool) -> None:
    with transaction.atomic():
        django_connection.ensure_connection()
        enqueue_in(django_connection.connection, "a.job", payload, priority=7)
        transaction.set_rollback(not is_committed)


@pytest.mark.parametrize("enqueue_from", [from_asyncpg, from_django])
def test_a_job_is_there_once_its_callers_transaction_is(settings: Settings, enqueue_from: Enqueue) -> None:
    enqueue_from(settings, "17", False)
    assert fetch(settings, _JOBS) == []
    enqueue_from(settings, "17", True)
    assert fetch(settings, _JOBS) == [("a.job", b"17", 7, dedupe_key("a.job", "17"), "queued")]


@pytest.mark.parametrize("first", [from_asyncpg, from_django])
@pytest.mark.parametrize("second", [from_asyncpg, from_django])
def test_a_job_is_one_of_a_kind_until_it_is_done(settings: Settings, first: Enqueue, second: Enqueue) -> None:
    first(settings, "17", True)
    second(settings, "17", True)
    second(settings, "18", True)
    assert [record["payload"] for record in fetch(settings, _JOBS)] == [b"17", b"18"]
    fetch(settings, "UPDATE pgqueuer SET status = 'picked'")
    second(settings, "17", True)
    assert len(fetch(settings, _JOBS)) == 2
    fetch(settings, "UPDATE pgqueuer SET status = 'failed'")
    second(settings, "17", True)
    assert [record["status"] for record in fetch(settings, _JOBS)] == ["failed", "failed", "queued"]


def test_the_same_job_twice_at_once_waits_for_the_other_and_is_one(settings: Settings) -> None:
    async def run() -> None:
        first, second, watching = [await asyncpg.connect(settings.database_url) for _ in range(3)]
        try:
            async with first.transaction():
                await enqueue(first, "a.job", "17")
                waiting = asyncio.create_task(enqueue(second, "a.job", "17"))
                await until(lambda: watching.fetchval(_STUCK))
            await waiting
        finally:
            for connection in (first, second, watching):
                await connection.close()

    asyncio.run(run())
    assert len(fetch(settings, _JOBS)) == 1
