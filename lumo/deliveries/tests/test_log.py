"""The delivery log: every request once, newest first, whatever became of it, and nobody else's."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lumo.accounts.models import OfficialAccount
from lumo.deliveries import ids
from lumo.deliveries.log import FlowFacts, LoggedDelivery, find_delivery, find_facts, list_deliveries, tell_steps
from lumo.lib import clock
from lumo.lib.settings import Settings
from tests.factories import line_user_id, make_account
from tests.logged import finish, hold, receive
from tests.waiting import fetch, queue_rows

# What the story tells, newest first.
STORY = ["queued", "parked", "busy", "duplicate", "refused", "skipped", "failed", "delivered"]
MINUTES = {
    "delivered": 60,
    "failed": 50,
    "skipped": 40,
    "refused": 30,
    "duplicate": 25,
    "busy": 20,
    "parked": 15,
    "queued": 10,
}
WHERE_TO_FIND = {"flow_id": "Flow1", "placement": "pl_1", "profile": "P1", "event": "e1"}
NOW = clock.now()

# What is asked for (`since` in minutes ago, `before` by name) and what the page then holds.
PAGES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, STORY),
    ({"state": "waiting"}, ["queued", "parked", "busy"]),
    ({"state": "delivered"}, ["delivered"]),
    ({"state": "failed"}, ["failed"]),
    ({"state": "skipped"}, ["skipped"]),
    ({"state": "refused"}, ["refused"]),
    ({"state": "duplicate"}, ["duplicate"]),
    ({"reason": "line_refused"}, ["failed"]),
    ({"reason": "line_busy"}, ["busy"]),
    ({"reason": "recipient_missing"}, ["refused"]),
    ({"reason": "duplicate"}, ["duplicate"]),
    ({"reason": "no_such_code"}, []),
    ({"state": "waiting", "reason": "quota"}, ["parked"]),
    ({"state": "failed", "reason": "no_consent"}, []),
    ({"state": "refused", "reason": "duplicate"}, []),
    ({"since": 22}, ["queued", "parked", "busy"]),
    ({"since": 45, "state": "skipped"}, ["skipped"]),
    ({"since": 1}, []),
    ({"limit": 2}, ["queued", "parked"]),
    ({"before": "duplicate"}, ["refused", "skipped", "failed", "delivered"]),
    ({"before": "duplicate", "limit": 2}, ["refused", "skipped"]),
    ({"before": "duplicate", "since": 35}, ["refused"]),
    ({"before": "queued", "state": "waiting"}, ["parked", "busy"]),
    ({"before": "delivered"}, []),
]
PUSHED = "First attempt to push it to LINE"
STEPS = {
    "delivered": [PUSHED, "LINE accepted it"],
    "failed": [PUSHED, "LINE refused the message. size must be between 1 and 5"],
    "skipped": ["The friend does not want messages."],
    "refused": ["This customer is not linked to a LINE friend: “to” is empty."],
    "busy": [PUSHED, "LINE is busy or can't be reached. Next attempt."],
    "parked": [PUSHED, "The month's LINE messages are used up. Waits until the account works again."],
    "queued": ["Waits for a worker"],
}


def _ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def account(settings: Settings) -> OfficialAccount:
    return make_account(settings)


@pytest.fixture
def story(settings: Settings, account: OfficialAccount) -> dict[str, int]:
    """Ids by name: one request of each kind in the account's workspace, and as many in another one."""
    tell(settings, make_account(settings), later=0.1)
    return tell(settings, account)


def tell(settings: Settings, account: OfficialAccount, *, later: float = 0.0) -> dict[str, int]:
    def came(name: str, **fields: Any) -> int:
        return receive(settings, account, base_id=ids.first_id_at(_ago(MINUTES[name] - later)), **fields)

    key = b"key %d" % account.pk
    return {
        "delivered": finish(
            settings, came("delivered", dedupe_key=key, **WHERE_TO_FIND), line_request_id="req-1", attempts=2
        ),
        "failed": finish(settings, came("failed"), "failed", "line_refused", detail="size must be between 1 and 5"),
        "skipped": finish(settings, came("skipped"), "skipped", "no_consent", attempts=0, first_attempt_at=None),
        "refused": came("refused", code="recipient_missing", line_user_id="", account_id=None),
        "duplicate": came("duplicate", dedupe_key=key),
        "busy": hold(settings, came("busy"), "line_busy", due_at=_ago(-5)),
        "parked": hold(settings, came("parked"), "quota"),
        "queued": came("queued"),
    }


def test_a_page_holds_what_was_asked_for_newest_first(account: OfficialAccount, story: dict[str, int]) -> None:
    for asked, expected in PAGES:
        since = {"since": _ago(asked["since"])} if "since" in asked else {}
        before = {"before": story[asked["before"]]} if "before" in asked else {}
        found = list_deliveries(account.workspace_id, **{**asked, **since, **before})
        assert [line.id for line in found] == [story[name] for name in expected], asked


