"""What every test stands on: a real PostgreSQL, a migrated database of its own for each test, and no network."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

SECRET_KEY = "a-secret-key-of-the-tests-and-of-nothing-else"
for _name in [name for name in os.environ if name.startswith("LUMO_")]:
    del os.environ[_name]
os.environ.update(
    DJANGO_SETTINGS_MODULE="lumo.config.django_settings",
    LUMO_DATA_DIR=os.devnull,
    LUMO_DATABASE_URL="postgresql://lumo@/lumo?host=/nowhere",
    LUMO_SECRET_KEY=SECRET_KEY,
)

import django

django.setup()

from django.core.management import call_command
from django.db import connections
from django.utils import translation
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from lumo.lib.settings import Settings
from lumo.postgres.embedded import EmbeddedServer

# Quick rather than safe: the tests' databases end with them.
_SERVER_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "max_connections": "200",
    "autovacuum": "off",  # its workers are a superuser's: a database that they look at can't be dropped
}
_NUMBERS = count(1)
_OTHER_KIND = "needs_root" if os.geteuid() else "needs_user"


@pytest.fixture(scope="session")
def template_url() -> Iterator[str]:
    """The URL of a migrated database, on a server of this session (of this worker under xdist)."""
    with _reachable_folder() as data_dir:
        server = EmbeddedServer(data_dir, say=lambda _: None, settings=_SERVER_SETTINGS)
        url = server.start()
        try:
            _point_django_at(url)
            call_command("migrate", verbosity=0)
            connections.close_all()
            yield url
        finally:
            server.stop()


@pytest.fixture
def database_url(template_url: str) -> Iterator[str]:
    """The URL of a fresh, migrated database; Django's default connection points at it."""
    name = f"test_{next(_NUMBERS)}"
    clone = sql.SQL("CREATE DATABASE {} TEMPLATE lumo").format(sql.Identifier(name))
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(template_url.replace("/lumo?", "/postgres?"), autocommit=True) as connection:
        connection.execute(clone)
        url = template_url.replace("/lumo?", f"/{name}?")
        _point_django_at(url)
        yield url
        connections.close_all()
        connection.execute(drop)


@pytest.fixture(autouse=True)
def _no_language_left() -> Iterator[None]:
    """A request leaves the language it was answered in to whatever its thread does next."""
    yield
    translation.deactivate()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder that the embedded server's user can reach, which pytest's `tmp_path` is not for root."""
    with _reachable_folder() as folder:
        yield folder


@pytest.fixture
def settings(database_url: str, data_dir: Path) -> Settings:
    """An installation's settings: a database of its own, a secret key, an empty data folder."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        secret_keys=(SECRET_KEY,),
        public_url="http://127.0.0.1:8000",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks by which tests are kept to one kind of user."""
    config.addinivalue_line("markers", "needs_root: fits only root; not collected for an ordinary user")
    config.addinivalue_line("markers", "needs_user: fits only an ordinary user; not collected for root")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that fit only the other kind of user."""
    others = [item for item in items if item.get_closest_marker(_OTHER_KIND)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests this user does not see."""
    terminalreporter.write_line(f"Tests marked {_OTHER_KIND} are not collected for this user.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failure."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Under CI a skipped module is a failure."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"A skip under CI is a failure: {report.longreprtext}"


@contextmanager
def _reachable_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lumo-tests-"))
    if os.geteuid() == 0:
        folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _point_django_at(url: str) -> None:
    """Point Django's default connection, of every thread, at `url`."""
    connections.close_all()
    parts = conninfo_to_dict(url)
    connections.settings["default"].update(
        NAME=parts["dbname"],
        USER=parts["user"],
        PASSWORD=parts["password"],
        HOST=parts["host"],
        PORT=parts["port"],
    )
