"""Connections of the hot path."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from lumo.postgres.connect import connect, open_pool, wait_until_ready
from lumo.postgres.embedded import find_running
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import holding


def _quiet(_: str) -> None:
    return


def test_a_connection_tells_its_name_and_takes_settings(database_url: str) -> None:
    async def ask() -> tuple[str, str]:
        connection = await connect(database_url, name="lumo-test", jit="on")
        try:
            return await connection.fetchval("SHOW application_name"), await connection.fetchval("SHOW jit")
        finally:
            await connection.close()

    assert asyncio.run(ask()) == ("lumo-test", "on")


def test_a_pool_has_no_more_connections_than_it_was_given(database_url: str) -> None:
    async def count() -> int:
        pool = await open_pool(database_url, name="lumo-pool", size=3)
        try:
            await asyncio.gather(*(pool.execute("SELECT pg_sleep(0.01)") for _ in range(12)))
            statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lumo-pool'"
            number: int = await pool.fetchval(statement)
            return number
        finally:
            await pool.close()

    assert asyncio.run(count()) == 3


def test_a_pool_asks_nothing_of_its_own_between_two_uses(database_url: str) -> None:
    async def set_and_show() -> str:
        pool = await open_pool(database_url, name="lumo-pool", size=1)
        try:
            await pool.execute("SET work_mem = '5MB'")
            value: str = await pool.fetchval("SHOW work_mem")  # else the pool had reset it
            return value
        finally:
            await pool.close()

    assert asyncio.run(set_and_show()) == "5MB"


@pytest.mark.parametrize(("statement_cache_size", "is_asked"), [(100, True), (0, False)])
def test_a_machine_that_vanishes_loses_its_locks_soon(
    database_url: str, statement_cache_size: int, is_asked: bool
) -> None:
    source = "SELECT source FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"

    async def ask() -> list[str]:
        connection = await connect(database_url, name="lumo-test", statement_cache_size=statement_cache_size)
        pool = await open_pool(database_url, name="lumo-pool", size=1, statement_cache_size=statement_cache_size)
        try:
            return [await one.fetchval(source) for one in (connection, pool)]
        finally:
            await pool.close()
            await connection.close()

    assert [found == "client" for found in asyncio.run(ask())] == [is_asked] * 2


def test_a_wrong_password_or_database_is_raised_at_once(database_url: str) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(wait_until_ready(database_url.replace("lumo:", "lumo:x", 1), say=_quiet))
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        asyncio.run(wait_until_ready(database_url.replace("/test_", "/none_"), say=_quiet))


def test_a_server_that_is_not_there_yet_is_waited_for(make_server: MakeServer, data_dir: Path) -> None:
    server = make_server()
    url = server.start()
    server.stop()
    with holding(data_dir) as holder:
        asyncio.run(wait_until_ready(url, say=_quiet))
        assert holder.answer() == url == find_running(data_dir)


def test_one_that_never_comes_is_given_up(data_dir: Path) -> None:
    url = f"postgresql://lumo:x@/lumo?host={data_dir}&port=5432"
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(wait_until_ready(url, say=_quiet, patience=0.3))
