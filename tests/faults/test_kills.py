"""kill -9 under load: of any process, or of all at once, at any moment."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lumo.postgres.cluster import Cluster
from lumo.sandbox.faults import Faults
from tests.faults.installation import Installation
from tests.machines import Machine
from tests.processes import wait_until

_REQUESTS, _PER_SECOND = 400, 100
_KILLS = (80, 180, 280)  # so many are acknowledged at each
_LINE = Faults(delay_ms=100, error_every=10)  # so pushes are under way, and some wait, when a process dies
_VICTIMS = {
    "ingest": r"serve --socket \d+",
    "a sending process": "work --only sending",
    "the timekeeping process": "work --only schedules",
    "the workers' supervisor": "work",
}


@pytest.mark.parametrize("victim", _VICTIMS)
def test_nothing_is_lost_or_repeated_when_a_process_is_killed(lean_machine: Installation, victim: str) -> None:
    def kill() -> None:
        wait_until(lambda: bool(_find(lean_machine.machine, victim)), why=lean_machine.machine.said)
        os.kill(min(_find(lean_machine.machine, victim)), signal.SIGKILL)

    _kill_under_load(lean_machine, kill)


def test_nothing_is_lost_or_repeated_when_postgresql_is_killed(one_machine: Installation) -> None:
    one, cluster = one_machine.machine, Cluster(one_machine.machine.data_dir)

    def kill() -> None:
        wait_until(lambda: cluster.postmaster() in one.find_processes(), why=one.said)
        os.kill(cluster.postmaster() or 0, signal.SIGKILL)

    _kill_under_load(one_machine, kill)


def test_nothing_is_lost_or_repeated_when_everything_is_killed_at_once(one_machine: Installation) -> None:
    def kill() -> None:
        one_machine.machine.kill()
        one_machine.machine.start("up")

    _kill_under_load(one_machine, kill)


def _kill_under_load(installation: Installation, kill: Callable[[], None]) -> None:
    installation.line.record.set_faults(_LINE)
    with installation.load(count=_REQUESTS, per_second=_PER_SECOND) as under_way:
        for acknowledged in _KILLS:
            under_way.wait_until_taken(acknowledged)
            kill()
    installation.wait_until_sent(under_way.taken)


def _find(one: Machine, victim: str) -> set[int]:
    return {pid for pid in one.find_processes() if re.fullmatch(_VICTIMS[victim], _arguments(pid))}


def _arguments(pid: int) -> str:
    """What follows `lumo` on a process's command line; nothing when it is no command of ours."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return ""
    return " ".join(words[words.index("lumo") + 1 :]) if "lumo" in words else ""
