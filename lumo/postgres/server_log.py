"""The embedded server's log: one file that it appends to, cut when it grows; never more than about twice the limit."""

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from lumo.postgres.cluster import open_private

LIMIT = 10_000_000  # bytes
_LOOK_EVERY = 10.0  # seconds
_TAIL = 4_000  # bytes


class ServerLog:
    """`path` and, after the first cut, `path` with `.1`. The server writes to its descriptor itself."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self.path, self._limit = path, limit
        self.descriptor = open_private(path)
        self._closing = threading.Event()
        self._start = 0
        self.mark()
        self._thread = threading.Thread(target=self._keep_short, name="postgres-log", daemon=True)
        self._thread.start()

    def mark(self) -> None:
        """From here on is what `tail` tells."""
        self.cut()
        self._start = os.fstat(self.descriptor).st_size

    def tail(self) -> str:
        """The last lines since the mark, for an error message."""
        size = os.fstat(self.descriptor).st_size
        start = max(self._start, size - _TAIL)
        return os.pread(self.descriptor, _TAIL, start).decode(errors="replace").strip()

    def cut(self) -> None:
        """Set a log over the limit aside as `.1`; appending goes on at the start of the emptied file."""
        if os.fstat(self.descriptor).st_size > self._limit:
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.ftruncate(self.descriptor, 0)
            self._start = 0

    def close(self) -> None:
        """End the watch and close the file."""
        self._closing.set()
        self._thread.join()
        os.close(self.descriptor)

    def _keep_short(self) -> None:
        while not self._closing.wait(_LOOK_EVERY):
            with suppress(OSError):  # such as a full disk, which ends some time
                self.cut()
