"""The limit of an account holds across processes: the leases of a slice never exceed it."""

import asyncio
import time
from collections import Counter
from typing import Any

import asyncpg

from lumo.deliveries.limits import Limits
from lumo.lib.settings import Settings

_SLICE = "SELECT floor(extract(epoch FROM clock_timestamp()) * 10)::bigint"


def test_two_processes_share_one_limit(settings: Settings) -> None:
    """Two limiters of 100 a second, each on its own connection, take 60 calls at once: 10 in a slice at most."""

    async def run() -> tuple[Counter[int], float]:
        taken: Counter[int] = Counter()
        started_at = time.monotonic()
        async with (
            asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as first,
            asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as second,
            asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as watch,
        ):
            limits = [Limits(first, per_second=100), Limits(second, per_second=100)]

            async def take(limit: Limits) -> None:
                await limit.take(1)
                taken[await watch.fetchval(_SLICE)] += 1

            await asyncio.gather(*(take(limit) for limit in limits for _ in range(30)))
        return taken, time.monotonic() - started_at

    taken, seconds = asyncio.run(run())
    assert taken.total() == 60
    assert seconds > 0.4  # 60 calls need six slices, the first and the last in part
    # A call that was let through at the end of a slice may be counted in the next one.
    slices = sorted(taken)
    assert all(taken[at] + taken[at + 1] <= 30 for at in slices)


def test_accounts_do_not_wait_for_each_other(settings: Settings) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            limits = Limits(pool, per_second=10)
            await limits.take(1)
            blocked = asyncio.create_task(_take_many(limits, 1, 20))
            await limits.take(2)
            assert not blocked.done()
            blocked.cancel()
            await asyncio.wait({blocked})

    asyncio.run(run())


def test_a_row_given_up_costs_nothing(settings: Settings) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            limits = Limits(pool, per_second=20)
            tasks = [asyncio.create_task(limits.take(1)) for _ in range(40)]
            await tasks[0]
            for task in tasks[2:39]:
                task.cancel()
            await asyncio.wait_for(asyncio.wait({tasks[1], tasks[39]}), timeout=2)
            assert tasks[39].done()

    asyncio.run(run())


def test_a_lost_database_reaches_who_waits(settings: Settings) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            await pool.execute("DROP TABLE rate_leases")
            results = await asyncio.gather(*(Limits(pool).take(1) for _ in range(3)), return_exceptions=True)
            assert {type(result) for result in results} == {asyncpg.UndefinedTableError}

    asyncio.run(run())


def test_whatever_goes_wrong_reaches_who_waits() -> None:
    async def run() -> None:
        nowhere: Any = None
        taking = asyncio.gather(*(Limits(nowhere).take(1) for _ in range(3)), return_exceptions=True)
        results = await asyncio.wait_for(taking, timeout=2)
        assert {type(result) for result in results} == {AttributeError}

    asyncio.run(run())


async def _take_many(limits: Limits, account_id: int, count: int) -> None:
    await asyncio.gather(*(limits.take(account_id) for _ in range(count)))
