"""Erasing a person: nothing names them any more, and nobody else loses anything."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from lumo.accounts.models import Friend, OfficialAccount
from lumo.deliveries import ids
from lumo.deliveries.outcomes import Finished
from lumo.home.erase import Erased, Person, erase, line_user, profile
from lumo.lib import clock
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from tests.factories import line_user_id, make_account
from tests.logged import finish, hold, load, receive, write_outcome
from tests.waiting import fetch

HANAKO, TARO = 1, 2
BY_LINE_USER, BY_PROFILE = line_user(line_user_id(HANAKO)), profile("P1")
BOTH = pytest.mark.parametrize("person", [BY_LINE_USER, BY_PROFILE], ids=lambda person: person.kind)
_TABLES = ("flow_requests", "deliveries", "queue", "retries", "friends")
_STOP = """
    CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE integrity_constraint_violation; END $$;
    CREATE TRIGGER stop BEFORE UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION stop();
"""


@pytest.fixture
def account(settings: Settings) -> OfficialAccount:
    return make_account(settings)


def tell(settings: Settings, account: OfficialAccount, number: int, **friend: Any) -> None:
    """The n-th person with profile P<n>: delivered, failed, refused, repeated, queued, held; and a friend."""

    def came(**fields: Any) -> int:
        known = {"content": {"profile": f"P{number}"}, "profile": f"P{number}"}
        return receive(settings, account, number, **{**known, **fields})

    finish(settings, came(dedupe_key=b"%d %d" % (account.pk, number)))
    finish(settings, came(), "failed", "line_refused")
    came(code="account_unknown", account_id=None)
    came(code="key_wrong", account_id=None, line_user_id=None, profile="")  # a sample: only its body names them
    came(dedupe_key=b"%d %d" % (account.pk, number))
    came()
    hold(settings, came(), "quota")
    name = {"display_name": f"Friend {number}", **friend}
    account.friends.update_or_create(line_user_id=line_user_id(number), defaults=name)


@BOTH
def test_nothing_names_an_erased_person(settings: Settings, account: OfficialAccount, person: Person) -> None:
    tell(settings, account, HANAKO)
    assert _find_named(HANAKO) == set(_TABLES)
    erased = erase(account.workspace_id, person)
    assert erased == Erased(waiting=2, requests=7, deliveries=2, friends=1)
    assert _find_named(HANAKO) == set()
    results = fetch(settings, "SELECT state, reason, account_id FROM deliveries ORDER BY id")
    assert results == [("delivered", None, account.pk), ("failed", "line_refused", account.pk)]


@BOTH
def test_others_and_other_workspaces_keep_everything(
    settings: Settings, account: OfficialAccount, person: Person
) -> None:
    elsewhere = make_account(settings)
    tell(settings, account, TARO)
    tell(settings, elsewhere, HANAKO)
    before = _dump()
    tell(settings, account, HANAKO)
    erase(account.workspace_id, person)
    assert before <= _dump()
    left = _dump() - before
    assert len(left) == 2
    assert all('"line_user_id": ""' in row and '"finished_at"' in row for row in left)


@BOTH
def test_every_account_of_the_workspace_forgets_them(
    settings: Settings, account: OfficialAccount, person: Person
) -> None:
    second = make_account(settings, account.workspace)
    tell(settings, account, HANAKO)
    tell(settings, second, HANAKO)
    assert erase(account.workspace_id, person) == Erased(waiting=4, requests=14, deliveries=4, friends=2)
    assert _find_named(HANAKO) == set()


@pytest.mark.parametrize(
    ("friend", "is_remembered"),
    [
        ({"state": "blocked"}, True),
        ({"state": "blocked", "consent": True}, True),
        ({"state": "following", "consent": False}, True),
        ({"state": "following", "consent": True}, False),
        ({"state": "unknown"}, False),
    ],
)
def test_a_block_or_a_no_to_messages_is_remembered_without_a_name(
    settings: Settings, account: OfficialAccount, friend: dict[str, Any], is_remembered: bool
) -> None:
    tell(settings, account, HANAKO, **friend)
    assert erase(account.workspace_id, BY_PROFILE).friends == 1
    kept = Friend.objects.values("line_user_id", "display_name", *friend)
    assert list(kept) == [{"line_user_id": line_user_id(HANAKO), "display_name": "", **friend}] * is_remembered
    assert _find_named(HANAKO) == ({"friends"} if is_remembered else set())


@BOTH
def test_erasing_again_finds_nothing_and_harms_nothing(
    settings: Settings, account: OfficialAccount, person: Person
) -> None:
    tell(settings, account, HANAKO)
    tell(settings, account, TARO)
    erase(account.workspace_id, person)
    before = _dump()
    assert erase(account.workspace_id, person) == Erased()
    assert _dump() == before


@pytest.mark.parametrize("table", ["friends", "flow_requests", "deliveries"])
def test_what_was_cut_off_half_way_is_finished_by_erasing_again(
    settings: Settings, account: OfficialAccount, table: str
) -> None:
    tell(settings, account, HANAKO)
    with connection.cursor() as cursor:
        cursor.execute(_STOP.format(table=table))
    with pytest.raises(IntegrityError):
        erase(account.workspace_id, BY_PROFILE)
    fetch(settings, f"DROP TRIGGER stop ON {table}")
    erase(account.workspace_id, BY_PROFILE)
    assert _find_named(HANAKO) == set()


def test_old_requests_and_results_are_erased_like_new_ones(settings: Settings, account: OfficialAccount) -> None:
    for days in (40, 7, 1):
        old = ids.first_id_at(clock.now() - timedelta(days=days))
        finish(settings, receive(settings, account, HANAKO, base_id=old, content={"profile": "P1"}, profile="P1"))
    assert erase(account.workspace_id, BY_PROFILE) == Erased(requests=3, deliveries=3, friends=1)
    assert _find_named(HANAKO) == set()


def test_the_result_of_a_message_in_hand_is_not_kept(settings: Settings, account: OfficialAccount) -> None:
    in_hand = load(settings, receive(settings, account, HANAKO))
    erase(account.workspace_id, BY_LINE_USER)
    write_outcome(settings, Finished(in_hand, "delivered"))
    assert _find_named(HANAKO) == set()


@pytest.mark.parametrize("wrong", ["", "U1", "u" + "0" * 32, line_user_id(10).upper(), f"{line_user_id(1)}0"])
def test_what_is_no_line_user_id_erases_nobody(wrong: str) -> None:
    with pytest.raises(NotPossibleError, match="A LINE User ID is U and 32 digits"):
        line_user(wrong)


@pytest.mark.parametrize("wrong", ["", "  "])
def test_an_empty_profile_id_erases_nobody(wrong: str) -> None:
    with pytest.raises(NotPossibleError, match="is empty"):
        profile(wrong)


def _dump() -> set[str]:
    """Every row of the tables with people in them, as JSON."""
    return {row for table in _TABLES for row in _rows(table)}


def _find_named(number: int) -> set[str]:
    """The tables with a row that names the n-th person, also within the bytes of bodies."""
    names = (line_user_id(number), f'P{number}"', f"Friend {number}")
    return {
        table
        for table in _TABLES
        for row in _rows(table)
        if any(name in row or name.encode().hex() in row for name in names)
    }


def _rows(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
        return [row[0] for row in cursor.fetchall()]
