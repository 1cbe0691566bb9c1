"""The LINE emulator answers as LINE's documentation says: what it takes, what it refuses, what it can be told to do."""

from typing import Any
from uuid import uuid4

import pytest

from lumo.sandbox.asgi import LINE
from lumo.sandbox.faults import NO_FAULTS, Faults
from lumo.sandbox.tests.conftest import CHANNEL, SECRET, Sandbox
from tests.factories import line_user_id

FRIEND = line_user_id(1)
TEXT = {"type": "text", "text": "こんにちは 🌸"}
PUSH: dict[str, Any] = {"to": FRIEND, "messages": [TEXT]}


def test_a_push_is_accepted_and_recorded(sandbox: Sandbox) -> None:
    key = str(uuid4())
    answer = sandbox.push(PUSH, retry_key=key)
    assert answer.status == 200
    [push] = sandbox.record.list_pushes()
    assert (push.user_id, push.retry_key, push.delivered, push.decoded()) == (FRIEND, key, True, PUSH)
    assert answer.headers["x-line-request-id"] == push.request_id
    [sent] = answer.content["sentMessages"]
    assert sent["id"].isdigit()
    assert sandbox.record.get_channel(CHANNEL).used == 1


def test_a_repeated_retry_key_is_409_with_the_accepted_request(sandbox: Sandbox) -> None:
    key = str(uuid4())
    first, again = sandbox.push(PUSH, retry_key=key), sandbox.push(PUSH, retry_key=key.upper())
    assert (first.status, again.status) == (200, 409)
    assert again.headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]
    assert again.headers["x-line-request-id"] != first.headers["x-line-request-id"]
    assert again.content["sentMessages"] == first.content["sentMessages"]
    stats = sandbox.record.stats()
    assert (stats.accepted, stats.attempts, stats.duplicates) == (1, 2, 1)


def test_of_twenty_equal_pushes_at_once_one_is_accepted(sandbox: Sandbox) -> None:
    sandbox.record.set_faults(Faults(delay_ms=5))
    key = str(uuid4())
    answers = sandbox.ask_all([("POST", *sandbox.push_request(PUSH, retry_key=key)) for _ in range(20)])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19


def test_without_a_retry_key_every_push_counts(sandbox: Sandbox) -> None:
    assert [sandbox.push(PUSH).status for _ in range(2)] == [200, 200]
    assert sandbox.record.stats().accepted == 2


@pytest.mark.parametrize(
    ("body", "status", "words", "places"),
    [
        (b"{", 400, "could not be parsed", []),
        (b"[1]", 400, "could not be parsed", []),
        (b"\xff", 400, "could not be parsed", []),
        ({"messages": [TEXT]}, 400, "1 error", ["to"]),
        ({"to": "", "messages": [TEXT]}, 400, "1 error", ["to"]),
        ({"to": "someone", "messages": [TEXT]}, 400, "The property, 'to'", []),
        ({"to": FRIEND}, 400, "1 error", ["messages"]),
        ({"to": FRIEND, "messages": []}, 400, "1 error", ["messages"]),
        ({"to": FRIEND, "messages": [TEXT] * 6}, 400, "1 error", ["messages"]),
        ({"to": FRIEND, "messages": [{"type": "letter"}]}, 400, "1 error", ["messages[0].type"]),
        ({"to": FRIEND, "messages": ["text"]}, 400, "1 error", ["messages[0].type"]),
        ({"to": FRIEND, "messages": [TEXT, {"type": "text"}]}, 400, "1 error", ["messages[1].text"]),
        ({"to": FRIEND, "messages": [{"type": "text", "text": 3}]}, 400, "1 error", ["messages[0].text"]),
        ({"to": FRIEND, "messages": [{"type": "text", "text": "🌸" * 2501}]}, 400, "1 error", ["messages[0].text"]),
        ({"to": FRIEND, "messages": [{"type": "text", "text": "🌸" * 2500}]}, 200, "", []),
        (
            {"to": FRIEND, "messages": [{"type": "flex"}]},
            400,
            "2 error",
            ["messages[0].altText", "messages[0].contents"],
        ),
        ({**PUSH, "notificationDisabled": "no"}, 400, "1 error", ["notificationDisabled"]),
        ({**PUSH, "customAggregationUnits": ["a", "b"]}, 400, "1 error", ["customAggregationUnits"]),
        (b'"' + b"a" * (2 * 1024 * 1024), 413, "too large", []),
    ],
)
def test_what_line_would_refuse_is_refused(
    sandbox: Sandbox, body: object, status: int, words: str, places: list[str]
) -> None:
    answer = sandbox.push(body)
    assert answer.status == status
    assert words in answer.content.get("message", "")
    assert [detail["property"] for detail in answer.content.get("details", [])] == places
    assert sandbox.record.stats().accepted == (status == 200)
    assert [attempt.status for attempt in sandbox.record.list_attempts()] == [status]


@pytest.mark.parametrize(
    ("headers", "retry_key", "status"),
    [
        ({"content-type": "text/plain"}, None, 415),
        ({}, "not-a-uuid", 400),
        ({"authorization": "Bearer made-up"}, None, 401),
        ({"authorization": ""}, None, 401),
        ({"content-type": "application/json; charset=utf-8"}, None, 200),
    ],
)
def test_headers_are_checked_too(sandbox: Sandbox, headers: dict[str, str], retry_key: str | None, status: int) -> None:
    assert sandbox.push(PUSH, retry_key=retry_key, **headers).status == status


