"""`lumo deliveries …`"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from lumo.accounts.models import OfficialAccount
from lumo.config.tests.conftest import Lumo
from lumo.deliveries import ids
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.workspaces.models import Workspace
from tests.factories import line_user_id, make_account
from tests.logged import finish, hold, receive
from tests.waiting import fetch

PROMISED = {"id", "state", "reason", "line_user_id", "created_at"}
TOLD = {
    "delivered": ["  Flow: F1", "  Profile: P1", "  Attempts: 1"],
    "failed": ["LINE refused the message. Words of LINE.", "  What to do: LINE's own words name the field;"],
    "refused": ["(recipient_missing)", "“to” is empty.", "  What to do: Look at the ID linkage"],
    "duplicate": ["The same request as", "sent again by Klaviyo"],
    "parked": ["–                    The month's LINE messages are used up. Waits until the account works again."],
    "queued": ["Waits for a worker"],
}
UNKNOWN = str(ids.first_id_at(datetime.fromisoformat("2026-01-01T00:00Z")))


@pytest.fixture
def account(settings: Settings, shop: str) -> OfficialAccount:
    return make_account(settings, Workspace.objects.get())


@pytest.fixture
def story(settings: Settings, account: OfficialAccount) -> dict[str, str]:
    """Ids by name, oldest first: one delivery or request in each state."""
    key: dict[str, Any] = {"dedupe_key": b"k"}
    told = {
        "delivered": finish(settings, receive(settings, account, flow_id="F1", profile="P1", **key)),
        "failed": finish(settings, receive(settings, account, 1), "failed", "line_refused", detail="Words of LINE."),
        "skipped": finish(settings, receive(settings, account, 2), "skipped", "no_consent"),
        "refused": receive(settings, account, code="recipient_missing", line_user_id="", content={"to": ""}),
        "duplicate": receive(settings, account, **key),
        "parked": hold(settings, receive(settings, account, 3), "quota"),
        "queued": receive(settings, account, 4),
    }
    return {name: str(delivery_id) for name, delivery_id in sorted(told.items(), key=lambda item: item[1])}


def test_a_listing_has_what_scripts_rely_on(lumo: Lumo, shop: str, story: dict[str, str]) -> None:
    listed = lumo.json("deliveries", "list", "--workspace", shop)
    assert [line["id"] for line in listed] == list(reversed(story.values()))
    assert all(line.keys() >= PROMISED for line in listed)
    lines = {line["id"]: line for line in listed}
    known = {name: (lines[own]["state"], lines[own]["reason"]) for name, own in story.items()}
    assert known == {
        "delivered": ("delivered", None),
        "failed": ("failed", "line_refused"),
        "skipped": ("skipped", "no_consent"),
        "refused": ("refused", "recipient_missing"),
        "duplicate": ("duplicate", "duplicate"),
        "parked": ("waiting", "quota"),
        "queued": ("waiting", None),
    }
    assert lines[story["failed"]]["line_user_id"] == line_user_id(1)
    assert lines[story["duplicate"]]["original_id"] == story["delivered"]
    created_at = datetime.fromisoformat(lines[story["queued"]]["created_at"])
    assert created_at == ids.stored_at(int(story["queued"]))


def test_a_listing_shows_what_is_asked_for(lumo: Lumo, story: dict[str, str]) -> None:
    cases: list[tuple[list[str], set[str]]] = [
        (["--state", "waiting"], {"queued", "parked"}),
        (["--state", "refused"], {"refused"}),
        (["--state", "duplicate"], {"duplicate"}),
        (["--reason", "no_consent"], {"skipped"}),
        (["--since", "1h", "--state", "failed"], {"failed"}),
        (["--since", "2999-01-01"], set()),
        (["--limit", "7"], set(story)),
    ]
    for options, expected in cases:
        listed = lumo.json("deliveries", "list", *options)
        assert {line["id"] for line in listed} == {story[name] for name in expected}, options


def test_a_filter_that_cannot_be_is_refused(lumo: Lumo) -> None:
    for options, said in [
        (["--state", "lost"], "'lost' is not one of"),
        (["--since", "yesterday"], "'yesterday' is neither like 24h nor like 2026-01-31T09:00."),
        (["--limit", "0"], "0 is not in the range"),
        (["--limit", "1001"], "1001 is not in the range"),
        (["--before", "-1"], "-1 is not in the range"),
        (["--before", str(1 << 63)], "is not in the range"),
    ]:
        assert said in lumo.fail("deliveries", "list", *options, code=2)


def test_people_get_a_page_and_the_way_to_the_next(lumo: Lumo, shop: str, story: dict[str, str]) -> None:
    oldest_first = list(story.values())
    lumo.json("workspace", "set", "--time-zone", "Europe/Rome")
    heads, *lines, hint = lumo.run("deliveries", "list", "--limit", "4").stdout.splitlines()
    assert heads.split("  ")[0] == "ID"
    assert "RECEIVED (Europe/Rome)" in heads
    assert [line.split()[0] for line in lines] == oldest_first[:2:-1]
    assert hint == f"Older ones: --before {oldest_first[3]}"
    _, *lines = lumo.run("deliveries", "list", "--limit", "4", "--before", oldest_first[3]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == oldest_first[2::-1]
    assert lumo.run("deliveries", "list", "--before", oldest_first[0]).stdout == "There are none.\n"


def test_one_delivery_is_shown_with_its_request_its_steps_and_a_remedy(lumo: Lumo, story: dict[str, str]) -> None:
    shown = lumo.json("deliveries", "show", story["delivered"])
    [listed] = [line for line in lumo.json("deliveries", "list") if line["id"] == story["delivered"]]
    assert shown == listed | {key: shown[key] for key in ("message", "request", "steps", "remedy")}
    assert shown["request"] == {"flow_id": "F1", "placement": "", "profile": "P1", "event": ""}
    assert [step["what"] for step in shown["steps"]][0::2] == ["Received from Klaviyo", "LINE accepted it"]
    assert shown["remedy"] == ""
    assert "name the field" in lumo.json("deliveries", "show", story["failed"])["remedy"]


def test_people_read_what_happened(lumo: Lumo, story: dict[str, str]) -> None:
    for name, said in TOLD.items():
        told = lumo.run("deliveries", "show", story[name])
        assert told.exit_code == 0
        assert told.stdout.startswith(story[name])
        assert "Times are those of Asia/Tokyo." in told.stdout
        assert all(words in told.stdout for words in said), told.stdout


def test_a_retry_prints_the_new_id(lumo: Lumo, story: dict[str, str]) -> None:
    again = lumo.json("deliveries", "retry", story["failed"])
    assert list(again) == ["id"]
    shown = lumo.json("deliveries", "show", again["id"])
    assert (shown["state"], shown["line_user_id"]) == ("waiting", line_user_id(1))
    assert lumo.fail("deliveries", "retry", story["failed"]) == f"It was sent again already, as {again['id']}.\n"
    said = lumo.run("deliveries", "retry", story["skipped"]).stdout
    new_id = said.split()[0]
    assert said == f"{new_id}  See what becomes of it: lumo deliveries show {new_id}\n"


def test_what_cannot_be_retried_says_why(lumo: Lumo, story: dict[str, str]) -> None:
    for name, said in [
        ("delivered", "LINE accepted it."),
        ("queued", "It still waits, and is sent by itself."),
        ("parked", "It still waits, and is sent by itself."),
        ("refused", "This customer is not linked to a LINE friend: “to” is empty."),
    ]:
        assert lumo.fail("deliveries", "retry", story[name]) == f"{said}\n"


def test_an_unknown_or_foreign_id_is_told_in_a_sentence(lumo: Lumo, shop: str, story: dict[str, str]) -> None:
    other = lumo.json("workspace", "create", "--name", "Coffee Shop")["id"]
    for workspace, name, delivery_id in [(shop, "Tea Shop", UNKNOWN), (other, "Coffee Shop", story["failed"])]:
        here = ("--workspace", workspace)
        assert lumo.fail("deliveries", "show", delivery_id, *here) == f"There is no delivery {delivery_id} in {name}.\n"
        assert f"There is no delivery {delivery_id} in" in lumo.fail("deliveries", "retry", delivery_id, *here)
    assert "not a valid integer" in lumo.fail("deliveries", "show", "kc_1", code=2)


def test_a_request_that_is_gone_is_said_to_be(settings: Settings, lumo: Lumo, account: OfficialAccount) -> None:
    old = ids.first_id_at(clock.now() - timedelta(days=40))
    finish(settings, receive(settings, account, base_id=old))
    fetch(settings, "DELETE FROM flow_requests")
    assert "  Its request is not stored any more.\n" in lumo.run("deliveries", "show", str(old)).stdout
    assert lumo.json("deliveries", "show", str(old))["request"] is None
