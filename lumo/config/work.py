"""The workers of one machine, as a supervisor and as its children. Imports no Django: a child is lean."""

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from lumo.config.supervisor import LUMO, Command, Supervisor
from lumo.deliveries import schedules, worker
from lumo.lib.logs import get_logger
from lumo.lib.settings import Settings
from lumo.postgres.connect import wait_until_ready
from lumo.postgres.lasting import DATABASE_ERRORS

log = get_logger(__name__)

_STOP_WITHIN = 25.0  # seconds: a push in hand may take its time-out, and then some for the results


def work(settings: Settings, *, say: Callable[[str], None]) -> None:
    """Keep the sending processes and the one that keeps time running, until StoppedError."""
    supervisor = Supervisor(restart_pause=settings.intervals.restart_pause, say=say)
    for number in range(1, settings.workers + 1):
        supervisor.add(Command(f"Sending process {number}", [*LUMO, "work", "--only", "sending"]))
    supervisor.add(Command("The timekeeping process", [*LUMO, "work", "--only", "schedules"]))
    try:
        while True:
            supervisor.tend()
    finally:
        supervisor.stop(within=_STOP_WITHIN)


def send(settings: Settings) -> None:
    """Be a sending process until SIGTERM or SIGINT. Raises SystemExit(1) when the database goes."""
    _until_the_database_goes(settings, worker.run)


def keep_time(settings: Settings) -> None:
    """Be the process for what is due by the clock until SIGTERM or SIGINT. Raises SystemExit(1) as `send`."""
    _until_the_database_goes(settings, schedules.run)


def _until_the_database_goes(settings: Settings, run: Callable[[Settings], Awaitable[None]]) -> None:
    """Wait for the database, then run with it; an end of the database is told in one line, not by a traceback."""

    async def main() -> None:
        await wait_until_ready(settings.database_url, say=log.warning)
        await run(settings)

    lost: list[BaseException] = []
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except* (worker.DatabaseGoneError, *DATABASE_ERRORS) as group:
        lost.extend(group.exceptions)
    if lost:
        log.error("the database went away", error=str(lost[0]))
        raise SystemExit(1)
