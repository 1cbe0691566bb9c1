"""PostgreSQL's disk is full, and then it isn't."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from lumo.postgres.cluster import ADMIN, Cluster
from lumo.postgres.ownership import read_note
from lumo.sandbox.faults import Faults
from tests.faults.installation import Installation
from tests.processes import wait_until

_SIZE = "320m"
_CHUNKS = (1 << 20, 4096)


@pytest.fixture
def data_dir(data_dir: Path, tmp_path: Path) -> Iterator[Path]:
    """A data folder on a small disk of its own; only what Lumo says is written elsewhere.

    The space in its path has PostgreSQL's socket made in another place.
    """
    disk = data_dir / "small disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", disk], check=True)
    try:
        (disk / "said.log").symlink_to(tmp_path / "said.log")
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.needs_root
@pytest.mark.timeout(240)
def test_a_full_disk_is_a_503_and_nothing_is_lost_once_it_has_space_again(one_machine: Installation) -> None:
    one = one_machine.machine
    one_machine.line.record.set_faults(Faults(delay_ms=1000))  # so that results are to be written just then
    with one_machine.load(count=300, per_second=30, padding=20_000) as under_way:
        under_way.wait_until_taken(60)
        ballast = _fill(one.data_dir)
        under_way.wait_until_refused(100)  # tables can't grow
        _break_write_ahead_log(one.data_dir)
        wait_until(lambda: "PostgreSQL ended" in one.said(), why=one.said)
        taken = len(under_way.taken)
        under_way.wait_until_refused(200)
        assert len(under_way.taken) == taken
        ballast.unlink()
    one_machine.wait_until_sent(under_way.taken)


def _fill(folder: Path) -> Path:
    """Put a file in the folder that takes the last byte of its disk."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in _CHUNKS:
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return ballast


def _break_write_ahead_log(data_dir: Path) -> None:
    """Make PostgreSQL begin one log file after another until there is no space for the next, and it panics."""
    cluster = Cluster(data_dir)
    note = read_note(cluster)
    assert note is not None
    url = cluster.url(Path(note.socket_folder), role=ADMIN, database="postgres")
    with suppress(psycopg.OperationalError), closing(psycopg.connect(url, autocommit=True)) as connection:
        while True:
            connection.execute("SELECT pg_switch_wal(), txid_current()")
