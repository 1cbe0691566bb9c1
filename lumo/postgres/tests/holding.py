"""Processes that hold an embedded server, SQL to ask it, and waiting for what they do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_ROOT = Path(__file__).parents[3]


class Holder:
    """A running `lumo.postgres.tests.holder`."""

    def __init__(self, data_dir: Path, *options: str, search_path: Path = _ROOT) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lumo.postgres.tests.holder", str(data_dir), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{search_path}{os.pathsep}{_ROOT}"},
        )

    def answer(self) -> str:
        """Its URL or its refusal, once it has one."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask_to_stop(self) -> None:
        """Let it stop the server; does not wait."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close(self) -> None:
        """Let it stop the server, and wait for its end."""
        self.ask_to_stop()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def holding(data_dir: Path, *options: str, search_path: Path = _ROOT) -> Iterator[Holder]:
    """A holder that has ended after the block."""
    holder = Holder(data_dir, *options, search_path=search_path)
    try:
        yield holder
    finally:
        holder.close()


def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def ask(url: str, statement: str) -> Any:
    """Run a statement on a connection of its own; returns the first value of its first row, if it has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
