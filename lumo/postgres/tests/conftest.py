"""Servers that end with their test, of every PostgreSQL on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from lumo.postgres.binaries import all_binaries
from lumo.postgres.embedded import EmbeddedServer

MAJORS = sorted({binaries.major for binaries in all_binaries()})


class MakeServer(Protocol):
    """Makes an embedded server, in the test's data folder unless told otherwise."""

    def __call__(self, folder: Path | None = None, **options: Any) -> EmbeddedServer: ...


@pytest.fixture(params=MAJORS)
def major(request: pytest.FixtureRequest) -> int:
    """Each major version that is installed."""
    number: int = request.param
    return number


@pytest.fixture
def make_server(data_dir: Path) -> Iterator[MakeServer]:
    """Makes servers that are stopped after the test."""
    made: list[EmbeddedServer] = []

    def make(folder: Path | None = None, **options: Any) -> EmbeddedServer:
        made.append(EmbeddedServer(folder or data_dir, **{"say": lambda _: None, **options}))
        return made[-1]

    yield make
    for server in made:
        server.stop()
