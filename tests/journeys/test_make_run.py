"""`make run`, as a newcomer types it, in the checkout that these tests are in (CI's has a space in its path)."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.machines import machine
from tests.processes import wait_until

_CHECKOUT = Path(__file__).parents[2]
_MAKE_RUN = ["make", "-C", str(_CHECKOUT), "run"]
_STORY = re.compile(
    r"花子 佐藤 starts a checkout.*"
    r"request → 202 in \d+ ms.*"
    r"LINE accepted in \d+ ms: 2 messages, 3 product cards.*"
    r"result stored in \d+ ms: delivered \(\d+\).*"
    r"Ctrl-C stops Lumo",
    re.DOTALL,
)


@pytest.mark.timeout(600)  # a fresh checkout installs first
def test_make_run_tells_the_story_of_one_message_time_and_again(data_dir: Path) -> None:
    with machine(data_dir) as one:
        for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
            make = one.start(command=_MAKE_RUN)
            wait_until(lambda: bool(_STORY.search(one.said())), seconds=400, why=one.said)
            if number == signal.SIGINT:
                os.killpg(make.pid, number)  # Ctrl-C reaches all that the terminal runs
            else:
                make.send_signal(number)
            make.wait(30)
            wait_until(lambda: not one.find_processes(), why=one.said)
            one.forget_said()


def test_make_run_works_with_a_postgresql_elsewhere(data_dir: Path, database_url: str) -> None:
    with machine(data_dir, LUMO_DATABASE_URL=database_url) as one:
        one.start(command=_MAKE_RUN)
        wait_until(lambda: bool(_STORY.search(one.said())), seconds=60, why=one.said)
        assert not (data_dir / "postgres").exists()