def test_an_old_token_is_refused(sandbox: Sandbox) -> None:
    sandbox.record.register_channel(CHANNEL, secret=SECRET)
    sandbox.record.add_token("old", CHANNEL, expires_ms=1)
    assert sandbox.line("GET", "/v2/bot/info", token="old").status == 401


def test_a_channels_first_secret_is_the_right_one(sandbox: Sandbox) -> None:
    assert sandbox.issue().content["expires_in"] == 900
    wrong = sandbox.issue(secret="another")
    assert (wrong.status, wrong.content["error"]) == (400, "invalid_request")
    assert sandbox.issue(channel_id="abc").status == 400
    assert sandbox.ask("POST", f"{LINE}/oauth2/v3/token", b"grant_type=\xff").status == 400


@pytest.mark.parametrize(
    ("state", "status", "delivered", "profile"),
    [("following", 200, [True], 200), ("blocked", 200, [False], 404), ("unknown", 400, [], 404)],
)
def test_friends_are_told_apart_as_line_does(
    sandbox: Sandbox, state: Any, status: int, delivered: list[bool], profile: int
) -> None:
    sandbox.record.set_friend(CHANNEL, FRIEND, state=state)
    answer = sandbox.push(PUSH)
    assert answer.status == status
    assert "details" not in answer.content
    assert [push.delivered for push in sandbox.record.list_pushes()] == delivered
    assert sandbox.line("GET", f"/v2/bot/profile/{FRIEND}").status == profile
    assert sandbox.record.get_channel(CHANNEL).used == delivered.count(True)


def test_bot_info_and_profile_name_the_account_and_the_friend(sandbox: Sandbox) -> None:
    info = sandbox.line("GET", "/v2/bot/info").content
    channel = sandbox.record.get_channel(CHANNEL)
    assert (info["userId"], info["basicId"], info["displayName"]) == (
        channel.bot_user_id,
        channel.basic_id,
        channel.display_name,
    )
    sandbox.record.set_friend(CHANNEL, FRIEND, state="following", display_name="花子")
    assert sandbox.line("GET", f"/v2/bot/profile/{FRIEND}").content["displayName"] == "花子"


def test_validation_looks_at_the_messages_and_sends_nothing(sandbox: Sandbox) -> None:
    assert sandbox.line("POST", "/v2/bot/message/validate/push", {"messages": [TEXT]}).status == 200
    refused = sandbox.line("POST", "/v2/bot/message/validate/push", {"messages": [{"type": "text", "text": ""}]})
    assert (refused.status, refused.content["details"][0]["property"]) == (400, "messages[0].text")
    assert sandbox.record.stats().attempts == 0


def test_the_monthly_limit_is_429_with_figures(sandbox: Sandbox) -> None:
    assert sandbox.line("GET", "/v2/bot/message/quota").content == {"type": "none"}
    sandbox.record.set_quota(2, 1)
    assert [sandbox.push(PUSH).status for _ in range(2)] == [200, 429]
    assert sandbox.line("GET", "/v2/bot/message/quota").content == {"type": "limited", "value": 2}
    assert sandbox.line("GET", "/v2/bot/message/quota/consumption").content == {"totalUsage": 2}


@pytest.mark.parametrize(
    ("faults", "pushes", "info"),
    [
        (Faults(status=401), [401, 401, 401, 401], 401),
        (Faults(status=403), [403, 403, 403, 403], 403),
        (Faults(status=500), [500, 500, 500, 500], 500),
        (Faults(error_every=2), [200, 500, 200, 500], 200),
        (Faults(lost_every=2), [200, 500, 200, 500], 200),
        (NO_FAULTS, [200, 200, 200, 200], 200),
    ],
)
def test_it_can_be_told_to_misbehave(sandbox: Sandbox, faults: Faults, pushes: list[int], info: int) -> None:
    sandbox.record.set_faults(faults)
    assert [sandbox.push(PUSH).status for _ in range(4)] == pushes
    assert sandbox.line("GET", "/v2/bot/info").status == info
    lost = pushes.count(500) if faults.lost_every else 0
    assert sandbox.record.stats().accepted == pushes.count(200) + lost


def test_above_the_rate_it_answers_429(sandbox: Sandbox) -> None:
    sandbox.record.set_faults(Faults(pushes_per_second=2))
    requests = [("POST", *sandbox.push_request(PUSH)) for _ in range(12)]
    statuses = [answer.status for answer in sandbox.ask_all(requests)]
    assert statuses.count(200) in {2, 4}  # 4 when a second began meanwhile
    assert statuses.count(429) == 12 - statuses.count(200)


def test_what_is_no_address_of_line_is_404(sandbox: Sandbox) -> None:
    for method, path in [("GET", "/v2/bot/message/push"), ("POST", "/v2/bot/nothing"), ("GET", "/v2/bot/profile/x")]:
        assert sandbox.line(method, path).status == 404
    assert sandbox.ask("GET", "/sandbox/elsewhere").status == 404
