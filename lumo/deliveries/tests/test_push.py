"""What LINE answers and what becomes of the row, as a table; over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from lumo.deliveries import ids
from lumo.deliveries.live_accounts import Pauses, load_accounts
from lumo.deliveries.outcomes import Finished, Outcome, Waiting
from lumo.deliveries.push import Pusher, next_try_at
from lumo.deliveries.rows import Row, load_batch
from lumo.deliveries.tokens import Tokens
from lumo.integrations.http import Http
from lumo.integrations.line.client import LineClient
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Intervals, Settings
from tests.factories import make_account
from tests.serving import serving
from tests.waiting import fetch, queue_rows

OK = (200, {"x-line-request-id": "req-1"}, b'{"sentMessages":[{"id":"1"}]}')
DETAILS = b'{"message":"A message (messages[0]) is invalid","details":[{"message":"Too long","property":"text"}]}'


class Line:
    """LINE with scripted answers to pushes; it counts tokens and keeps every push."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes], quota: int | None = None, used: int = 0) -> None:
        self.answers = list(answers)
        self.quota, self.used = quota, used
        self.token_status = 200
        self.tokens_issued = 0
        self.quota_looks = 0
        self.pushes: list[tuple[str, str, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        status, headers, content = self._answer(scope["path"], dict(scope["headers"]), body)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, path: str, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if path == "/oauth2/v3/token":
            self.tokens_issued += 1
            return self.token_status, {}, b'{"access_token":"token-%d","expires_in":900}' % self.tokens_issued
        if path == "/v2/bot/message/quota":
            self.quota_looks += 1
            kind = b'{"type":"none"}' if self.quota is None else b'{"type":"limited","value":%d}' % self.quota
            return 200, {}, kind
        if path == "/v2/bot/message/quota/consumption":
            return 200, {}, b'{"totalUsage":%d}' % self.used
        self.pushes.append((headers[b"authorization"].decode(), headers[b"x-line-retry-key"].decode(), body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Line(OK), ("delivered", None, "", "req-1")),
        (Line((409, {"x-line-accepted-request-id": "req-0"}, b"{}")), ("delivered", None, "", "req-0")),
        (Line((400, {}, b'{"message":"Failed"}')), ("failed", "recipient_unknown", "Failed", "")),
        (
            Line((400, {}, DETAILS)),
            ("failed", "line_refused", "A message (messages[0]) is invalid – text: Too long", ""),
        ),
        (Line((413, {}, b"not JSON")), ("failed", "line_refused", "LINE answered 413 without an explanation.", "")),
        (Line((401, {}, b'{"message":"Old"}'), OK), ("delivered", None, "", "req-1")),
        (Line((401, {}, b'{"message":"Old"}')), ("parked", "line_token", "Old")),
        (Line((403, {}, b'{"message":"Plan"}')), ("parked", "line_forbidden", "Plan")),
        (Line((429, {}, b'{"message":"Rate"}')), ("waiting", "line_busy", "Rate")),
        (Line((429, {}, b'{"message":"Rate"}'), quota=10, used=9), ("waiting", "line_busy", "Rate")),
        (Line((429, {}, b'{"message":"Month"}'), quota=10, used=10), ("parked", "quota", "Month")),
        (Line((500, {}, b'{"message":"Oops"}')), ("waiting", "line_busy", "Oops")),
        (Line((400, {}, b"<html>")), ("waiting", "line_busy", "LINE answered 400 without an explanation.")),
        (Line((302, {}, b"")), ("waiting", "line_busy", "LINE answered 302 without an explanation.")),
        (Line((408, {}, b"{}")), ("waiting", "line_busy", "status 408")),
        (Line((502, {}, b"<html>")), ("waiting", "line_busy", "LINE answered 502 without an explanation.")),
    ],
)
def test_an_answer_decides(settings: Settings, line: Line, expected: tuple[str, ...]) -> None:
    (outcome,) = _attempt(settings, line)
    assert _summary(outcome) == expected
    paused = fetch(settings, "SELECT paused_reason FROM official_accounts")[0][0]
    assert paused == (expected[1] if expected[0] == "parked" else "")


def test_every_attempt_is_the_same_request(settings: Settings) -> None:
    line = Line((401, {}, b"{}"), (500, {}, b"{}"), OK)

    async def thrice(row: Row, attempt: Callable[[Row], Awaitable[Outcome]]) -> list[Outcome]:
        return [await attempt(row), await attempt(row)]

    outcomes = _attempt(settings, line, use=thrice)
    assert [_summary(outcome)[0] for outcome in outcomes] == ["waiting", "delivered"]
    assert outcomes[0].row.attempts == 2
    assert [token for token, _, _ in line.pushes] == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]
    assert {(key, body) for _, key, body in line.pushes} == {(ids.retry_key(outcomes[0].row.delivery_id), b"{}")}


