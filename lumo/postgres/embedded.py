"""The embedded PostgreSQL: started with Lumo, stopped with it, one owner for each data folder.

Nothing listens on the network: the only way in is a unix socket in a private folder, with a password. DESIGN §6.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.pq import PGconn, Ping

from lumo.lib.settings import SettingsError
from lumo.postgres.binaries import Binaries, copied_for, find_binaries
from lumo.postgres.cluster import (
    ADMIN,
    DATABASE,
    ENVIRONMENT,
    ROLE,
    Cluster,
    make_cluster,
    make_data_dir,
    make_socket_folder,
    remove_socket_folder,
)
from lumo.postgres.owner import Owner, check_reachable, find_owner
from lumo.postgres.processes import Waiting, find_processes, stops_with_parent, wait_until_gone
from lumo.postgres.server_log import ServerLog

# Measured in the hot path's prototype: one old transaction makes every queue table dear, WAL is 5 KB a message.
_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "min_wal_size": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "idle_in_transaction_session_timeout": "1min",
    "max_locks_per_transaction": "256",  # a query over 13 months of daily partitions locks each of them
    "jit": "off",
    # The log must not hold personal data: no statements, no values of rows.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_SETTINGS_SINCE_17 = {"transaction_timeout": "15min"}


class EmbeddedServerError(SettingsError):
    """The embedded server did not start; the message has its last words."""


class AlreadyRunningError(SettingsError):
    """Another Lumo runs the server of this data folder."""


class EmbeddedServer:
    """The PostgreSQL of one data folder, run by this process.

    Start it from a thread that lives as long as the server should, best the main one: the kernel stops the server
    when that thread ends, kill -9 included. `settings` are PostgreSQL's, over Lumo's own; `major` is the version
    that makes a new data folder (default: the first found, see `binaries`).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        say: Callable[[str], None],
        settings: Mapping[str, str] | None = None,
        major: int | None = None,
    ) -> None:
        self._cluster = Cluster(data_dir.absolute())
        self._say = say
        self._settings = settings or {}
        self._major = major
        self._lock: int | None = None
        self._log: ServerLog | None = None
        self._socket_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, waiting for recovery as long as it takes, and return the URL of its database `lumo`.

        After a crash of the server it may be called again; the URL stays. Raises AlreadyRunningError,
        EmbeddedServerError, or SettingsError when binaries are missing or the data folder can't be used.
        """
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def is_running(self) -> bool:
        """Whether the server's main process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything is written; returns when it is done."""
        if self._process is not None:
            waiting = Waiting(self._say, "Waiting for PostgreSQL to stop")
            if self.is_running():
                self._process.send_signal(signal.SIGINT)
            while self.is_running():
                waiting.pause()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._socket_folder is not None:
            remove_socket_folder(self._cluster, self._socket_folder)
            self._socket_folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _start(self) -> str:
        cluster = self._cluster
        make_data_dir(cluster.data_dir)
        owner = find_owner(cluster.folder)
        check_reachable(cluster.data_dir, owner)
        if self._lock is None:
            self._lock = _take_lock(cluster)
        _clear_leftovers(cluster, self._say)
        binaries = copied_for(owner, find_binaries(major=cluster.major() or self._major), cluster.binaries)
        if not cluster.exists():
            self._say("Making the database's files …")
            make_cluster(cluster, binaries, owner)
        if self._socket_folder is None:
            self._socket_folder = make_socket_folder(cluster, owner)
        self._launch(binaries, owner, self._socket_folder)
        self._wait_until_ready(cluster.url(self._socket_folder, role=ADMIN, database="postgres"))
        return cluster.url(self._socket_folder)

    def _launch(self, binaries: Binaries, owner: Owner, socket_folder: Path) -> None:
        if self._log is None:
            self._log = ServerLog(self._cluster.log)
        self._log.mark()
        settings = {**_SETTINGS, **(_SETTINGS_SINCE_17 if binaries.major >= 17 else {}), **self._settings}
        fixed = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(socket_folder),
            "unix_socket_permissions": "0700",
        }
        options = [f"--{name}={value}" for name, value in {**settings, **fixed}.items()]
        self._process = subprocess.Popen(
            [binaries.folder / "postgres", "-D", self._cluster.data, *options],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=self._log.descriptor,
            stderr=self._log.descriptor,
            umask=0o077,
            start_new_session=True,
            preexec_fn=stops_with_parent(signal.SIGINT),
            **owner.process_options(),
        )

    def _wait_until_ready(self, url: str) -> None:
        """Wait for the end of start-up or recovery, then see that role and database are there."""
        assert self._log is not None
        waiting = Waiting(self._say, "Waiting for PostgreSQL to start or to recover")
        while PGconn.ping(url.encode()) != Ping.OK:
            if not self.is_running():
                raise EmbeddedServerError(f"PostgreSQL did not start. Its last words:\n{self._log.tail()}")
            waiting.pause()
        with psycopg.connect(url, autocommit=True) as connection:
            _make_database(connection, self._cluster.password())


def find_running(data_dir: Path) -> str | None:
    """The URL of the server that runs on this data folder now and takes connections, else None."""
    cluster = Cluster(data_dir.absolute())
    found = cluster.postmaster()
    if found is None or found[0] not in find_processes(cluster.data):
        return None
    url = cluster.url(found[1])
    return url if PGconn.ping(url.encode()) == Ping.OK else None


@contextmanager
def running(data_dir: Path, *, say: Callable[[str], None]) -> Iterator[str]:
    """The URL of this data folder's server: of the running one, else of one started for the block."""
    url = find_running(data_dir)
    if url:
        yield url
        return
    server = EmbeddedServer(data_dir, say=say)
    try:
        yield server.start()
    finally:
        server.stop()


def _take_lock(cluster: Cluster) -> int:
    """Become the owner of the data folder until the descriptor closes, which the end of the process does too."""
    descriptor = os.open(cluster.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(descriptor, 20).decode().strip()
        os.close(descriptor)
        raise AlreadyRunningError(
            f"Lumo is already running on this data folder (pid {pid}): {cluster.data_dir}. "
            "Stop it, or set LUMO_DATA_DIR to another folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _clear_leftovers(cluster: Cluster, say: Callable[[str], None]) -> None:
    """Wait for the server of a crashed run, and forget a process id that another program has by now."""
    found = cluster.postmaster()
    wait_until_gone(cluster.data, postmaster=found[0] if found else None, say=say)
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


def _make_database(connection: psycopg.Connection, password: str) -> None:
    if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(ROLE), sql.Literal(password)))
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        statement = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))
