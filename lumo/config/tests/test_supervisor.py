"""The supervisor with real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from lumo.config.supervisor import Command, Supervisor, until_stopped
from tests.processes import MARK, find_marked, wait_until

WAITS = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(60)"
ENDS = "import sys, time; open(sys.argv[1], 'a').write(f'{time.monotonic()}\\n'); sys.exit(3)"
STOPS = (
    "import pathlib, signal, sys, time; bye = pathlib.Path(sys.argv[1])\n"
    "signal.signal(signal.SIGTERM, lambda *_: (bye.write_text('bye\\n'), sys.exit()))\n"
    "bye.write_text('there\\n'); time.sleep(60)"
)
IGNORES = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path(sys.argv[1]).write_text('there\\n'); time.sleep(60)"
)
PARENT = """
import sys
from lumo.config.supervisor import Command, Supervisor, until_stopped
depth = int(sys.argv[1])
command = [sys.executable, __file__, str(depth - 1)] if depth else ["sleep", "60"]
supervisor = Supervisor(restart_pause=0.1, say=print)
supervisor.add(Command("child", command))
with until_stopped():
    while True:
        supervisor.tend()
supervisor.stop(within=10)
"""


def test_what_is_killed_is_started_again(tmp_path: Path) -> None:
    lines = tmp_path / "pids"
    with _supervising(WAITS, lines) as (tend_until, said):
        tend_until(lambda: len(_read(lines)) == 1)
        os.kill(int(_read(lines)[0]), signal.SIGKILL)
        tend_until(lambda: len(_read(lines)) == 2)
    assert said == ["The child ended (SIGKILL) and is started again."]


def test_what_keeps_dying_is_said_once_and_started_ever_more_seldom(tmp_path: Path) -> None:
    lines = tmp_path / "starts"
    with _supervising(ENDS, lines) as (tend_until, said):
        tend_until(lambda: len(_read(lines)) == 5)
    starts = [float(line) for line in _read(lines)]
    assert starts[4] - starts[3] > 2 * (starts[2] - starts[1]) > 0.2
    assert said == ["The child ended (exit status 3) and is started again."]


def test_a_child_gets_the_time_to_end_well(tmp_path: Path) -> None:
    lines = tmp_path / "words"
    with _supervising(STOPS, lines) as (tend_until, said):
        tend_until(lambda: _read(lines) == ["there"])
    assert (_read(lines), said) == (["bye"], [])


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    lines = tmp_path / "words"
    with _supervising(IGNORES, lines, stop_within=0.2) as (tend_until, said):
        tend_until(lambda: _read(lines) == ["there"])
    assert said == ["The child did not stop in 0.2 s and was killed."]


def test_a_child_has_a_session_of_its_own_that_ctrl_c_does_not_reach(tmp_path: Path) -> None:
    lines = tmp_path / "pids"
    with _supervising(WAITS, lines) as (tend_until, _):
        tend_until(lambda: len(_read(lines)) == 1)
        pid = int(_read(lines)[0])
        assert os.getsid(pid) == pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_outlives_a_supervisor_nor_its_childrens_children(tmp_path: Path, number: signal.Signals) -> None:
    script, mark = tmp_path / "parent.py", uuid4().hex
    script.write_text(PARENT)
    process = subprocess.Popen(
        [sys.executable, script, "1"],
        env=os.environ | {MARK: mark},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )
    wait_until(lambda: len(find_marked(mark)) == 3)
    process.send_signal(number)
    assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
    wait_until(lambda: not find_marked(mark))


def test_a_second_ctrl_c_does_not_disturb_the_clean_up() -> None:
    seen = []
    with until_stopped():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append("cleaned up")
    assert seen == ["cleaned up"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@contextmanager
def _supervising(
    script: str, output: Path, *, stop_within: float = 10.0
) -> Iterator[tuple[Callable[[Callable[[], bool]], None], list[str]]]:
    """A supervisor of one Python script; yields a function that tends until a condition holds, and what was said."""
    said: list[str] = []
    supervisor = Supervisor(restart_pause=0.1, say=said.append)
    supervisor.add(Command("The child", [sys.executable, "-c", script, str(output)]))

    def tend_until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, said
            supervisor.tend()

    try:
        yield tend_until, said
    finally:
        supervisor.stop(within=stop_within)


def _read(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
