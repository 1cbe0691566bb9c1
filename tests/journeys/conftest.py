"""Journeys begin on empty machines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines import Machine, machine


@pytest.fixture
def sandbox(data_dir: Path) -> Iterator[Machine]:
    """A machine whose `lumo up` is the sandbox, with its own embedded PostgreSQL."""
    with machine(data_dir, LUMO_SANDBOX="1", LUMO_WORKERS="1") as one:
        yield one
