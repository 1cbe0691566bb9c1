"""Everything on one machine: the embedded PostgreSQL, one HTTP process, the workers (DESIGN §6, `lumo up`)."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.db import connection

from lumo.config.announcement import announced, find_announcement
from lumo.config.database import wait_for_database
from lumo.config.installation import check_key, migrate, publish, resolve
from lumo.config.listening import listen
from lumo.config.supervisor import LUMO, Command, Supervisor, until_stopped
from lumo.lib.settings import Settings
from lumo.postgres.embedded import EmbeddedServer
from lumo.postgres.ownership import AlreadyRunningError
from lumo.postgres.processes import Waiting

Say = Callable[[str], None]

_STOP_WITHIN = 30.0  # seconds for `serve` and `work`
_PROBE_PATIENCE = 1.0
_COMMAND_PATIENCE = 20.0
_SAMPLE_REST = 0.005

_NOW = "SELECT clock_timestamp()"
_WORKERS_SINCE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lumo-jobs' AND backend_start >= %s"


class _Embedded:
    """The embedded PostgreSQL as a supervisor sees it."""

    name = "PostgreSQL"

    def __init__(self, server: EmbeddedServer, *, log: str) -> None:
        self._server, self._log = server, log

    def start(self) -> None:
        self._server.start()

    def is_running(self) -> bool:
        return self._server.is_running()

    def describe_end(self) -> str:
        return f"its log is {self._log}"


def up(settings: Settings, *, with_sample: bool, say: Say) -> None:
    """Run everything until SIGTERM, SIGINT or SIGHUP, then stop all of it, PostgreSQL last.

    Raises SettingsError when it can't start.
    """
    with until_stopped(), ExitStack() as stack:
        listener = listen(settings)  # first of all: a taken address is told before anything starts
        supervisor = Supervisor(restart_pause=settings.intervals.restart_pause, say=say)
        url = settings.database_url or _start_postgres(settings, supervisor, stack, say=say)
        settings = _prepare(settings, url, say=say)
        stack.callback(supervisor.stop, within=_STOP_WITHIN)
        stack.callback(listener.close)
        stack.enter_context(announced(settings))
        stack.callback(say, "Lumo stops …")
        door = listener.fileno()
        supervisor.add(Command("lumo serve", [*LUMO, "serve", "--socket", str(door)], pass_fds=[door]))
        supervisor.add(Command("lumo work", [*LUMO, "work"]))
        _wait_until_ready(settings, supervisor)
        say(_where_to_look(settings))
        if with_sample:
            from lumo.config.first_run import send_sample  # models; not before `publish`

            send_sample(settings, say=say, pause=partial(supervisor.tend, rest=_SAMPLE_REST))
        say("Ctrl-C stops Lumo.")
        while True:
            supervisor.tend()


def _start_postgres(settings: Settings, supervisor: Supervisor, stack: ExitStack, *, say: Say) -> str:
    """Start the embedded PostgreSQL until the end of `stack`, under the supervisor's eyes; its URL."""
    server = EmbeddedServer(settings.data_dir, say=say)
    stack.callback(server.stop)
    url = _start_when_free(server, settings, say=say)
    supervisor.add(_Embedded(server, log=str(settings.data_dir / "postgres.log")))
    return url


def _start_when_free(server: EmbeddedServer, settings: Settings, *, say: Say) -> str:
    """Start the server; a command that runs it for a moment is waited for, another `lumo up` is not."""
    waiting = Waiting(say, "Waiting for a command that uses the data folder")
    while True:
        try:
            return server.start()
        except AlreadyRunningError:
            if find_announcement(settings.data_dir) or waiting.seconds > _COMMAND_PATIENCE:
                raise
            waiting.pause(0.1)


def _prepare(settings: Settings, url: str, *, say: Say) -> Settings:
    """Wait for the database, fill in what is decided now, bring the schema up to date."""
    wait_for_database(url, say=say)
    settings = resolve(settings, database_url=url, say=say)
    publish(settings)
    migrate()
    check_key(settings)
    return settings


def _wait_until_ready(settings: Settings, supervisor: Supervisor) -> None:
    """Tend the children until HTTP answers and every sending process has come to fetch jobs."""
    since = _ask(_NOW)
    supervisor.tend()  # the socket takes connections already, but nobody would answer
    while not (_is_serving(settings) and _ask(_WORKERS_SINCE, since) >= settings.workers):
        supervisor.tend()
    connection.close()


def _is_serving(settings: Settings) -> bool:
    """Whether `/readyz` says so; asked directly, whatever proxy the environment names."""
    with closing(HTTPConnection(*settings.local_address(), timeout=_PROBE_PATIENCE)) as probe:
        try:
            probe.request("GET", "/readyz")
            return probe.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def _ask(statement: str, *parameters: datetime) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        [value] = cursor.fetchone()
        return value


def _where_to_look(settings: Settings) -> str:
    lines = [f"Lumo runs at {settings.public_url}"]
    if settings.sandbox:
        lines.append(f"What the sandbox's friends received: {settings.public_url}/sandbox/phone/")
    return "\n".join(lines)
