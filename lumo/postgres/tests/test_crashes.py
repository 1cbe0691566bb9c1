"""kill -9 of whoever: no process stays, nothing committed is lost, the next start works."""

import asyncio
import os
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from lumo.postgres.cluster import Cluster
from lumo.postgres.connect import wait_until_ready
from lumo.postgres.owner import find_owner
from lumo.postgres.processes import find_processes
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import ask, holding, until


def _postmaster(data_dir: Path) -> int:
    pid = Cluster(data_dir).postmaster()
    assert pid is not None
    return pid


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
    file = Cluster(data_dir).data / "postmaster.pid"
    owner = find_owner(Cluster(data_dir).folder)
    other = subprocess.Popen(["sleep", "60"], cwd="/", **owner.process_options())
    try:
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
