"""Retry by a person: one new delivery for an old one, and never where LINE may have accepted that."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from lumo.accounts.models import OfficialAccount
from lumo.deliveries import ids
from lumo.deliveries.log import LoggedDelivery, find_delivery
from lumo.deliveries.retry import find_objection, retry
from lumo.lib import clock
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from tests.contention import at_once
from tests.factories import line_user_id, make_account, make_workspace
from tests.logged import finish, hold, load, receive
from tests.waiting import fetch


@pytest.fixture
def account(settings: Settings) -> OfficialAccount:
    return make_account(settings)


@pytest.mark.parametrize(
    ("line", "objection"),
    [
        ({"state": "failed", "reason": "blocked"}, None),
        ({"state": "failed", "reason": "line_refused", "attempts": 1}, None),
        ({"state": "failed", "reason": "quota", "attempts": 3}, None),
        ({"state": "skipped", "reason": "no_consent"}, None),
        ({"state": "refused", "reason": "recipient_missing"}, None),
        ({"state": "refused", "reason": "body_invalid"}, None),
        ({"state": "duplicate", "reason": "duplicate", "repeats_after": 11}, None),
        ({"state": "duplicate", "reason": "duplicate", "repeats_after": 9}, "Klaviyo sent the request"),
        ({"state": "waiting"}, "It still waits"),
        ({"state": "waiting", "reason": "line_token"}, "It still waits"),
        ({"state": "waiting", "reason": "line_busy", "is_in_doubt": True}, "It still waits"),
        ({"state": "delivered"}, "LINE accepted it."),
        ({"state": "delivered", "is_in_doubt": True}, "LINE accepted it."),
        ({"state": "failed", "reason": "expired", "is_in_doubt": True}, "LINE may have accepted it"),
        ({"state": "skipped", "reason": "quiet_hours", "is_in_doubt": True}, "LINE may have accepted it"),
        ({"state": "refused", "reason": "key_missing"}, "anybody may have sent it"),
        ({"state": "refused", "reason": "key_wrong"}, "anybody may have sent it"),
        ({"state": "refused", "reason": "key_reissued"}, "anybody may have sent it"),
        ({"state": "refused", "reason": "connection_disabled"}, "anybody may have sent it"),
        ({"state": "refused", "reason": "too_many"}, "Klaviyo tries it again by itself."),
    ],
)
def test_what_speaks_against_a_retry(line: dict[str, Any], objection: str | None) -> None:
    said = find_objection(_line(**line))
    assert (said is None) is (objection is None)
    assert (objection or "") in (said or "")


def test_a_retry_makes_one_new_delivery_of_the_same_request(settings: Settings, account: OfficialAccount) -> None:
    failed = finish(settings, receive(settings, account, 7, flow_id="F", profile="P"), "failed", "line_refused")
    fetch(settings, "DELETE FROM pgqueuer")
    new_id = retry(account.workspace_id, failed)
    assert new_id > failed
    row = load(settings, new_id)
    assert (row.delivery_id, row.request_id, row.attempts, row.payload) == (new_id, failed, 0, None)
    assert (row.account_id, row.line_user_id, row.flow_id, row.profile) == (account.pk, line_user_id(7), "F", "P")
    assert row.stored_at == ids.stored_at(new_id)
    assert row.body
    assert fetch(settings, "SELECT convert_from(payload, 'UTF8')::bigint FROM pgqueuer") == [(new_id,)]
    assert _state(account, failed) == ("failed", "line_refused")
    assert _state(account, new_id) == ("waiting", None)


def test_each_is_retried_once_and_then_the_new_one_is_the_one_to_retry(
    settings: Settings, account: OfficialAccount
) -> None:
    first = finish(settings, receive(settings, account), "failed", "line_refused")
    second = retry(account.workspace_id, first)
    assert _refused(account, second) == "It still waits, and is sent by itself."
    finish(settings, second, "failed", "line_refused")
    assert _refused(account, first) == f"It was sent again already, as {second}."
    third = retry(account.workspace_id, second)
    assert load(settings, third).request_id == first


def test_of_two_at_once_one_makes_a_delivery_and_the_other_is_told_which(
    settings: Settings, account: OfficialAccount
) -> None:
    failed = finish(settings, receive(settings, account), "failed", "line_refused")

    press_retry = partial(retry, account.workspace_id, failed)
    came = at_once(settings, press_retry, press_retry, lock="LOCK TABLE dedupe_keys IN SHARE MODE")
    [new_id] = [one for one in came if isinstance(one, int)]
    assert f"It was sent again already, as {new_id}." in map(str, came)
    assert fetch(settings, "SELECT delivery_id FROM queue") == [(new_id,)]


def test_a_refused_request_is_sent_once_its_body_passes(settings: Settings) -> None:
    workspace = make_workspace()
    stranger = make_account(settings)
    came: dict[str, Any] = {"workspace_id": workspace.pk, "account_id": None, "code": "account_unknown"}
    refused = receive(settings, stranger, 3, **came)
    with pytest.raises(NotPossibleError, match=r"^The LINE account is not in the workspace"):
        retry(workspace.pk, refused)
    account = make_account(settings, workspace)
    new_id = retry(workspace.pk, refused)
    row = load(settings, new_id)
    assert (row.account_id, row.line_user_id, row.request_id) == (account.pk, line_user_id(3), refused)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"code": "recipient_missing", "content": {"to": ""}}, "This customer is not linked to a LINE friend"),
        ({"code": "text_too_long", "content": {"text": "x" * 5001}}, "The text is longer than 5,000 characters."),
        ({"code": "message_unknown", "content": {"text": "", "message": "asm_1"}}, "This Auto Send Message"),
        ({"code": "body_invalid", "body": b"{"}, "Its request can't be read. The body is not valid JSON"),
        ({"code": "too_large", "body": b""}, "Its request can't be read."),
    ],
)
def test_a_refused_request_whose_body_does_not_pass_is_refused_again(
    settings: Settings, account: OfficialAccount, fields: dict[str, Any], why: str
) -> None:
    refused = receive(settings, account, **fields)
    assert _refused(account, refused).startswith(why)
    assert fetch(settings, "SELECT FROM queue") == fetch(settings, "SELECT FROM pgqueuer") == []


def test_a_late_duplicate_is_sent_as_its_body_says(settings: Settings, account: OfficialAccount) -> None:
    earlier = clock.now() - timedelta(hours=1)
    receive(settings, account, base_id=ids.first_id_at(earlier), dedupe_key=b"k")
    repeated = receive(settings, account, dedupe_key=b"k", content={"text": "Mended."})
    row = load(settings, retry(account.workspace_id, repeated))
    assert row.request_id == repeated
    assert b"Mended." in (row.body or b"")


def test_without_its_request_nothing_can_be_sent_again(settings: Settings, account: OfficialAccount) -> None:
    failed = finish(settings, receive(settings, account), "failed", "line_refused")
    fetch(settings, "DELETE FROM flow_requests")
    assert _refused(account, failed) == "Its request is not stored any more."


def test_what_waits_or_is_another_workspaces_or_nobodys_is_left_alone(
    settings: Settings, account: OfficialAccount
) -> None:
    waiting = hold(settings, receive(settings, account), "quota")
    assert _refused(account, waiting) == "It still waits, and is sent by itself."
    theirs = finish(settings, receive(settings, make_account(settings)), "failed", "line_refused")
    for delivery_id in (theirs, 1):
        assert _refused(account, delivery_id) == f"There is no delivery {delivery_id} in this workspace."
    assert fetch(settings, "SELECT FROM queue") == []


def _refused(account: OfficialAccount, delivery_id: int) -> str:
    with pytest.raises(NotPossibleError) as refused:
        retry(account.workspace_id, delivery_id)
    return str(refused.value)


def _state(account: OfficialAccount, delivery_id: int) -> tuple[str, str | None]:
    line = find_delivery(account.workspace_id, delivery_id)
    assert line is not None
    return line.state, line.reason


def _line(*, repeats_after: float | None = None, **fields: Any) -> LoggedDelivery:
    """A line of the log; `repeats_after` so many minutes, if it is a duplicate."""
    now = clock.now()
    original = None if repeats_after is None else ids.first_id_at(now - timedelta(minutes=repeats_after))
    known = dict.fromkeys(("account_id", "reason", "finished_at", "first_attempt_at", "due_at", "request_id"))
    empty = {"detail": "", "line_user_id": "", "account": "", "line_request_id": "", "attempts": 0}
    own = {"id": ids.first_id_at(now), "original_id": original, "is_in_doubt": False}
    return LoggedDelivery(**{**known, **empty, **own, **fields})
