"""Two machines with data folders of their own on one PostgreSQL; either of them may be killed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumo.sandbox.record import LineRecord
from tests.emulators import emulating
from tests.factories import line_user_id
from tests.machines import Machine, connect_all, machine
from tests.processes import wait_until

_REQUESTS = 300
_QUICK = {"job_heartbeat": 1.0, "sweep_every": 0.5, "sweep_after": 3.0, "retry_loop": 0.2, "retry_base": 0.2}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "line.sqlite3"


@pytest.fixture
def machines(tmp_path: Path, database_url: str, record: Path) -> Iterator[tuple[Machine, Machine]]:
    with emulating(record) as url:
        variables = {
            "LUMO_DATABASE_URL": database_url,
            "LUMO_SECRET_KEY": "the-same-key-on-every-machine-of-an-installation",
            "LUMO_LINE_API_URL": f"{url}/sandbox/line",
            "LUMO_KLAVIYO_API_URL": f"{url}/sandbox/klaviyo",
            "LUMO_INTERVALS": json.dumps(_QUICK),
            "LUMO_WORKERS": "1",
        }
        with machine(tmp_path / "first", **variables) as first, machine(tmp_path / "second", **variables) as second:
            yield first, second


@pytest.mark.parametrize("victim", [0, 1])
def test_nothing_is_lost_or_repeated_when_either_machine_is_killed(
    machines: tuple[Machine, Machine], record: Path, victim: int
) -> None:
    flow_settings = connect_all(machines[0])
    for one in machines:
        one.start("serve")
        one.start("work")
    for one in machines:
        one.wait_until_ready()

    def post(number: int) -> None:
        body = {"to": line_user_id(number), "text": f"{number}", "event": f"{number}"}
        one = machines[number % 2]
        if not one.is_taken(flow_settings, body):  # Klaviyo tries again, and the load balancer has noticed
            machines[1 - victim].post_until_taken(flow_settings, body)

    with ThreadPoolExecutor(8) as pool:
        posting = [pool.submit(post, number) for number in range(_REQUESTS)]
        wait_until(lambda: sum(future.done() for future in posting) > _REQUESTS // 3)
        _kill(machines[victim])
        for future in posting:
            future.result(60)
    wait_until(lambda: len(_pushed(record)) == _REQUESTS, seconds=60, why=machines[1 - victim].said)
    assert set(_pushed(record).values()) == {1}
    states = Counter(delivery["state"] for delivery in machines[1 - victim].lumo("deliveries", "list"))
    assert states.keys() <= {"delivered", "waiting"}


def test_serve_and_work_say_that_they_need_a_database(tmp_path: Path) -> None:
    with machine(tmp_path / "lonely") as one:
        for command in ("serve", "work"):
            assert one.start(command).wait(30) == 1
            assert one.said().splitlines()[-1].startswith(f"lumo {command} needs LUMO_DATABASE_URL.")


def _kill(one: Machine) -> None:
    """Pull the plug: every process of the machine at once."""
    for pid in one.find_processes():
        os.kill(pid, signal.SIGKILL)


def _pushed(path: Path) -> Counter[str]:
    """How often LINE accepted each text."""
    with LineRecord(path) as record:
        return Counter(push.decoded()["messages"][0]["text"] for push in record.list_pushes())
