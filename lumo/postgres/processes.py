"""The server's processes: started so that they stop with us, and found when an earlier run left them. Linux only."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_SAY_EVERY = 5.0  # seconds
_ORPHANS_MAY_TAKE = 10.0  # seconds


def stops_with_parent(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` by which the kernel sends `number` to the child when the thread that started it dies.

    It runs after the rights were dropped, which would clear it (prctl(2), PR_SET_PDEATHSIG).
    """
    parent = os.getpid()

    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def find_processes(folder: Path) -> set[int]:
    """The ids of the PostgreSQL processes whose data folder this is: each of them works in it (`/proc/…/cwd`)."""
    try:
        wanted = folder.stat()
    except FileNotFoundError:
        return set()
    return {pid for pid, place in _postgres_places() if (place.st_dev, place.st_ino) == (wanted.st_dev, wanted.st_ino)}


def works_elsewhere(pid: int, folder: Path) -> bool:
    """Whether `pid` is a process of ours, or one that we may look at, that does not work in `folder`.

    One that has died works nowhere, and stays in sight until its parent, or init, has noted its end.
    """
    try:
        return not os.path.samefile(f"/proc/{pid}/cwd", folder)
    except FileNotFoundError:
        return os.path.exists(f"/proc/{pid}")
    except OSError:
        return False


def wait_until_gone(folder: Path, *, postmaster: int | None, say: Callable[[str], None]) -> None:
    """Stop what an earlier run left working in `folder` and wait for its end.

    A whole server is asked for a fast shutdown and waited for without limit. What outlived its postmaster is asked
    to end and after 10 s killed: the next start recovers from the log in either case.
    """
    waiting = Waiting(say, "Waiting for the PostgreSQL of an earlier run to stop")
    asked: set[int] = set()
    while left := find_processes(folder):
        whole = postmaster in left
        if postmaster is not None and whole:
            _send({postmaster} - asked, signal.SIGINT)
            asked.add(postmaster)
        else:
            _send(left - asked, signal.SIGTERM)
            asked |= left
            if waiting.seconds > _ORPHANS_MAY_TAKE:
                _send(left, signal.SIGKILL)
        waiting.pause()


class Waiting:
    """A wait that says every 5 s what for."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        self._say, self._what = say, what
        self._since = self._said_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has been waited for."""
        return time.monotonic() - self._since

    def pause(self, seconds: float = 0.02) -> None:
        """Wait a moment."""
        time.sleep(seconds)
        if time.monotonic() - self._said_at >= _SAY_EVERY:
            self._said_at = time.monotonic()
            self._say(f"{self._what} ({self.seconds:.0f} s) …")


def _postgres_places() -> Iterator[tuple[int, os.stat_result]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if Path(entry.path, "comm").read_text().strip() == "postgres":
                    yield int(entry.name), os.stat(f"{entry.path}/cwd")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
