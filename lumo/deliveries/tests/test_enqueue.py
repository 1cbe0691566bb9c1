"""One transaction's worth of requests, queue rows and a job."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from lumo.deliveries import ids
from lumo.deliveries.enqueue import FLOW_PRIORITY, SEND_JOB, Incoming, Stored, store
from lumo.lib.settings import Settings
from tests.factories import line_user_id
from tests.waiting import fetch

IDS = ids.IdSource()
DAY = 86_400.0


def incoming(number: int, *, key: bytes | None = None, code: str | None = None) -> Incoming:
    return Incoming(
        workspace_id=1,
        connection_id=2,
        body=b"body %d" % number,
        code=code,
        dedupe_key=key or b"key %d" % number,
        account_id=3,
        line_user_id=line_user_id(number),
        flow_id="F",
        placement="pl",
        profile="p",
        event="e",
    )


def store_now(settings: Settings, items: Sequence[Incoming], *, base_id: int, kept: float = DAY) -> list[Stored]:
    async def run() -> list[Stored]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            async with connection.transaction():
                return await store(connection, items, base_id=base_id, dedupe_kept=kept)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_a_flush_is_one_batch_with_one_job(settings: Settings) -> None:
    base_id = IDS.next_base()
    stored = store_now(settings, [incoming(number) for number in range(3)], base_id=base_id)
    assert stored == [Stored(base_id + row) for row in range(3)]
    queued = fetch(settings, "SELECT * FROM queue ORDER BY delivery_id")
    assert [tuple(record) for record in queued] == [
        (base_id + row, base_id, 3, line_user_id(row), FLOW_PRIORITY, ids.stored_at(base_id), base_id + row)
        for row in range(3)
    ]
    kept = fetch(settings, "SELECT * FROM flow_requests ORDER BY id")
    assert tuple(kept[1]) == (
        base_id + 1, 1, 2, None, None, 3, line_user_id(1), "F", "pl", "p", "e", b"body 1", "",
    )  # fmt: skip
    jobs = fetch(settings, "SELECT entrypoint, payload, priority FROM pgqueuer")
    assert jobs == [(SEND_JOB, str(base_id).encode(), FLOW_PRIORITY)]


def test_a_flush_of_refusals_alone_makes_no_job(settings: Settings) -> None:
    base_id = IDS.next_base()
    assert store_now(settings, [incoming(1, code="body_invalid")], base_id=base_id) == [Stored(base_id)]
    assert fetch(settings, "SELECT code FROM flow_requests") == [("body_invalid",)]
    assert fetch(settings, "SELECT FROM queue") == fetch(settings, "SELECT FROM pgqueuer") == []
    assert fetch(settings, "SELECT FROM dedupe_keys") == []


def test_repeats_are_recorded_under_their_original(settings: Settings) -> None:
    first, second = IDS.next_base(), IDS.next_base()
    stored = store_now(settings, [incoming(1), incoming(1), incoming(2)], base_id=first)
    assert stored == [Stored(first), Stored(first, is_duplicate=True), Stored(first + 2)]
    stored = store_now(settings, [incoming(3), incoming(2)], base_id=second)
    assert stored == [Stored(second), Stored(first + 2, is_duplicate=True)]
    duplicates = fetch(settings, "SELECT id, original_id FROM flow_requests WHERE code = 'duplicate' ORDER BY id")
    assert [tuple(record) for record in duplicates] == [(first + 1, first), (second + 1, first + 2)]
    assert [record[0] for record in fetch(settings, "SELECT delivery_id FROM queue ORDER BY 1")] == [
        first, first + 2, second,
    ]  # fmt: skip


def test_an_expired_key_is_free_again(settings: Settings) -> None:
    first, second = IDS.next_base(), IDS.next_base()
    store_now(settings, [incoming(1)], base_id=first, kept=-1.0)
    assert store_now(settings, [incoming(1)], base_id=second) == [Stored(second)]
    third = IDS.next_base()
    assert store_now(settings, [incoming(1)], base_id=third) == [Stored(second, is_duplicate=True)]


def test_an_id_that_was_given_twice_stores_nothing(settings: Settings) -> None:
    base_id = IDS.next_base()
    store_now(settings, [incoming(1)], base_id=base_id)
    with pytest.raises(asyncpg.UniqueViolationError):
        store_now(settings, [incoming(2)], base_id=base_id)
    assert len(fetch(settings, "SELECT FROM queue")) == len(fetch(settings, "SELECT FROM dedupe_keys")) == 1


def test_flushes_that_share_keys_in_any_order_do_not_deadlock(settings: Settings) -> None:
    async def run_one(turn: int) -> list[Stored]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            stored = []
            for _ in range(10):
                numbers = list(range(50))[:: 1 if turn % 2 else -1]
                async with connection.transaction():
                    stored += await store(
                        connection, [incoming(number) for number in numbers], base_id=IDS.next_base(), dedupe_kept=DAY
                    )
            return stored
        finally:
            await connection.close()

    async def run() -> list[list[Stored]]:
        return await asyncio.gather(*(run_one(turn) for turn in range(4)))

    stored = [one for some in asyncio.run(run()) for one in some]
    assert sum(not one.is_duplicate for one in stored) == 50
    assert len(fetch(settings, "SELECT FROM queue")) == 50
