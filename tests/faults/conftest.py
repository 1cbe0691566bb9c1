"""What breaks: a machine with everything on it, or Lumo on somebody else's PostgreSQL; beside it LINE's stand-in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Installation, LineStandIn
from tests.machines import machine

# A dead process is missed, started again and its work taken over within a second or two.
_QUICK = {
    "job_heartbeat": 1.0,
    "quota_check": 0.5,
    "restart_pause": 0.1,
    "retry_base": 0.2,
    "retry_cap": 2.0,
    "retry_loop": 0.2,
    "sweep_after": 3.0,
    "sweep_every": 0.5,
}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[LineStandIn]:
    stand_in = LineStandIn(tmp_path / "line.sqlite3")
    stand_in.appear()
    yield stand_in
    stand_in.vanish()
    stand_in.record.close()


@pytest.fixture
def variables(line: LineStandIn) -> dict[str, str]:
    """The settings of every machine."""
    return {
        "LUMO_SECRET_KEY": "the-same-key-on-every-machine-of-an-installation",
        "LUMO_LINE_API_URL": f"{line.url}/line",
        "LUMO_KLAVIYO_API_URL": f"{line.url}/klaviyo",
        "LUMO_INTERVALS": json.dumps(_QUICK),
        "LUMO_WORKERS": "2",
    }


@pytest.fixture
def one_machine(data_dir: Path, variables: dict[str, str], line: LineStandIn) -> Iterator[Installation]:
    """`lumo up` with everything on one machine, the embedded PostgreSQL included."""
    with machine(data_dir, **variables) as one:
        one.start("up")
        one.wait_until_ready()
        yield Installation([one], line)


@pytest.fixture
def lean_machine(
    tmp_path: Path, database_url: str, variables: dict[str, str], line: LineStandIn
) -> Iterator[Installation]:
    """`lumo up` on a PostgreSQL that is there already."""
    with machine(tmp_path / "machine", LUMO_DATABASE_URL=database_url, **variables) as one:
        one.start("up")
        installation = Installation([one], line)
        one.wait_until_ready()
        yield installation


@pytest.fixture
def two_machines(
    tmp_path: Path, database_url: str, variables: dict[str, str], line: LineStandIn
) -> Iterator[Installation]:
    """Two machines with `lumo serve` on one PostgreSQL; the first one's workers send."""
    variables = {**variables, "LUMO_DATABASE_URL": database_url}
    with machine(tmp_path / "first", **variables) as first, machine(tmp_path / "second", **variables) as second:
        for one in (first, second):
            one.start("serve")
        first.start("work")
        installation = Installation([first, second], line)
        for one in (first, second):
            one.wait_until_ready()
        yield installation
