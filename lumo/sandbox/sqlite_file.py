"""An emulator's memory in one SQLite file, for any number of processes and threads (write-ahead log).

Each change survives a killed process; a power cut may lose it (`synchronous=OFF`).
"""

import os
import sqlite3
from pathlib import Path

_BUSY_SECONDS = 10.0


def open_file(path: Path, *, schema: str) -> sqlite3.Connection:
    """A connection in autocommit mode to the file at `path`, which is made by the SQL of `schema` when missing."""
    if not path.exists():
        _create(path, schema)
    return _connect(path)


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
