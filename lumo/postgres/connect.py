"""Connections of the hot path: asyncpg, with a name that an operator recognises in pg_stat_activity."""

import asyncio
import time
from collections.abc import Callable

import asyncpg

from lumo.postgres.types import Connection

_COMMAND_TIMEOUT = 30.0  # seconds
_SAY_EVERY = 5.0
_POLL = 0.2
# A machine that vanishes loses its locks within a minute. Of no effect on a socket of this machine.
_GIVE_UP_THE_VANISHED = {
    "tcp_keepalives_idle": "30",  # seconds
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
    "idle_in_transaction_session_timeout": "60000",
}
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
        server_settings=_server_settings(name, statement_cache_size) | server_settings,
    )


async def open_pool(
    url: str, *, name: str, size: int, statement_cache_size: int = 100, **server_settings: str
) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool of at most `size` connections. Raises asyncpg.PostgresError, OSError.

    Whoever uses it leaves nothing in the session: no SET, no LISTEN, no advisory lock.
    """
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        statement_cache_size=statement_cache_size,
        command_timeout=_COMMAND_TIMEOUT,
        reset=_leave_as_it_is,
        server_settings=_server_settings(name, statement_cache_size) | server_settings,
    )


def _server_settings(name: str, statement_cache_size: int) -> dict[str, str]:
    if statement_cache_size == 0:  # behind PgBouncer, which refuses what it doesn't know
        return {"application_name": name}
    return {"application_name": name, **_GIVE_UP_THE_VANISHED}


async def _leave_as_it_is(_: Connection) -> None:
    """asyncpg's own reset is a round trip after every use. An open transaction is ended all the same."""


async def wait_until_ready(url: str, *, say: Callable[[str], None], patience: float = 60.0) -> None:
    """Return once the database answers; tells `say` now and then that it waits.

    Gives up after `patience` seconds without an answer, but waits as long as it takes for one that is recovering.
    Raises what the last try raised; a wrong password or a missing database at once.
    """
    started_at = said_at = time.monotonic()
    while True:
        try:
            connection = await connect(url, name="lumo-waiting", statement_cache_size=0)  # it may be PgBouncer's
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
