"""The embedded PostgreSQL: started with Lumo, stopped with it, one owner for each data folder.

Nothing listens on the network: the only way in is a unix socket in a private folder, with a password. DESIGN §6.
"""

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
from lumo.postgres.cluster import ADMIN, DATABASE, ENVIRONMENT, ROLE, Cluster, make_cluster, prepare
from lumo.postgres.owner import Owner, find_owner
from lumo.postgres.ownership import AlreadyRunningError, Ownership, read_note, using
from lumo.postgres.processes import Waiting, stops_with_parent, wait_until_gone, works_elsewhere
from lumo.postgres.server_log import ServerLog
from lumo.postgres.sockets import forget_lock, is_private, make_socket_folder, remove_socket_folder

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
        self._ownership: Ownership | None = None
        self._log: ServerLog | None = None
        self._socket_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, waiting for recovery as long as it takes, and return the URL of its database `lumo`.

        After a crash of the server it may be called again, until it succeeds; the URL stays. Raises
        AlreadyRunningError, EmbeddedServerError, or SettingsError when binaries are missing or the data folder can't
        be used.
        """
        give_up = self.stop if self._ownership is None else self._stop_process
        try:
            return self._start()
        except OSError as error:
            give_up()
            raise EmbeddedServerError(f"PostgreSQL can't be started: {error}") from error
        except BaseException:
            give_up()
            raise

    def is_running(self) -> bool:
        """Whether the server's main process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything is written; returns when it is done."""
        self._stop_process()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._socket_folder is not None:
            remove_socket_folder(self._cluster, self._socket_folder)
            self._socket_folder = None
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None

    def _stop_process(self) -> None:
        if self._process is not None:
            waiting = Waiting(self._say, "Waiting for PostgreSQL to stop")
            if self.is_running():
                self._process.send_signal(signal.SIGINT)
            while self.is_running():
                waiting.pause()
            self._process = None

    def _start(self) -> str:
        cluster = self._cluster
        if self.is_running() and self._socket_folder is not None:
            return cluster.url(self._socket_folder)
        owner = prepare(cluster)
        if self._ownership is None:
            self._ownership = Ownership(cluster)
        _clear_leftovers(cluster, self._say)
        binaries = copied_for(owner, find_binaries(major=cluster.major() or self._major), cluster.binaries)
        if not cluster.exists():
            self._say("Making the database's files …")
            make_cluster(cluster, binaries, owner)
        if self._socket_folder is None:
            note = read_note(cluster)
            self._socket_folder = make_socket_folder(cluster, owner, earlier=note.socket_folder if note else "")
        forget_lock(self._socket_folder)
        self._ownership.write_note(self._socket_folder, is_ready=False)
        self._launch(binaries, owner, self._socket_folder)
        self._wait_until_ready(cluster.url(self._socket_folder, role=ADMIN, database="postgres"))
        self._ownership.write_note(self._socket_folder, is_ready=True)
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
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                _make_database(connection, self._cluster.password())
        except psycopg.Error as error:
            raise EmbeddedServerError(f"PostgreSQL started, but refused its database: {error}") from error


def find_running(data_dir: Path) -> str | None:
    """The URL of the server that runs on this data folder and takes connections now, else None."""
    cluster = Cluster(data_dir.absolute())
    note = read_note(cluster)
    if note is None or not note.is_ready or not is_private(Path(note.socket_folder), find_owner(cluster.folder)):
        return None
    url = cluster.url(Path(note.socket_folder))
    return url if PGconn.ping(url.encode()) == Ping.OK else None


@contextmanager
def running(data_dir: Path, *, say: Callable[[str], None]) -> Iterator[str]:
    """The URL of this data folder's server: of the running one, else of one started for the block.

    A server started here stops after the last block, of any process, that came to share it. Raises as `start`.
    """
    cluster = Cluster(data_dir.absolute())
    prepare(cluster)
    server = EmbeddedServer(data_dir, say=say)
    with using(cluster) as wait_for_others:
        try:
            yield _join_or_start(server, data_dir, say)
        finally:
            if server.is_running():
                wait_for_others()
            server.stop()


def _join_or_start(server: EmbeddedServer, data_dir: Path, say: Callable[[str], None]) -> str:
    waiting = Waiting(say, "Waiting for another Lumo that starts or stops on this data folder")
    while True:
        url = find_running(data_dir)
        if url:
            return url
        try:
            return server.start()
        except AlreadyRunningError:
            waiting.pause(0.1)


def _clear_leftovers(cluster: Cluster, say: Callable[[str], None]) -> None:
    """Wait for the server of a crashed run, and forget the id of a dead process, or one of another program by now."""
    postmaster = cluster.postmaster()
    wait_until_gone(cluster.data, postmaster=postmaster, say=say)
    if postmaster is not None and works_elsewhere(postmaster, cluster.data):
        cluster.forget_postmaster()


def _make_database(connection: psycopg.Connection, password: str) -> None:
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        connection.execute(statement.format(sql.Identifier(ROLE), sql.Literal(password)))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
        statement = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))