def test_page_by_page_everything_comes_once(account: OfficialAccount, story: dict[str, int]) -> None:
    for limit in (1, 3, 8, 50):
        seen: list[int] = []
        while page := list_deliveries(account.workspace_id, limit=limit, before=seen[-1] if seen else None):
            seen += [line.id for line in page]
        assert seen == [story[name] for name in STORY]


def test_a_page_costs_two_queries_however_many_states_are_on_it(
    account: OfficialAccount, story: dict[str, int]
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(list_deliveries(account.workspace_id)) == len(STORY)
    assert len(queries) == 2


def test_a_page_has_a_thousand_lines_at_most(settings: Settings, account: OfficialAccount) -> None:
    queue_rows(settings, account, count=1001)
    assert len(list_deliveries(account.workspace_id, limit=5000)) == 1000


def test_another_workspaces_lines_are_never_shown(account: OfficialAccount, story: dict[str, int]) -> None:
    strangers = OfficialAccount.objects.exclude(pk=account.pk).get().workspace_id
    theirs = {line.id for line in list_deliveries(strangers)}
    assert len(theirs) == len(STORY)
    assert theirs.isdisjoint(story.values())
    assert not any(find_delivery(strangers, delivery_id) for delivery_id in story.values())
    line = _get(account, story["delivered"])
    assert find_facts(strangers, line) is None


def test_a_line_says_all_that_is_known(account: OfficialAccount, story: dict[str, int]) -> None:
    lines = {name: _get(account, delivery_id) for name, delivery_id in story.items()}
    assert [lines[name].created_at for name in MINUTES] == [ids.stored_at(story[name]) for name in MINUTES]
    known = {
        name: (line.state, line.reason, line.account, line.attempts, line.line_user_id) for name, line in lines.items()
    }
    here, to = account.public_id, line_user_id(0)
    assert known == {
        "delivered": ("delivered", None, here, 2, to),
        "failed": ("failed", "line_refused", here, 1, to),
        "skipped": ("skipped", "no_consent", here, 0, to),
        "refused": ("refused", "recipient_missing", "", 0, ""),
        "duplicate": ("duplicate", "duplicate", here, 0, to),
        "busy": ("waiting", "line_busy", here, 1, to),
        "parked": ("waiting", "quota", here, 1, to),
        "queued": ("waiting", None, here, 0, to),
    }
    assert (lines["delivered"].line_request_id, lines["failed"].detail) == ("req-1", "size must be between 1 and 5")
    assert (lines["busy"].due_at, lines["parked"].due_at, lines["queued"].due_at) == (_ago(-5), None, None)
    assert lines["duplicate"].original_id == story["delivered"]
    assert {name for name, line in lines.items() if line.finished_at} == {"delivered", "failed", "skipped"}


@pytest.mark.parametrize(
    ("minutes", "is_late"),
    [(0.5, False), (9.9, False), (10.1, True), (60, True)],
)
def test_a_duplicate_is_late_when_klaviyo_itself_would_have_come_sooner(
    settings: Settings, account: OfficialAccount, minutes: float, is_late: bool
) -> None:
    first = receive(settings, account, base_id=ids.first_id_at(_ago(90)), dedupe_key=b"k")
    again = receive(settings, account, base_id=ids.first_id_at(_ago(90 - minutes)), dedupe_key=b"k")
    line = _get(account, again)
    assert (line.original_id, line.is_late_duplicate()) == (first, is_late)
    said = f"Already sent as {first}" if is_late else f"The same request as {first}, sent again by Klaviyo"
    assert tell_steps(line)[-1].what.startswith(said)


def test_the_steps_tell_what_happened_in_its_order(account: OfficialAccount, story: dict[str, int]) -> None:
    for name, told in STEPS.items():
        line = _get(account, story[name])
        steps = tell_steps(line)
        assert [step.what for step in steps] == ["Received from Klaviyo", *told]
        times = [step.at for step in steps if step.at]
        assert times == sorted(times)
        assert steps[0].at == line.created_at
        assert steps[-1].at == (line.due_at if line.state == "waiting" else line.finished_at or line.created_at)


def test_what_a_request_said_is_known_as_long_as_it_is_stored(
    settings: Settings, account: OfficialAccount, story: dict[str, int]
) -> None:
    line = _get(account, story["delivered"])
    assert find_facts(account.workspace_id, line) == FlowFacts(**WHERE_TO_FIND)
    fetch(settings, "DELETE FROM flow_requests WHERE id = $1", line.id)
    assert _get(account, line.id) == line
    assert find_facts(account.workspace_id, line) is None


def _get(account: OfficialAccount, delivery_id: int) -> LoggedDelivery:
    line = find_delivery(account.workspace_id, delivery_id)
    assert line is not None
    return line
