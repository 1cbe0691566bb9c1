"""Who takes a row away writes its outcome: two runs of one batch never both do."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from lumo.deliveries import ids
from lumo.deliveries.outcomes import Finished, Outcome, Waiting
from lumo.deliveries.results import Results, write
from lumo.deliveries.rows import Row, load_batch
from lumo.lib import clock
from lumo.lib.settings import Settings
from tests.factories import line_user_id, make_account
from tests.waiting import fetch, queue_rows


@pytest.fixture
def rows(settings: Settings) -> list[Row]:
    """Three rows of one batch, as a worker loads them."""
    batch_id = queue_rows(settings, make_account(settings), count=3)
    return asyncio.run(_load(settings, batch_id))


def test_finished_rows_leave_the_queue_and_their_friends_are_met(settings: Settings, rows: list[Row]) -> None:
    outcomes: list[Outcome] = [
        Finished(rows[0], "delivered", line_request_id="req-1"),
        Finished(rows[1], "failed", "line_refused", "LINE's words \0 \ud800"),
        Finished(rows[2], "skipped", "no_consent"),
    ]
    _write(settings, outcomes)
    found = fetch(settings, "SELECT id, state, reason, detail, line_request_id FROM deliveries ORDER BY id")
    assert [tuple(record) for record in found] == [
        (rows[0].delivery_id, "delivered", None, "", "req-1"),
        (rows[1].delivery_id, "failed", "line_refused", "LINE's words  ?", ""),
        (rows[2].delivery_id, "skipped", "no_consent", "", ""),
    ]
    assert fetch(settings, "SELECT FROM queue") == []
    assert [record[0] for record in fetch(settings, "SELECT line_user_id FROM friends")] == [line_user_id(0)]


def test_a_second_run_writes_nothing(settings: Settings, rows: list[Row]) -> None:
    _write(settings, [Finished(row, "delivered") for row in rows])
    _write(settings, [Finished(rows[0], "failed", "internal"), Waiting(rows[1], clock.now(), "line_busy")])
    assert [record[0] for record in fetch(settings, "SELECT state FROM deliveries")] == ["delivered"] * 3
    assert fetch(settings, "SELECT FROM retries") == []


def test_a_waiting_row_keeps_its_first_rendering(settings: Settings, rows: list[Row]) -> None:
    row, due_at = rows[0], clock.now() + timedelta(seconds=5)
    row.payload, row.attempts, row.first_attempt_at = b"first", 1, clock.now()
    _write(settings, [Waiting(row, due_at, "line_busy", "500")])
    again = _claim(settings, row, batch_id=7)
    assert (again.is_retry, again.payload, again.attempts, again.body) == (True, b"first", 1, None)
    again.payload, again.attempts = b"second", 2
    _write(settings, [Waiting(again, None, "quota")])
    kept = fetch(settings, "SELECT payload, attempts, reason, due_at = 'infinity', batch_id FROM retries")
    assert [tuple(record) for record in kept] == [(b"first", 2, "quota", True, None)]


def test_a_row_given_to_another_batch_is_out_of_hand(settings: Settings, rows: list[Row]) -> None:
    _write(settings, [Waiting(rows[0], clock.now(), "line_busy")])
    stale = _claim(settings, rows[0], batch_id=7)
    _claim(settings, rows[0], batch_id=8)
    _write(settings, [Finished(stale, "failed", "internal")])
    _write(settings, [Waiting(stale, None, "quota")])
    kept = fetch(settings, "SELECT batch_id, reason FROM retries")
    assert [tuple(record) for record in kept] == [(8, "line_busy")]
    assert fetch(settings, "SELECT FROM deliveries") == []


def test_the_writer_ends_only_when_all_is_written(settings: Settings, rows: list[Row]) -> None:
    async def put_and_leave() -> list[bool]:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            async with Results(pool, window=60.0) as results:
                futures = [results.put(Finished(row, "delivered")) for row in rows]
            return [future.done() for future in futures]

    assert asyncio.run(put_and_leave()) == [True] * 3
    assert len(fetch(settings, "SELECT FROM deliveries")) == 3


def test_one_that_cannot_be_written_stays_and_blocks_no_other(settings: Settings, rows: list[Row]) -> None:
    impossible: Any = "no such state"
    _put(settings, [Finished(rows[0], "delivered"), Finished(rows[1], impossible), Finished(rows[2], "delivered")])
    assert fetch(settings, "SELECT delivery_id FROM queue") == [(rows[1].delivery_id,)]
    assert len(fetch(settings, "SELECT FROM deliveries")) == 2


def test_a_row_that_has_its_result_already_leaves_the_queue(settings: Settings, rows: list[Row]) -> None:
    _put(settings, [Finished(rows[1], "delivered", line_request_id="first")])
    again = (
        "INSERT INTO queue SELECT delivery_id, $1, $2, '', 10, now(), delivery_id FROM unnest($3::bigint[]) delivery_id"
    )
    fetch(settings, again, rows[1].batch_id, rows[1].account_id, [rows[1].delivery_id])
    _put(settings, [Finished(row, "failed", "internal") for row in rows])
    assert fetch(settings, "SELECT FROM queue") == []
    found = fetch(settings, "SELECT state, line_request_id FROM deliveries ORDER BY id")
    assert [tuple(record) for record in found] == [("failed", ""), ("delivered", "first"), ("failed", "")]


def test_whatever_goes_wrong_reaches_who_waits(settings: Settings, rows: list[Row]) -> None:
    no_text: Any = 5
    with pytest.raises(AttributeError):
        _put(settings, [Finished(rows[0], "failed", "internal", no_text)])
    assert len(fetch(settings, "SELECT FROM queue")) == 3


def test_the_ids_of_one_flush_are_one_batch() -> None:
    source = ids.IdSource()
    first, second = source.next_base(), source.next_base()
    assert first + ids.ROWS_PER_FLUSH <= second or first > second
    assert ids.stored_at(first) == ids.stored_at(first + ids.ROWS_PER_FLUSH - 1)


async def _load(settings: Settings, batch_id: int) -> list[Row]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return sorted(await load_batch(connection, batch_id), key=lambda row: row.delivery_id)
    finally:
        await connection.close()


def _claim(settings: Settings, row: Row, *, batch_id: int) -> Row:
    fetch(settings, "UPDATE retries SET batch_id = $1 WHERE delivery_id = $2", batch_id, row.delivery_id)
    return asyncio.run(_load(settings, batch_id))[0]


def _write(settings: Settings, outcomes: list[Outcome]) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            await write(pool, outcomes)

    asyncio.run(run())


def _put(settings: Settings, outcomes: list[Outcome]) -> None:
    """As a worker has them written: together, and waited for."""

    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            results = Results(pool, window=0.01)
            written = {results.put(outcome) for outcome in outcomes}
            await asyncio.wait_for(asyncio.gather(*written), timeout=5)

    asyncio.run(run())
