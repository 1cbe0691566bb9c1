"""A connection that is made again when it is lost."""

import asyncio

import asyncpg
import pytest

from lumo.lib.settings import Settings
from lumo.postgres.lasting import DATABASE_ERRORS, LastingConnection
from lumo.postgres.types import Connection
from tests.posting import until


async def ask(connection: Connection) -> int:
    answer: int = await connection.fetchval("SELECT pg_backend_pid()")
    return answer


async def fail(connection: Connection) -> None:
    await connection.execute("SELECT 1 / 0")


def test_a_lost_connection_is_made_again(settings: Settings) -> None:
    async def run() -> None:
        async with LastingConnection(settings.database_url, name="test") as lasting:
            first = await lasting.run(ask)
            with pytest.raises(asyncpg.PostgresError):
                await lasting.run(
                    lambda connection: connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                )

            async def is_back() -> bool:
                try:
                    return await lasting.run(ask) != first
                except DATABASE_ERRORS:
                    return False

            await until(is_back)

    asyncio.run(run())


def test_a_fault_of_the_work_keeps_the_connection(settings: Settings) -> None:
    async def run() -> list[int]:
        async with LastingConnection(settings.database_url, name="test") as lasting:
            first = await lasting.run(ask)
            with pytest.raises(asyncpg.DivisionByZeroError):
                await lasting.run(fail)
            return [first, await lasting.run(ask)]

    first, second = asyncio.run(run())
    assert first == second


def test_work_is_done_one_piece_at_a_time(settings: Settings) -> None:
    async def run() -> list[int]:
        async with LastingConnection(settings.database_url, name="test") as lasting:
            return await asyncio.gather(*(lasting.run(ask) for _ in range(20)))

    assert len(set(asyncio.run(run()))) == 1


def test_who_gives_up_waiting_leaves_a_connection_that_works(settings: Settings) -> None:
    async def run() -> int:
        async with LastingConnection(settings.database_url, name="test") as lasting:
            waiting = asyncio.create_task(lasting.run(lambda connection: connection.execute("SELECT pg_sleep(60)")))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.wait({waiting})

            async def is_back() -> bool:
                try:
                    return await lasting.run(ask) > 0
                except DATABASE_ERRORS:
                    return False

            await until(is_back)
            return await lasting.run(ask)

    assert asyncio.run(asyncio.wait_for(run(), 20)) > 0


def test_no_database_at_all_is_said_at_once(settings: Settings) -> None:
    async def run() -> None:
        async with LastingConnection(settings.database_url.replace("lumo:", "nobody:"), name="test"):
            pass

    with pytest.raises(DATABASE_ERRORS):
        asyncio.run(run())