def test_a_thousand_refused_tokens_are_renewed_once(settings: Settings) -> None:
    line = Line((401, {}, b"{}"))

    async def at_once(row: Row, attempt: Callable[[Row], Awaitable[Outcome]]) -> list[Outcome]:
        return list(await asyncio.gather(*(attempt(row) for _ in range(100))))

    outcomes = _attempt(settings, line, use=at_once)
    assert {_summary(outcome)[:2] for outcome in outcomes} == {("parked", "line_token")}
    assert line.tokens_issued == 2


def test_many_429s_ask_for_the_quota_once(settings: Settings) -> None:
    line = Line((429, {}, b"{}"), quota=5, used=5)

    async def at_once(row: Row, attempt: Callable[[Row], Awaitable[Outcome]]) -> list[Outcome]:
        return list(await asyncio.gather(*(attempt(row) for _ in range(100))))

    assert {_summary(outcome)[:2] for outcome in _attempt(settings, line, use=at_once)} == {("parked", "quota")}
    assert line.quota_looks == 1


def test_a_long_lived_token_is_used_as_it_is(settings: Settings) -> None:
    token = Keyring(settings.secret_keys).encrypt("long-lived")
    fields: dict[str, Any] = {"channel_secret_encrypted": None, "access_token_encrypted": token}
    line = Line((401, {}, b"{}"))
    (outcome,) = _attempt(settings, line, **fields)
    assert _summary(outcome)[:2] == ("parked", "line_token")
    assert [pushed_with for pushed_with, _, _ in line.pushes] == ["Bearer long-lived"]
    assert line.tokens_issued == 0


def test_no_token_to_be_had_never_reaches_line(settings: Settings) -> None:
    line = Line(OK)
    line.token_status = 400
    (outcome,) = _attempt(settings, line)
    assert _summary(outcome)[:2] == ("parked", "line_token")
    assert outcome.row.first_attempt_at is None
    assert line.pushes == []


@pytest.mark.parametrize("field", ["channel_secret_encrypted", "access_token_encrypted"])
def test_a_secret_of_a_newer_key_waits_for_our_restart(settings: Settings, field: str) -> None:
    line = Line(OK)
    secret = Keyring(("n" * 40,)).encrypt("secret")
    (outcome,) = _attempt(settings, line, **{"channel_secret_encrypted": None, field: secret})
    assert _summary(outcome)[:2] == ("waiting", "line_busy")
    assert line.pushes == []


def test_what_expired_while_it_waited_for_its_turn_never_reaches_line(settings: Settings) -> None:
    line = Line(OK)
    late = msgspec.structs.replace(settings, intervals=Intervals(expire_after=0))
    (outcome,) = _attempt(late, line)
    assert _summary(outcome) == ("failed", "expired", "", "")
    assert (outcome.row.attempts, line.pushes) == (0, [])


def test_nobody_listening_means_another_try(settings: Settings) -> None:
    (outcome,) = _attempt(settings, None)
    assert _summary(outcome)[:2] == ("waiting", "line_busy")


@pytest.mark.parametrize(
    ("attempts", "retry_after", "least", "most"),
    [(1, None, 0.5, 1), (2, None, 1, 2), (5, None, 8, 16), (60, None, 150, 300), (1, 30.0, 30, 30)],
)
def test_tries_grow_apart(attempts: int, retry_after: float | None, least: float, most: float) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    due_at = next_try_at(attempts, now=now, intervals=Intervals(), retry_after=retry_after)
    assert timedelta(seconds=least) <= due_at - now <= timedelta(seconds=most)


async def _once(row: Row, attempt: Callable[[Row], Awaitable[Outcome]]) -> list[Outcome]:
    return [await attempt(row)]


def _attempt(settings: Settings, line: Line | None, *, use: Any = _once, **fields: Any) -> list[Outcome]:
    """The outcomes of pushing one row of a new account at `line`, or where nobody listens."""
    account = make_account(settings, **fields)
    batch_id = queue_rows(settings, account)

    async def run(url: str) -> list[Outcome]:
        async with (
            asyncpg.create_pool(settings.database_url, min_size=1, max_size=2) as pool,
            Http(timeout=5.0) as http,
        ):
            client = LineClient(http, replacement=url)
            pusher = Pusher(
                client, Tokens(client, Keyring(settings.secret_keys)), Pauses(pool), intervals=settings.intervals
            )
            async with pool.acquire() as connection:
                (row,) = await load_batch(connection, batch_id)
                live = (await load_accounts(connection, [account.pk]))[account.pk]
            row.payload = b"{}"
            return list(await use(row, lambda row: pusher.attempt(row, live)))

    async def main() -> list[Outcome]:
        if line is None:
            return await run("http://127.0.0.1:9")
        async with serving(line) as url:
            return await run(url)

    return asyncio.run(main())


def _summary(outcome: Outcome) -> tuple[str | None, ...]:
    if isinstance(outcome, Finished):
        return outcome.state, outcome.reason, outcome.detail, outcome.line_request_id
    assert isinstance(outcome, Waiting)
    return "parked" if outcome.due_at is None else "waiting", outcome.reason, outcome.detail
