"""`lumo workspace …`, and what every command says about workspaces."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lumo.config.tests.conftest import Lumo


def test_a_new_workspace_prints_its_id_and_nothing_else(lumo: Lumo) -> None:
    made = lumo.json("workspace", "create", "--name", "Tea Shop")
    assert list(made) == ["id"]
    assert re.fullmatch(r"ws_[0-9a-z]{16}", made["id"])


def test_settings_are_changed_one_by_one_and_the_others_stay(lumo: Lumo, shop: str) -> None:
    default: dict[str, object] = {
        "id": shop,
        "name": "Tea Shop",
        "time_zone": "Asia/Tokyo",
        "quiet_hours": None,
        "daily_cap": None,
        "consent_rule": True,
        "requests_per_second": None,
        "retention_days": 30,
    }
    assert lumo.json("workspace", "list") == [default]
    changes: list[tuple[list[str], dict[str, object]]] = [
        (["--name", "花屋"], {"name": "花屋"}),
        (["--quiet-hours", "22:00-8:30"], {"quiet_hours": "22:00-08:30"}),
        (["--daily-cap", "3", "--consent-rule", "off"], {"daily_cap": 3, "consent_rule": False}),
        (["--requests-per-second", "50"], {"requests_per_second": 50}),
        (["--time-zone", "Europe/Rome", "--retention-days", "2"], {"time_zone": "Europe/Rome", "retention_days": 2}),
        (["--quiet-hours", "off", "--daily-cap", "off"], {"quiet_hours": None, "daily_cap": None}),
        (["--requests-per-second", "off", "--consent-rule", "on"], {"requests_per_second": None, "consent_rule": True}),
    ]
    expected = default
    for options, change in changes:
        expected = expected | change
        assert lumo.json("workspace", "set", *options) == expected
    assert lumo.json("workspace", "list") == [expected]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--time-zone", "Mars/Olympus"], 1, "A time zone has a name such as Asia/Tokyo."),
        (["--retention-days", "1"], 1, "Requests are kept for 2 to 3650 days."),
        (["--quiet-hours", "22:00-22:00"], 1, "Quiet hours can't end when they begin. Turn them off to have none."),
        (["--name", " "], 1, "A workspace needs a name."),
        (["--quiet-hours", "22-8"], 2, "'22-8' is not like 22:00-08:00."),
        (["--quiet-hours", "25:00-08:00"], 2, "is not like 22:00-08:00."),
        (["--daily-cap", "0"], 2, "0 is not in the range"),
        (["--requests-per-second", "many"], 2, "'many' is not a valid integer"),
        ([], 2, "Name at least one setting"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_changes_nothing(
    lumo: Lumo, shop: str, options: list[str], code: int, said: str
) -> None:
    before = lumo.json("workspace", "list")
    told = lumo.fail("workspace", "set", *options, code=code)
    assert said in told
    assert code == 2 or told == f"{said}\n"  # and nothing in Django's words
    assert lumo.json("workspace", "list") == before


def test_what_can_not_be_printed_is_told_in_a_sentence(lumo: Lumo, shop: str) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "lumo", "workspace", "list", "--json"]
        done = subprocess.run(command, env=os.environ | lumo.environment, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"No space left on device\n")


def test_a_reader_that_goes_away_is_no_fault(lumo: Lumo, shop: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "lumo", "workspace", "list", "--json"]
    done = subprocess.run(command, env=os.environ | lumo.environment, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_list_of_commands_cuts_no_sentence(lumo: Lumo) -> None:
    for group in ([], ["line"], ["klaviyo"], ["message"], ["deliveries"], ["workspace"], ["profile"]):
        listed = lumo.run(*group, "--help").stdout.partition("Commands:")[2]
        assert listed
        assert "..." not in listed


def test_without_a_workspace_a_command_says_how_to_make_one(lumo: Lumo) -> None:
    assert lumo.fail("deliveries", "list") == "There is no workspace yet. Make one: lumo workspace create --name …\n"


def test_of_several_workspaces_one_must_be_named(lumo: Lumo, shop: str) -> None:
    other = lumo.json("workspace", "create", "--name", "Coffee Shop")["id"]
    for arguments in (["deliveries", "list"], ["deliveries", "list", "--workspace", "ws_0"]):
        said = lumo.fail(*arguments)
        assert f"{shop}  Tea Shop" in said
        assert f"{other}  Coffee Shop" in said
    assert lumo.json("deliveries", "list", "--workspace", other) == []


def test_people_get_columns_that_stay_in_line_with_japanese_names(lumo: Lumo, shop: str) -> None:
    lumo.json("workspace", "create", "--name", "花屋")
    heads, first, second = lumo.run("workspace", "list").stdout.splitlines()
    at = heads.index("time_zone")
    assert first.index("Asia/Tokyo") == at
    assert second.index("Asia/Tokyo") == at - len("花屋")  # each of its characters takes two columns
