"""Processes of ours in a test: found by a mark in their environment, waited for without sleeping blindly."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

MARK = "LUMO_TEST_MARK"


def find_marked(mark: str) -> set[int]:
    """The ids of the living processes that inherited `MARK=mark`; a zombie has no environment any more."""
    wanted = f"{MARK}={mark}".encode()
    return {int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit() and wanted in _environment(entry)}


def wait_until(condition: Callable[[], bool], *, seconds: float = 20.0, why: Callable[[], str] = str) -> None:
    """Return once the condition holds; fail with `why` when it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"Not within {seconds} s. {why()}"
        time.sleep(0.02)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(entry: "os.DirEntry[str]") -> list[bytes]:
    try:
        return Path(entry.path, "environ").read_bytes().split(b"\0")
    except OSError:
        return []
