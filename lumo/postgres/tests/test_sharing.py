"""Commands use the server that runs, or start one for their own duration and whoever joins them."""

from pathlib import Path

import psycopg
import pytest

from lumo.postgres.cluster import Cluster
from lumo.postgres.embedded import find_running, running
from lumo.postgres.processes import find_processes
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import ask, holding, until


def _quiet(_: str) -> None:
    return


def test_a_command_uses_the_running_server_and_leaves_it_running(make_server: MakeServer, data_dir: Path) -> None:
    url = make_server().start()
    with running(data_dir, say=_quiet) as found:
        assert found == url
    assert ask(url, "SELECT 1") == 1


def test_without_one_a_command_starts_it_for_its_own_duration(data_dir: Path) -> None:
    assert find_running(data_dir) is None
    with running(data_dir, say=_quiet) as url:
        assert find_running(data_dir) == url
        assert ask(url, "SELECT 1") == 1
    assert find_running(data_dir) is None
    assert find_processes(Cluster(data_dir).data) == set()


def test_a_failing_command_stops_its_server_too(data_dir: Path) -> None:
    with pytest.raises(ValueError, match="broken"), running(data_dir, say=_quiet):
        raise ValueError("broken")
    assert find_processes(Cluster(data_dir).data) == set()


def test_the_command_that_started_it_waits_for_those_that_joined(data_dir: Path) -> None:
    with holding(data_dir, "--shared") as first:
        url = first.answer()
        with running(data_dir, say=_quiet) as joined, psycopg.connect(joined) as connection:
            assert joined == url
            first.ask_to_stop()
            with holding(data_dir, "--shared") as third:
                assert third.answer() == url
            connection.execute("SELECT 1")
            assert first.process.poll() is None
        first.process.wait()
    assert find_processes(Cluster(data_dir).data) == set()


def test_commands_at_once_agree_on_one_server(data_dir: Path) -> None:
    with holding(data_dir, "--shared") as first, holding(data_dir, "--shared") as second:
        assert first.answer() == second.answer()
        for one in (first, second):  # who started the server stays until the other has ended
            one.ask_to_stop()
    until(lambda: find_running(data_dir) is None)
