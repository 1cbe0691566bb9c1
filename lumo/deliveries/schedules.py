"""The process that keeps time: retries, sweeper, quota check, partitions and retention. Imports no Django.

Any number of them may run; an advisory lock lets one at a time do each thing. Like a sending process it ends with
the database.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable

import asyncpg

from lumo.deliveries import partitions, retention, retries, sweeper
from lumo.deliveries.ids import IdSource
from lumo.deliveries.live_accounts import load_accounts, resume
from lumo.deliveries.push import is_quota_used_up
from lumo.deliveries.tokens import Tokens
from lumo.deliveries.worker import on_stop_signal
from lumo.integrations.errors import ProviderError
from lumo.integrations.http import Http
from lumo.integrations.line.client import LineClient
from lumo.lib import clock
from lumo.lib.encryption import Keyring
from lumo.lib.logs import get_logger
from lumo.lib.settings import Settings
from lumo.postgres.connect import connect
from lumo.postgres.types import Connection

log = get_logger(__name__)

Task = Callable[[Connection], Awaitable[object]]

_PASSING = (  # these say nothing against the connection, unless it is closed
    TimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
)
_PAUSED_FOR_QUOTA = "SELECT id FROM official_accounts WHERE paused_reason = 'quota'"


async def run(settings: Settings) -> None:
    """Keep time until SIGTERM or SIGINT. Raises what the database raised."""
    intervals, ids = settings.intervals, IdSource()

    async def make_retries(connection: Connection) -> None:
        await retries.make_batches(connection, ids=ids, now=clock.now(), expire_after=intervals.expire_after)

    async def sweep(connection: Connection) -> None:
        await sweeper.sweep(connection, now=clock.now(), after=intervals.sweep_after)

    async def check_quotas(connection: Connection) -> None:
        await resume_where_quota_is_back(connection, settings)

    plan: list[tuple[str, float, Task]] = [
        ("retries", intervals.retry_loop, make_retries),
        ("sweeper", intervals.sweep_every, sweep),
        ("quota check", intervals.quota_check, check_quotas),
        ("housekeeping", intervals.housekeeping, keep_house),
    ]
    stopping = asyncio.Event()
    with on_stop_signal(stopping.set):
        async with asyncio.TaskGroup() as group:
            for name, interval, task in plan:
                group.create_task(_repeat(settings, name, interval, task, stopping=stopping))


async def keep_house(connection: Connection) -> None:
    """Make partitions ahead and drop what is old. Raises LockNotAvailableError where a table is in use for long."""
    await partitions.make_ahead(connection, now=clock.now())
    await retention.drop_what_is_old(connection, now=clock.now())


async def resume_where_quota_is_back(connection: Connection, settings: Settings) -> None:
    """Ask LINE for the quota of each account that was paused for it; end the pause where messages are left."""
    paused = [record["id"] for record in await connection.fetch(_PAUSED_FOR_QUOTA)]
    if not paused:
        return
    async with Http(ca_file=settings.ca_file, timeout=settings.intervals.push_timeout) as http:
        line = LineClient(http, replacement=settings.line_api_url)
        tokens = Tokens(line, Keyring(settings.secret_keys))
        for account in (await load_accounts(connection, paused)).values():
            try:
                used_up = await is_quota_used_up(line, await tokens.get(account))
            except ProviderError as error:
                log.warning("quota can't be asked", account_id=account.id, detail=str(error))
                continue
            if not used_up:
                await resume(connection, account.id, reason="quota")


async def _repeat(settings: Settings, name: str, interval: float, task: Task, *, stopping: asyncio.Event) -> None:
    """Run a task now and every `interval` seconds, wherever no other process is at it."""
    connection = await connect(
        settings.database_url, name=f"lumo-{name}", statement_cache_size=settings.statement_cache_size
    )
    lock = zlib.crc32(f"lumo {name}".encode())
    try:
        while not stopping.is_set():
            if await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
                try:
                    await _do(name, task, connection)
                finally:
                    await connection.fetchval("SELECT pg_advisory_unlock($1)", lock)
            await _pause(interval, stopping)
    finally:
        connection.terminate()


async def _do(name: str, task: Task, connection: Connection) -> None:
    """Run a task once. One that is cut off is done again at its next turn, and ends no other."""
    try:
        await task(connection)
    except _PASSING as error:
        if connection.is_closed():
            raise
        log.warning("cut off, and tried again later", task=name, error=type(error).__name__)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()
