"""An emulator's memory in one SQLite file, for any number of processes and threads (write-ahead log).

Each change survives a killed process; a power cut may lose it (`synchronous=OFF`).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

_BUSY_SECONDS = 10.0


class SqliteFile:
    """The file at `path`, made by the SQL of `schema` when it is missing.

    One thread at a time may use an instance; `with` closes it. Each statement commits, but for those of `transaction`.
    """

    def __init__(self, path: Path, *, schema: str) -> None:
        if not path.exists():
            _create(path, schema)
        self._db = _connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _create(path: Path, schema: str) -> None:
    """Make the file beside its place and link it there complete: whoever comes second finds it finished."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    draft.touch(mode=0o600)  # it holds secrets of the sandbox
    db = _connect(draft)
    try:
        db.executescript(schema)
    finally:
        db.close()
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        draft.unlink()


def _connect(path: Path) -> sqlite3.Connection:
    # The event loop's thread need not be the one that made the connection.
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA synchronous = OFF")
    return db
