"""A sending process: takes batches from the job engine and sends them. Imports no Django.

It ends with the database: the driver does not reconnect, so the supervisor starts the process again.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job

from lumo.deliveries.enqueue import SEND_JOB, SWEPT_PRIORITY
from lumo.deliveries.limits import Limits
from lumo.deliveries.live_accounts import Pauses
from lumo.deliveries.push import Pusher
from lumo.deliveries.results import Results
from lumo.deliveries.sending import Sending
from lumo.deliveries.tokens import Tokens
from lumo.integrations.http import Http
from lumo.integrations.line.client import LineClient
from lumo.lib import collector
from lumo.lib.encryption import Keyring
from lumo.lib.logs import get_logger
from lumo.lib.settings import Settings
from lumo.postgres.connect import connect, open_pool
from lumo.postgres.lasting import DATABASE_ERRORS

log = get_logger(__name__)

# A worker that stops in peace counts as an attempt of the job; one that died was only picked before.
_WAS_TAKEN_OVER = "SELECT count(*) > $2 + 1 AS so FROM pgqueuer_log WHERE job_id = $1 AND status = 'picked'"
_JOBS_A_FETCH = 10
_JOBS_AT_ONCE = 60
_POOL_SIZE = 4
_HTTP_POOLS = 4  # one HTTP/2 connection with 128 requests at once ends at 850 pushes a second, LINE taking 150 ms
_LAST_WORDS = 2.0  # seconds for the job engine to end when its connection is gone
# A batch is some hundred rows of a table that is empty on average: plans made for its statistics would scan.
_PLANNER = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}


class DatabaseGoneError(Exception):
    """The database went away under the worker."""


async def run(settings: Settings) -> None:
    """Send until SIGTERM or SIGINT; what is being pushed then is finished first.

    Raises DatabaseGoneError or what the database raised.
    """
    intervals = settings.intervals
    collector.calm()
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(_pool(settings, "lumo-sending", size=_POOL_SIZE, **_PLANNER))
        leases = await stack.enter_async_context(_pool(settings, "lumo-leases", size=1, synchronous_commit="off"))
        results = await stack.enter_async_context(Results(pool, window=intervals.results_window))
        http = await stack.enter_async_context(
            Http(ca_file=settings.ca_file, timeout=intervals.push_timeout, pools=_HTTP_POOLS)
        )
        line = LineClient(http, replacement=settings.line_api_url)
        tokens = Tokens(line, Keyring(settings.secret_keys))
        pusher = Pusher(line, tokens, Pauses(pool), intervals=intervals)
        sending = Sending(
            pool,
            limits=Limits(leases),
            pusher=pusher,
            results=results,
            intervals=intervals,
            http_origin=settings.http_origin(),
        )
        await _take_jobs(settings, sending)


async def _take_jobs(settings: Settings, sending: Sending) -> None:
    connection = await connect(
        settings.database_url,
        name="lumo-jobs",
        statement_cache_size=settings.statement_cache_size,
        plan_cache_mode="force_generic_plan",  # else the engine's fetch is planned anew each time: 540 of its 740 µs
    )
    driver, heartbeat = AsyncpgDriver(connection), timedelta(seconds=settings.intervals.job_heartbeat)
    queuer = PgQueuer(driver)
    gone = asyncio.Event()
    connection.add_termination_listener(lambda _: gone.set())

    @queuer.entrypoint(SEND_JOB, on_failure="hold")
    async def send(job: Job) -> None:
        try:
            was_begun = await _was_begun(driver, job, heartbeat=heartbeat)
            is_done = await sending.send_batch(int(job.payload or b"0"), was_begun=was_begun)
        except DATABASE_ERRORS as error:
            log.warning("batch failed", batch_id=job.payload, error=type(error).__name__)
            gone.set()
            raise
        if not is_done:
            raise RetryRequested(reason="the worker stops")

    def stop() -> None:
        sending.is_stopping = True
        queuer.shutdown.set()

    try:
        with on_stop_signal(stop):
            await _run_until_gone(queuer, gone, heartbeat=heartbeat)
    finally:
        connection.terminate()  # the engine has written what it had to


async def _was_begun(driver: AsyncpgDriver, job: Job, *, heartbeat: timedelta) -> bool:
    """Whether another run may have had the job's batch and died: then the sweeper, or a silent heartbeat, gave it us.

    A job younger than a heartbeat can't have been taken over; only of others the database is asked.
    """
    if job.priority == SWEPT_PRIORITY:
        return True
    if job.updated - job.created < heartbeat:
        return False
    (record,) = await driver.fetch(_WAS_TAKEN_OVER, job.id, job.attempts)
    return bool(record["so"])


async def _run_until_gone(queuer: PgQueuer, gone: asyncio.Event, *, heartbeat: timedelta) -> None:
    running = asyncio.create_task(
        queuer.run(
            dequeue_timeout=heartbeat,
            heartbeat_timeout=heartbeat,
            batch_size=_JOBS_A_FETCH,
            max_concurrent_tasks=_JOBS_AT_ONCE,
            shutdown_on_listener_failure=True,
        )
    )
    watching = asyncio.create_task(gone.wait())
    await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    if gone.is_set():
        running.cancel()
        await asyncio.wait({running}, timeout=_LAST_WORDS)
        raise DatabaseGoneError("The database went away.")
    await running


@contextmanager
def on_stop_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT while the block runs."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _pool(settings: Settings, name: str, *, size: int, **server_settings: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool that is closed in peace, or dropped when the database failed."""
    pool = await open_pool(
        settings.database_url,
        name=name,
        size=size,
        statement_cache_size=settings.statement_cache_size,
        **server_settings,
    )
    try:
        yield pool
    except BaseException:
        pool.terminate()
        raise
    await pool.close()
