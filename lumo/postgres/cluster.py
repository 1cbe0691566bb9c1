"""The embedded server's files in DATA_DIR: made by initdb in one piece, with a password and a place for the socket.

DATA_DIR/postgres/          the server's user alone (0700)
    data/                   PostgreSQL's own
    password                of the roles postgres and lumo (0600)
    socket/                 for the unix socket, where the path is short and plain
DATA_DIR/postgres.log       what the server says
DATA_DIR/postgres.lock      held, with its process id, by the one Lumo that runs the server
DATA_DIR/postgres-binaries/ a copy of the programs, only where their original is closed to the server's user
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lumo.lib.settings import SettingsError
from lumo.postgres.binaries import Binaries
from lumo.postgres.owner import Owner, check_reachable, find_owner
from lumo.postgres.processes import stops_with_parent

ADMIN, ROLE, DATABASE = "postgres", "lumo", "lumo"
_BUILTIN_LOCALE_SINCE = 17
# A short one: another user's process should see nothing of ours.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Cluster:
    """The server's files in one data folder."""

    data_dir: Path

    @property
    def folder(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.data_dir / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.data_dir / "postgres.lock"

    @property
    def users_lock(self) -> Path:
        return self.data_dir / "postgres.users"

    @property
    def binaries(self) -> Path:
        return self.data_dir / "postgres-binaries"

    def exists(self) -> bool:
        """Whether initdb has run to its end."""
        return self.folder.exists()

    def major(self) -> int | None:
        """The major version that made it, or None when there is none yet."""
        return int((self.data / "PG_VERSION").read_text()) if self.exists() else None

    def url(self, socket_folder: Path, *, role: str = ROLE, database: str = DATABASE) -> str:
        """Its address for asyncpg, psycopg and Django."""
        return f"postgresql://{role}:{self.password()}@/{database}?host={socket_folder}&port=5432"

    def password(self) -> str:
        """The password of both roles, which initdb was given."""
        descriptor = os.open(self.folder / "password", os.O_RDONLY | os.O_NOFOLLOW)
        with open(descriptor, encoding="utf-8") as file:
            return file.read().strip()

    def postmaster(self) -> int | None:
        """The main process's id in `postmaster.pid`, which a kill -9 leaves behind; None without one."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def forget_postmaster(self) -> None:
        """Remove `postmaster.pid`: only when it is certain that no server works here."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)


def prepare(cluster: Cluster) -> Owner:
    """Make the data folder where it is missing; returns who runs the server. Raises SettingsError with the fix."""
    owner = find_owner(cluster.folder)
    check_reachable(cluster.data_dir, owner)
    _make_data_dir(cluster.data_dir)
    return owner


def _make_data_dir(data_dir: Path) -> None:
    """Make the data folder where it is missing: everybody may pass through root's, nobody through a user's.

    Folders that exist keep their mode.
    """
    try:
        missing = [folder for folder in [data_dir, *data_dir.parents] if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                folder.chmod(0o755)
        if missing and os.geteuid():
            data_dir.chmod(0o700)
    except OSError as error:
        raise SettingsError(
            f"LUMO_DATA_DIR is {data_dir}, which can't be made: {error.strerror}. "
            "Set LUMO_DATA_DIR to a folder that you may write to."
        ) from error


def make_cluster(cluster: Cluster, binaries: Binaries, owner: Owner) -> None:
    """Run initdb in a draft folder and show the result at once; an interrupted draft is thrown away next time.

    Raises SettingsError with initdb's words.
    """
    for old in cluster.data_dir.glob("postgres-draft-*"):
        shutil.rmtree(old, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres-draft-", dir=cluster.data_dir))
    password = draft / "password"
    password.touch(0o600)
    password.write_text(secrets.token_urlsafe(24))
    (draft / "socket").mkdir(0o700)
    for path in (password, draft / "socket", draft):
        os.chown(path, owner.uid, owner.gid)
    _run_initdb(draft, binaries, owner)
    draft.rename(cluster.folder)


def open_private(path: Path) -> int:
    """Open a file of the data folder for reading and writing; a new one is for the folder's user alone.

    Never through a symbolic link: root may be at work in somebody else's folder. Raises SettingsError.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise SettingsError(
            f"LUMO_DATA_DIR is {path.parent}, where {path.name} can't be written: {error.strerror}. "
            "Set LUMO_DATA_DIR to a folder that you may write to."
        ) from error
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def _run_initdb(draft: Path, binaries: Binaries, owner: Owner) -> None:
    locale = ["--locale=C.UTF-8"]
    if binaries.major >= _BUILTIN_LOCALE_SINCE:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    options = ["--auth=scram-sha-256", "--encoding=UTF8", *locale, "--data-checksums", "--no-instructions"]
    files = ["-D", str(draft / "data"), f"--pwfile={draft / 'password'}"]
    done = subprocess.run(
        [str(binaries.folder / "initdb"), f"--username={ADMIN}", *files, *options],
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        umask=0o077,
        start_new_session=True,
        preexec_fn=stops_with_parent(signal.SIGTERM),
        check=False,
        **owner.process_options(),
    )
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise SettingsError(f"PostgreSQL's files could not be made in {draft.parent}:\n{done.stderr.strip()}")
