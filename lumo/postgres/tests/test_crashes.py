"""kill -9 of whoever: no process stays, nothing committed is lost, the next start works."""

import asyncio
import ctypes
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from lumo.postgres.cluster import Cluster
from lumo.postgres.connect import wait_until_ready
from lumo.postgres.embedded import EmbeddedServerError
from lumo.postgres.owner import find_owner
from lumo.postgres.processes import find_processes
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import ask, holding, until


def _postmaster(data_dir: Path) -> int:
    pid = Cluster(data_dir).postmaster()
    assert pid is not None
    return pid


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Be the parent of those whose parent died (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1)
    try:
        yield
    finally:
        libc.prctl(36, 0)


def test_kill_9_of_the_owner_leaves_no_process(data_dir: Path, major: int) -> None:
    with holding(data_dir, "--major", str(major)) as owner:
        owner.answer()
        assert find_processes(Cluster(data_dir).data)
        owner.process.kill()
        until(lambda: not find_processes(Cluster(data_dir).data))
    assert "database system is shut down" in Cluster(data_dir).log.read_text()


def test_a_start_right_after_kill_9_waits_for_the_earlier_server(
    make_server: MakeServer, data_dir: Path, major: int
) -> None:
    with holding(data_dir, "--major", str(major)) as owner:
        ask(owner.answer(), "CREATE TABLE kept (value int)")
        owner.process.kill()
        owner.process.wait()
        assert ask(make_server().start(), "SELECT count(*) FROM kept") == 0


def test_a_dead_postmaster_that_nobody_has_reaped_is_no_hindrance(make_server: MakeServer, data_dir: Path) -> None:
    with _adopting_orphans(), holding(data_dir) as owner:  # and being no good parent, as in a container without init
        owner.answer()
        postmaster, processes = _postmaster(data_dir), find_processes(Cluster(data_dir).data)
        owner.process.kill()
        os.kill(postmaster, signal.SIGKILL)
        owner.process.wait()
        until(lambda: not find_processes(Cluster(data_dir).data))
        assert ask(make_server().start(), "SELECT 1") == 1
        for pid in processes:
            with suppress(ChildProcessError):  # those whose end the postmaster noted itself
                os.waitpid(pid, 0)


def test_an_earlier_server_that_lives_on_is_stopped_and_waited_for(make_server: MakeServer, data_dir: Path) -> None:
    with holding(data_dir) as owner:
        owner.answer()
        postmaster = _postmaster(data_dir)
        os.kill(postmaster, signal.SIGSTOP)
        owner.process.kill()
        owner.process.wait()
        words: list[str] = []

        def say(sentence: str) -> None:
            words.append(sentence)
            os.kill(postmaster, signal.SIGCONT)

        assert ask(make_server(say=say).start(), "SELECT 1") == 1
    assert words[0].startswith("Waiting for the PostgreSQL of an earlier run to stop")


def test_kill_9_of_postgresql_loses_nothing_committed(make_server: MakeServer, data_dir: Path, major: int) -> None:
    server = make_server(major=major)
    url = server.start()
    ask(url, "CREATE TABLE kept AS SELECT 7 AS value")
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    until(lambda: not server.is_running())
    assert server.start() == url
    assert ask(url, "SELECT value FROM kept") == 7


def test_a_restart_that_fails_is_one_sentence_and_the_next_one_keeps_the_url(
    make_server: MakeServer, data_dir: Path
) -> None:
    server = make_server(data_dir / "with a space")  # so the socket is in a folder that ends with the server
    url = server.start()
    os.kill(_postmaster(data_dir / "with a space"), signal.SIGKILL)
    until(lambda: not server.is_running())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))  # as on a full disk nothing can be written
    try:
        with pytest.raises(EmbeddedServerError, match="PostgreSQL can't be started"):
            server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert server.start() == url
    assert ask(url, "SELECT 1") == 1


def test_what_outlives_its_postmaster_is_ended(make_server: MakeServer, data_dir: Path) -> None:
    server = make_server()
    server.start()
    postmaster = _postmaster(data_dir)
    orphan = next(pid for pid in find_processes(Cluster(data_dir).data) if pid != postmaster)
    os.kill(orphan, signal.SIGSTOP)
    os.kill(postmaster, signal.SIGKILL)
    until(lambda: not server.is_running())
    wake = threading.Timer(0.3, os.kill, (orphan, signal.SIGCONT))
    wake.start()
    assert ask(server.start(), "SELECT 1") == 1
    wake.join()
    assert orphan not in find_processes(Cluster(data_dir).data)


def test_an_interrupted_initdb_is_made_again(make_server: MakeServer, data_dir: Path) -> None:
    with holding(data_dir) as owner:
        until(lambda: list(data_dir.glob("postgres-draft-*/data/base")))
        owner.process.kill()
    assert not Cluster(data_dir).exists()
    assert ask(make_server().start(), "SELECT 1") == 1
    assert list(data_dir.glob("postgres-draft-*")) == []


def test_a_process_id_that_another_program_has_by_now_is_forgotten(make_server: MakeServer, data_dir: Path) -> None:
    server = make_server()
    url = server.start()
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    until(lambda: not server.is_running())
    cluster = Cluster(data_dir)
    other = subprocess.Popen(["sleep", "60"], cwd="/", **find_owner(cluster.folder).process_options())
    try:
        for file in (cluster.data / "postmaster.pid", cluster.folder / "socket" / ".s.PGSQL.5432.lock"):
            file.write_text("\n".join([str(other.pid), *file.read_text().splitlines()[1:]]) + "\n")
        assert server.start() == url
    finally:
        other.kill()
        other.wait()


def test_a_killed_backend_is_postgresqls_own_affair(make_server: MakeServer) -> None:
    server = make_server()
    url = server.start()
    ask(url, "CREATE TABLE kept AS SELECT 7 AS value")
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    asyncio.run(wait_until_ready(url, say=lambda _: None))
    assert server.is_running()
    assert ask(url, "SELECT value FROM kept") == 7
