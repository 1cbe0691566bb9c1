"""Settings from the environment: what is refused, and what follows from the sandbox."""

from pathlib import Path

import pytest

from lumo.lib.settings import Settings, SettingsError, split_keys


@pytest.mark.parametrize(
    "url",
    [
        "mysql://lumo:secret@db/lumo",
        "db.internal/lumo",
        "postgresql://lumo:sec/ret@db/lumo",
        "postgresql://lumo:sec#ret@db/lumo",
        "postgresql://lumo:sec?ret@db/lumo",
    ],
)
def test_a_database_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="LUMO_DATABASE_URL is no address") as refused:
        Settings.load({"LUMO_DATABASE_URL": url})
    assert "sec" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql://lumo:sec%2Fret@db:5432/lumo", "postgres://lumo@/lumo?host=/run/postgresql", "postgresql:///lumo"],
)
def test_a_database_url_may_name_a_server_or_a_socket(url: str) -> None:
    assert Settings.load({"LUMO_DATABASE_URL": url}).database_url == url


def test_a_public_url_needs_a_scheme() -> None:
    with pytest.raises(SettingsError, match=r"LUMO_PUBLIC_URL is 'lumo.example.com'"):
        Settings.load({"LUMO_PUBLIC_URL": "lumo.example.com"})
    assert Settings.load({"LUMO_PUBLIC_URL": "https://lumo.example.com/"}).public_url == "https://lumo.example.com"


@pytest.mark.parametrize(
    ("listen", "base"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("[::]:8000", "http://[::1]:8000"),
        ("lumo.internal:80", "http://lumo.internal:80"),
    ],
)
def test_in_the_sandbox_its_emulators_stand_in_for_the_providers(listen: str, base: str) -> None:
    settings = Settings(data_dir=Path("/"), listen=listen, sandbox=True).with_emulators()
    assert settings.line_api_url == f"{base}/sandbox/line"
    assert settings.klaviyo_api_url == f"{base}/sandbox/klaviyo"


def test_a_stand_in_that_is_set_stays() -> None:
    settings = Settings(data_dir=Path("/"), sandbox=True, line_api_url="http://127.0.0.1:9000").with_emulators()
    assert settings.line_api_url == "http://127.0.0.1:9000"
    assert settings.klaviyo_api_url == "http://127.0.0.1:8000/sandbox/klaviyo"


def test_outside_the_sandbox_nothing_stands_in() -> None:
    settings = Settings(data_dir=Path("/"))
    assert settings.with_emulators() is settings


@pytest.mark.parametrize("text", ['{"retry_capp": 60}', "60", '{"retry_cap": "60"}', '{"expire_after": 82801}', "{"])
def test_intervals_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="LUMO_INTERVALS"):
        Settings.load({"LUMO_INTERVALS": text})


def test_intervals_are_shortened_by_name() -> None:
    intervals = Settings.load({"LUMO_INTERVALS": '{"expire_after": 82800, "retry_cap": 60}'}).intervals
    assert (intervals.expire_after, intervals.retry_cap, intervals.row_deadline) == (82_800, 60, 15)


def test_keys_are_parted_by_commas_or_white_space() -> None:
    assert split_keys("new,old") == split_keys("new\nold\n") == split_keys(" new , old ") == ("new", "old")
