"""The references that lie beside the project: LINE's and Klaviyo's published specifications, in `shared/specs`.

They are no part of the repository. They are looked for in the folders that hold it; and, in a clone, in those that hold
the repository that it was cloned from, as CI does.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_FOLDER = Path("shared", "specs")


def specs(name: str) -> Path:
    """The path of a file of `shared/specs`, like "line/webhook.yml"; skips the test where there is none."""
    for repository in _list_repositories():
        for folder in repository.parents:
            path = folder / _FOLDER / name
            if os.path.exists(path):  # unlike Path.exists also of a folder that one may not look into
                return path
    # The project is complete without them, and a clone elsewhere has none. Under CI a skip is a failure (conftest.py).
    pytest.skip(f"There is no {_FOLDER / name} in a folder above this repository or above the one it was cloned from.")


def _list_repositories() -> Iterator[Path]:
    """This one, the one that it was cloned from, and so on."""
    repository, seen = ROOT, set[Path]()
    while repository not in seen:
        yield repository
        seen.add(repository)
        repository = _find_origin(repository) or repository


def _find_origin(repository: Path) -> Path | None:
    command = ["git", "-C", str(repository), "config", "--get", "remote.origin.url"]
    url = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return Path(url).resolve() if url and os.path.isdir(url) else None
