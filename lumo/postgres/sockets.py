"""A private folder for the server's unix socket, with a path short enough for one."""

import os
import re
import stat
import tempfile
from pathlib import Path

from lumo.postgres.cluster import Cluster
from lumo.postgres.owner import Owner

_SOCKET = ".s.PGSQL.5432"
_LONGEST = 107  # bytes; sun_path in unix(7) less its end mark


def make_socket_folder(cluster: Cluster, owner: Owner, *, earlier: str = "") -> Path:
    """A 0700 folder of `owner`: in the cluster where the path is short and plain, else `earlier`, else a new one.

    A new one is made in /run or /tmp under a name that nobody can foresee, so nobody can have made it before us.
    """
    inside = cluster.folder / "socket"
    if _is_short_and_plain(inside):
        return inside
    if earlier and is_private(Path(earlier), owner):
        return Path(earlier)
    base = "/run" if os.access("/run", os.W_OK) else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="lumo-", dir=base))
    os.chown(folder, owner.uid, owner.gid)
    return folder


def remove_socket_folder(cluster: Cluster, folder: Path) -> None:
    """Remove a folder made outside the cluster; one that still holds something stays."""
    if folder.parent != cluster.folder:
        try:
            folder.rmdir()
        except OSError:
            return


def forget_lock(folder: Path) -> None:
    """Remove the lock of an earlier server's socket: only when it is certain that no server works there.

    The process id in it may be another program's by now, or that of a process that nobody has reaped.
    """
    (folder / f"{_SOCKET}.lock").unlink(missing_ok=True)


def is_private(folder: Path, owner: Owner) -> bool:
    """Whether it is a folder, no link to one, that belongs to `owner` and is closed to all others."""
    try:
        entry = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(entry.st_mode) and entry.st_uid == owner.uid and stat.S_IMODE(entry.st_mode) == 0o700


def _is_short_and_plain(folder: Path) -> bool:
    path = str(folder / _SOCKET)
    return len(path) <= _LONGEST and re.fullmatch(r"[A-Za-z0-9/._-]+", path) is not None
