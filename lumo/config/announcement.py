"""What a running `lumo up` tells the other commands on its data folder: `running.json`, held under a lock.

The kernel gives the lock back when the process ends, however it ends: a file without one is an old one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lumo.config.database import place_of
from lumo.lib.encryption import fingerprint
from lumo.lib.settings import Settings, SettingsError


class Announcement(msgspec.Struct, frozen=True):
    """Who runs, where it answers and whom it asks, whether it is the sandbox, and on which database (`place_of`).

    `key` tells its newest secret key from another one, without telling it.
    """

    pid: int
    listen: str
    public_url: str
    sandbox: bool
    database: str = ""
    line_api_url: str = ""
    klaviyo_api_url: str = ""
    ca_file: str = ""
    key: str = ""


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Tell while the block runs. Raises SettingsError when another `lumo up` does so on this data folder."""
    path = _path(settings.data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor, settings.data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(_announcement(settings)), 0)
        try:
            yield
        finally:
            path.unlink()
    finally:
        os.close(descriptor)


def find_announcement(data_dir: Path) -> Announcement | None:
    """What the `lumo up` that runs on this data folder tells, None when none does."""
    try:
        with _path(data_dir).open("rb") as file:
            if _is_locked(file.fileno()):
                return msgspec.json.decode(file.read(), type=Announcement)
    except (OSError, msgspec.DecodeError):  # not there, or in a folder that is closed to us
        pass
    return None


def find_beside(data_dir: Path, *, database_url: str) -> Announcement | None:
    """What that one tells, if it runs on this database; None otherwise."""
    found = find_announcement(data_dir)
    return found if found and found.database == place_of(database_url) else None


def _announcement(settings: Settings) -> Announcement:
    return Announcement(
        pid=os.getpid(),
        listen=settings.listen,
        public_url=settings.public_url,
        sandbox=settings.sandbox,
        database=place_of(settings.database_url),
        line_api_url=settings.line_api_url,
        klaviyo_api_url=settings.klaviyo_api_url,
        ca_file=settings.ca_file,
        key=fingerprint(settings.secret_keys[0]) if settings.secret_keys else "",
    )


def _lock(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsError(
            f"Lumo is already running on this data folder: {data_dir}. Stop it, or set LUMO_DATA_DIR to another folder."
        ) from None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _path(data_dir: Path) -> Path:
    return data_dir / "running.json"
