"""Connections of the hot path: asyncpg, with a name that an operator recognises in pg_stat_activity."""

import asyncio
import time
from collections.abc import Callable

import asyncpg

_COMMAND_TIMEOUT = 30.0  # seconds
_SAY_EVERY = 5.0
_POLL = 0.2
# Starting, stopping, recovering, full, not there yet.
_NOT_YET = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError,
)


async def connect(
    url: str, *, name: str, statement_cache_size: int = 100, **server_settings: str
) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection; `name` is its application_name. Raises asyncpg.PostgresError, OSError."""
    return await asyncpg.connect(
        url,
        statement_cache_size=statement_cache_size,
        command_timeout=_COMMAND_TIMEOUT,
        server_settings={"application_name": name, **server_settings},
    )


async def open_pool(
    url: str, *, name: str, size: int, statement_cache_size: int = 100, **server_settings: str
) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool of at most `size` connections. Raises asyncpg.PostgresError, OSError."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        statement_cache_size=statement_cache_size,
        command_timeout=_COMMAND_TIMEOUT,
        server_settings={"application_name": name, **server_settings},
    )


async def wait_until_ready(url: str, *, say: Callable[[str], None], patience: float = 60.0) -> None:
    """Return once the database answers; tells `say` now and then that it waits.

    Gives up after `patience` seconds without an answer, but waits as long as it takes for one that is recovering.
    Raises what the last try raised; a wrong password or a missing database at once.
    """
    started_at = said_at = time.monotonic()
    while True:
        try:
            connection = await connect(url, name="lumo-waiting")
        except _NOT_YET as error:
            now = time.monotonic()
            if now - started_at > patience and not isinstance(error, asyncpg.CannotConnectNowError):
                raise
            if now - said_at > _SAY_EVERY:
                said_at = now
                say(f"Waiting for the database: {error}")
            await asyncio.sleep(_POLL)
        else:
            await connection.close()
            return
