"""The system user that the embedded PostgreSQL runs as: ourselves, or an unprivileged one when we are root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumo.lib.settings import SettingsError

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Owner:
    """A system user and the group it starts with."""

    uid: int
    gid: int
    name: str

    def process_options(self) -> dict[str, Any]:
        """What `subprocess` takes to start a process as this user: nothing when we are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_traverse(self, folder: Path) -> bool:
        """Whether this user may pass through `folder`, asked of the kernel by a process of that user."""
        return subprocess.run(["test", "-x", folder], cwd="/", check=False, **self.process_options()).returncode == 0


def find_owner(folder: Path) -> Owner:
    """Who runs the server whose files are in `folder`: its owner, or for a new one the user to make it for.

    PostgreSQL refuses to run as root. Raises SettingsError when the folder is somebody else's or root's.
    """
    if not os.path.exists(folder):
        return _ourselves() if os.geteuid() else _unprivileged()
    entry = folder.stat()
    if entry.st_uid == 0:
        name = _unprivileged().name
        raise SettingsError(
            f"{folder} belongs to root, and PostgreSQL refuses to run as root. Run: chown -R {name}: '{folder}'"
        )
    if os.geteuid() not in {0, entry.st_uid}:
        raise SettingsError(
            f"{folder} belongs to another user ({_name(entry.st_uid)}). Run Lumo as that user or as root, "
            "or set LUMO_DATA_DIR to a folder of your own."
        )
    return Owner(entry.st_uid, entry.st_gid, _name(entry.st_uid))


def check_reachable(data_dir: Path, owner: Owner) -> None:
    """Refuse (SettingsError, with the fix) a data folder that `owner` can't pass through. Opens nothing itself.

    Of a folder that is still to be made the parents that exist are looked at.
    """
    there = [folder for folder in [data_dir, *data_dir.parents] if os.path.exists(folder)]
    if owner.can_traverse(there[0]):
        return
    closed = next(folder for folder in reversed(there) if not owner.can_traverse(folder))
    raise SettingsError(
        f"LUMO_DATA_DIR is {data_dir}, but the embedded PostgreSQL runs as the user {owner.name}, who can't pass "
        f"through {closed}. Set LUMO_DATA_DIR to a folder that every user can pass through, such as /var/lib/lumo, "
        "or set LUMO_DATABASE_URL to a PostgreSQL of your own."
    )


def _ourselves() -> Owner:
    return Owner(os.geteuid(), os.getegid(), _name(os.geteuid()))


def _unprivileged() -> Owner:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(entry.pw_uid, entry.pw_gid, name)
    raise SettingsError(
        "PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it as. "
        "Make one (adduser --system postgres), or set LUMO_DATABASE_URL to a PostgreSQL of your own."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
