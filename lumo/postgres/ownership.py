"""Who runs the server of a data folder: one Lumo at a time, which leaves a note for the others where it is found.

The locks are flock(2)'s: the kernel gives them back when their process ends, however it ends.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lumo.lib.settings import SettingsError
from lumo.postgres.cluster import Cluster, open_private


class AlreadyRunningError(SettingsError):
    """Another Lumo runs the server of this data folder."""


class Note(msgspec.Struct, frozen=True):
    """What the owner tells: its process id, the folder of the server's socket, whether its database is there yet."""

    pid: int
    socket_folder: str
    is_ready: bool


class Ownership:
    """The right to run the server of a data folder, until `release` or the end of this process."""

    def __init__(self, cluster: Cluster) -> None:
        """Take it. Raises AlreadyRunningError when another process has it."""
        self._descriptor = open_private(cluster.lock)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            note = read_note(cluster)
            raise AlreadyRunningError(
                f"Lumo is already running on this data folder (pid {note.pid if note else 'not noted yet'}): "
                f"{cluster.data_dir}. Stop it, or set LUMO_DATA_DIR to another folder."
            ) from None

    def write_note(self, socket_folder: Path, *, is_ready: bool) -> None:
        """Tell the others who and where we are."""
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, msgspec.json.encode(Note(os.getpid(), str(socket_folder), is_ready)))

    def release(self) -> None:
        """Give it back."""
        os.close(self._descriptor)


def read_note(cluster: Cluster) -> Note | None:
    """The note of the present owner, or of the last one; None when there never was one. Raises SettingsError."""
    try:
        return msgspec.json.decode(cluster.lock.read_bytes(), type=Note)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    except PermissionError as error:
        raise SettingsError(
            f"LUMO_DATA_DIR is {cluster.data_dir}, which belongs to another user. Run Lumo as the user who made it."
        ) from error


@contextmanager
def using(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """Be one of those who use a server that a command started for itself.

    Yields a function that waits until there is nobody else, and keeps everybody away from then on.
    """
    descriptor = open_private(cluster.users_lock)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield lambda: fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)
