"""Batches through the real sending process, against LINE scripted on loopback."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lumo.deliveries import worker
from lumo.deliveries.enqueue import SWEPT_PRIORITY
from lumo.lib import clock
from lumo.lib.settings import Settings
from tests.factories import line_user_id, make_account, make_workspace
from tests.sending import QUICK, Line, quick, states, waiting, work
from tests.serving import serving
from tests.waiting import fetch, queue_rows

_TAKEN_BY_ONE_THAT_DIED = """
    WITH taken AS (
        UPDATE pgqueuer SET status = 'picked', created = now() - interval '20 s', heartbeat = now() - interval '10 s'
        RETURNING *
    )
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'picked', entrypoint, priority FROM taken
"""
_LEFT_BY_ONE_THAT_STOPPED = """
    WITH taken AS (UPDATE pgqueuer SET attempts = 1, created = now() - interval '20 s' RETURNING *)
    INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority) SELECT id, 'picked', entrypoint, priority FROM taken
"""


def test_a_text_reaches_the_one_friend_with_its_placeholders_filled(settings: Settings) -> None:
    account = make_account(settings)
    account.friends.create(line_user_id=line_user_id(0), display_name="花子🌸", state="following")
    queue_rows(settings, account, text="こんにちは、{display_name}さん {unknown}")
    line = Line()
    work(settings, line, until=lambda: states(settings) == [("delivered", None)])
    messages = [{"type": "text", "text": "こんにちは、花子🌸さん {unknown}"}]
    assert line.pushed == [{"to": line_user_id(0), "messages": messages}]
    (kept,) = fetch(settings, "SELECT attempts, line_request_id, first_attempt_at >= stored_at FROM deliveries")
    assert tuple(kept) == (1, "req-1", True)


@pytest.mark.parametrize(
    ("workspace", "friend", "text", "expected"),
    [
        ({}, {"state": "blocked"}, "Hello.", ("failed", "blocked")),
        ({}, {"consent": False}, "Hello.", ("skipped", "no_consent")),
        ({"requires_consent": False}, {"consent": False}, "Hello.", ("delivered", None)),
        ({}, {}, "{display_name}", ("skipped", "text_empty")),
        ({}, {"display_name": "長" * 30}, "{display_name}" * 200, ("failed", "text_too_long")),
        ({"quiet_from": "00:00", "quiet_until": "23:59:59.999999"}, {}, "Hello.", ("skipped", "quiet_hours")),
    ],
)
def test_what_stops_a_message(
    settings: Settings, workspace: dict[str, Any], friend: dict[str, Any], text: str, expected: tuple[str, str | None]
) -> None:
    account = make_account(settings, make_workspace(**workspace))
    account.friends.create(line_user_id=line_user_id(0), **friend)
    if "quiet_from" in workspace:  # their end lies behind the end of the 23 hours
        settings = msgspec.structs.replace(settings, intervals=msgspec.structs.replace(QUICK, expire_after=0.9))
    queue_rows(settings, account, text=text)
    line = Line()
    work(settings, line, until=lambda: states(settings) == [expected])
    assert len(line.pushed) == (expected[0] == "delivered")


def test_a_friend_gets_no_more_than_the_cap_even_at_once(settings: Settings) -> None:
    account = make_account(settings, make_workspace(daily_cap=2))
    for _ in range(5):
        queue_rows(settings, account)
    line = Line()
    work(settings, line, until=lambda: len(states(settings)) == 5)
    assert sorted(states(settings), key=str) == [("delivered", None)] * 2 + [("skipped", "cap")] * 3
    assert len(line.pushed) == 2


def test_quiet_hours_hold_a_message_until_their_end(settings: Settings) -> None:
    local = clock.now() + timedelta(hours=1)
    quiet = {"quiet_from": (local - timedelta(hours=2)).time(), "quiet_until": local.time(), "time_zone": "UTC"}
    queue_rows(settings, make_account(settings, make_workspace(**quiet)))
    work(settings, Line(), until=lambda: bool(waiting(settings)))
    (held,) = fetch(settings, "SELECT reason, due_at, attempts FROM retries")
    assert (held["reason"], held["attempts"]) == ("quiet_hours", 0)
    assert abs(held["due_at"] - local) < timedelta(seconds=1)


def test_rows_of_a_paused_account_park(settings: Settings) -> None:
    queue_rows(settings, make_account(settings, paused_reason="line_token"), count=3)
    line = Line()
    work(settings, line, until=lambda: len(waiting(settings)) == 3)
    assert waiting(settings) == [("line_token", True)] * 3
    assert line.pushed == []


def test_rows_that_are_not_through_in_time_wait_for_another_try(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=2)
    line = Line(seconds=3.0)
    work(settings, line, until=lambda: len(waiting(settings)) == 2)
    kept = fetch(settings, "SELECT reason, attempts, payload IS NULL FROM retries")
    assert [tuple(record) for record in kept] == [("line_busy", 1, False)] * 2


def test_a_fault_of_ours_fails_one_row_and_never_its_batch(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=3)
    fetch(settings, "UPDATE flow_requests SET body = 'no JSON' WHERE line_user_id = $1", line_user_id(1))
    work(settings, Line(), until=lambda: len(states(settings)) == 3)
    assert sorted(states(settings), key=str) == [("delivered", None), ("delivered", None), ("failed", "internal")]
    (detail,) = fetch(settings, "SELECT detail FROM deliveries WHERE state = 'failed'")
    assert detail[0].startswith("trace ")


@pytest.mark.parametrize(
    ("before", "is_in_doubt"),
    [
        ("UPDATE pgqueuer SET created = now() - interval '1 hour'", False),  # it only stood in a long queue
        (_TAKEN_BY_ONE_THAT_DIED, True),
        (_LEFT_BY_ONE_THAT_STOPPED, False),
        (f"UPDATE pgqueuer SET priority = {SWEPT_PRIORITY}", True),
    ],
)
def test_a_row_that_an_earlier_run_may_have_pushed_is_in_doubt(
    settings: Settings, before: str, is_in_doubt: bool
) -> None:
    account = make_account(settings)
    account.friends.create(line_user_id=line_user_id(0), state="blocked")
    queue_rows(settings, account, count=2)
    fetch(settings, before)
    work(settings, Line(), until=lambda: len(states(settings)) == 2)
    found = fetch(settings, "SELECT state, is_in_doubt FROM deliveries ORDER BY state")
    assert [tuple(record) for record in found] == [("delivered", False), ("failed", is_in_doubt)]


def test_a_worker_told_to_stop_finishes_what_it_is_pushing(settings: Settings) -> None:
    queue_rows(settings, make_account(settings), count=5)
    line = Line(seconds=0.3)
    work(settings, line, until=lambda: len(line.pushed) == 5)
    assert states(settings) == [("delivered", None)] * 5


def test_a_worker_ends_with_its_database(settings: Settings) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lumo-jobs'"

    async def run() -> None:
        async with serving(Line()) as url:
            working = asyncio.create_task(worker.run(quick(settings, url)))
            while not working.done():
                await asyncio.to_thread(fetch, settings, kill)
                await asyncio.wait({working}, timeout=0.05)
            with pytest.raises(worker.DatabaseGoneError):
                working.result()

    asyncio.run(asyncio.wait_for(run(), timeout=20))
