"""From settings to a ready installation: what is made once, what is refused and with which words."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg
import pytest

from lumo.config.announcement import announced
from lumo.config.installation import check_key, join_installation, migrate, resolve
from lumo.config.tests.conftest import Lumo
from lumo.lib.settings import Settings, SettingsError
from lumo.workspaces.models import Installation
from tests.processes import free_port, wait_until
from tests.waiting import fetch

URL = "postgresql://lumo:s3cret@db.internal/lumo"
_LUMO = [sys.executable, "-m", "lumo"]
KEY, OTHER_KEY = "k" * 32, "o" * 32


def _settings(data_dir: Path, **fields: Any) -> Settings:
    return Settings(**{"data_dir": data_dir, "public_url": "https://lumo.example.com", **fields})


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "new")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: resolve(settings, database_url=URL).secret_keys, range(16)))
    assert len(keys) == 1
    file = tmp_path / "new" / "secret_key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.read_text().strip(),) in keys


def test_several_keys_in_the_data_folder_are_newest_first(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(f"{OTHER_KEY}\n{KEY}\n")
    assert resolve(_settings(tmp_path), database_url=URL).secret_keys == (OTHER_KEY, KEY)


def test_a_database_of_ones_own_needs_a_key_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"LUMO_SECRET_KEY is missing.*token_urlsafe"):
        resolve(_settings(tmp_path, database_url=URL), database_url=URL)
    assert list(tmp_path.iterdir()) == []
    assert resolve(_settings(tmp_path, database_url=URL, sandbox=True), database_url=URL).secret_keys


def test_a_short_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="fewer than 32 characters") as refused:
        resolve(_settings(tmp_path, secret_keys=(KEY, "short-key")), database_url=URL)
    assert "short-key" not in str(refused.value)


def test_further_roots_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"LUMO_CA_FILE names '/nowhere/ca.pem', which can't be read"):
        resolve(_settings(tmp_path, ca_file="/nowhere/ca.pem"), database_url=URL)


@pytest.mark.parametrize(
    ("url", "sandbox", "outcome"),
    [
        ("https://lumo.example.com", False, "taken"),
        ("http://lumo.example.com", False, "refused"),
        ("http://0.0.0.0:8000", False, "refused"),
        ("http://127.0.0.1:8000", False, "warned"),
        ("http://localhost:8000", False, "warned"),
        ("http://[::1]:8000", False, "warned"),
        ("http://lumo.example.com", True, "taken"),
        ("http://127.0.0.1:8000", True, "taken"),
    ],
)
def test_a_public_url_is_https_except_on_loopback_and_in_the_sandbox(
    tmp_path: Path, url: str, sandbox: bool, outcome: str
) -> None:
    settings, said = _settings(tmp_path, public_url=url, sandbox=sandbox), list[str]()
    if outcome == "refused":
        with pytest.raises(SettingsError, match="speak to https only"):
            resolve(settings, database_url=URL, say=said.append)
    else:
        assert resolve(settings, database_url=URL, say=said.append).public_url == url
    assert bool(said) == (outcome == "warned")


def test_another_key_than_the_databases_is_refused(settings: Settings) -> None:
    check_key(settings)
    check_key(settings)
    both = msgspec.structs.replace(settings, secret_keys=(OTHER_KEY, *settings.secret_keys))
    check_key(both)
    with pytest.raises(SettingsError, match="LUMO_SECRET_KEY is not the one"):
        check_key(msgspec.structs.replace(settings, secret_keys=(OTHER_KEY,)))
    assert Installation.objects.count() == 1


def test_a_command_joins_the_sandbox_that_runs_on_its_data_folder_and_database(settings: Settings) -> None:
    up = msgspec.structs.replace(settings, sandbox=True, listen="127.0.0.1:8123", public_url="http://127.0.0.1:8123")
    another = settings.database_url.partition("?")[0].rpartition("/")[0] + "/postgres?"
    another += settings.database_url.partition("?")[2]
    with announced(up):
        joined = join_installation(settings, database_url=settings.database_url)
        assert (joined.sandbox, joined.listen, joined.public_url) == (True, up.listen, up.public_url)
        resolved = resolve(joined, database_url=settings.database_url)
        assert resolved.line_api_url == "http://127.0.0.1:8123/sandbox/line"
        assert join_installation(settings, database_url=another) == settings  # that is another installation
    assert join_installation(settings, database_url=settings.database_url) == settings


def test_a_command_asks_the_stand_ins_that_the_lumo_up_beside_it_asks(settings: Settings) -> None:
    stand_ins = {"line_api_url": "http://127.0.0.1:9001", "klaviyo_api_url": "http://127.0.0.1:9002"}
    up = msgspec.structs.replace(settings, ca_file="/etc/ssl/our-ca.pem", **stand_ins)
    with announced(up):
        assert join_installation(settings, database_url=settings.database_url) == up


@pytest.mark.parametrize("is_sandbox", [True, False])
def test_a_sandbox_and_a_real_installation_never_take_each_others_database(
    settings: Settings, is_sandbox: bool
) -> None:
    ours = msgspec.structs.replace(settings, sandbox=is_sandbox)
    check_key(ours)
    check_key(ours)
    fix = r"This database is a real installation's\." if not is_sandbox else r"is a sandbox's.*LUMO_SANDBOX=1"
    with pytest.raises(SettingsError, match=fix):
        check_key(msgspec.structs.replace(settings, sandbox=not is_sandbox))
    # A command goes by what the database says, whatever it was told and whether Lumo runs or not.
    for told in (True, False):
        told_so = msgspec.structs.replace(settings, sandbox=told)
        assert join_installation(told_so, database_url=settings.database_url) == ours


def test_a_process_without_sandbox_refuses_a_sandboxs_database(settings: Settings, tmp_path: Path) -> None:
    environment = _environment(settings.database_url, tmp_path)
    made = [*_LUMO, "workspace", "create", "--name", "Sample Shop"]
    subprocess.run(made, env=environment | {"LUMO_SANDBOX": "1"}, capture_output=True, check=True)
    for command in ("up", "serve", "work"):
        done = subprocess.run([*_LUMO, command], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.splitlines()[-1][:32]) == (1, "This database is a sandbox's: it")
    done = subprocess.run([*_LUMO, "workspace", "list"], env=environment, capture_output=True, text=True, check=True)
    assert "Sample Shop" in done.stdout


@pytest.mark.parametrize("command", ["serve", "work"])
def test_what_runs_for_months_keeps_no_connection_of_django(settings: Settings, tmp_path: Path, command: str) -> None:
    own = {"LUMO_LISTEN": f"127.0.0.1:{free_port()}", "LUMO_WORKERS": "1"}
    process = subprocess.Popen([*_LUMO, command], env=_environment(settings.database_url, tmp_path) | own)
    try:
        is_there = {"serve": "lumo-flusher", "work": "lumo-jobs"}[command]
        wait_until(lambda: _count_connections(settings, is_there) > 0)
        assert _count_connections(settings, "lumo-django") == 0
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_flow_settings_show_the_address_of_the_lumo_up_that_runs(lumo: Lumo, settings: Settings, shop: str) -> None:
    lumo.json("klaviyo", "connect", "--api-key", "pk_x", "--no-check")
    with announced(msgspec.structs.replace(settings, public_url="https://elsewhere.example.com")):
        assert lumo.json("klaviyo", "flow-settings")["destination_url"].startswith("https://elsewhere.example.com/")


def test_a_database_that_is_away_is_told_without_its_password(lumo: Lumo) -> None:
    said = lumo.fail("workspace", "list", LUMO_DATABASE_URL="postgresql://lumo:s3cret@/lumo?host=/nowhere&port=1")
    assert said.splitlines()[-1].endswith("Look at it, and at LUMO_DATABASE_URL.")
    assert "s3cret" not in said


def test_a_database_without_tables_is_told_to_a_process_that_makes_none(settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("DROP TABLE installation")
    with pytest.raises(SettingsError, match="Run: lumo migrate"):
        check_key(settings)


def test_migrating_what_is_up_to_date_waits_for_nobody(settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("LOCK TABLE workspaces, installation IN ACCESS EXCLUSIVE MODE")
        migrate()


def test_several_machines_may_start_on_an_empty_database_at_once(database_url: str, tmp_path: Path) -> None:
    with _empty_database(database_url) as url:
        command = [*_LUMO, "workspace", "list", "--json"]
        machines = [
            subprocess.Popen(command, env=_environment(url, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        for one in machines:
            out, err = one.communicate(timeout=60)
            assert one.returncode == 0, err
            assert json.loads(out) == []


def test_a_role_that_may_not_make_tables_is_told_how_it_could(database_url: str, tmp_path: Path) -> None:
    admin = _as("postgres", urlsplit(database_url).password or "", database_url)
    with _empty_database(database_url) as url, psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'welcome'")
        try:
            environment = _environment(_as("guest", "welcome", url), tmp_path)
            done = subprocess.run([*_LUMO, "migrate"], env=environment, capture_output=True, text=True, check=False)
        finally:
            connection.execute("DROP ROLE guest")
    assert done.returncode == 1
    assert done.stderr.startswith("Lumo's role may not make its tables")
    assert "GRANT CREATE ON SCHEMA public" in done.stderr
    assert "Traceback" not in done.stderr


def _count_connections(settings: Settings, name: str) -> int:
    [[count]] = fetch(
        settings,
        "SELECT count(*) FROM pg_stat_activity"
        f" WHERE datname = current_database() AND application_name = '{name}' AND pid <> pg_backend_pid()",
    )
    return int(count)


@contextmanager
def _empty_database(url: str) -> Iterator[str]:
    """A database without tables beside the one of `url`."""
    name = urlsplit(url).path.strip("/")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE empty_{name} TEMPLATE template0")
        try:
            yield url.replace(f"/{name}?", f"/empty_{name}?")
        finally:
            connection.execute(f"DROP DATABASE empty_{name} WITH (FORCE)")


def _as(user: str, password: str, url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(netloc=f"{user}:{password}@"))


def _environment(url: str, data_dir: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LUMO_")}
    return ours | {"LUMO_DATABASE_URL": url, "LUMO_SECRET_KEY": KEY, "LUMO_DATA_DIR": str(data_dir)}
