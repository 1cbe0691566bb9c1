"""Flushes of one and of two ingest processes: reissued keys, rates, what can't be stored, what waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from lumo.deliveries.enqueue import Incoming
from lumo.flows.arrivals import Arrival
from lumo.flows.flusher import MOST_WAITING, MOST_WAITING_BYTES, ROWS_PER_FLUSH, Flusher
from lumo.flows.hot import Hooks
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Intervals, Settings
from lumo.postgres.lasting import LastingConnection
from lumo.profiles.models import KlaviyoConnection
from tests.factories import line_user_id
from tests.posting import Answered, flow_body, hooks, post, until
from tests.waiting import fetch

REISSUE = "UPDATE klaviyo_connections SET key_encrypted = $1, key_version = key_version + 1"
COUNT_ACCEPTED = "SELECT count(*) FROM flow_requests WHERE code IS NULL"


def test_a_reissued_key_is_exact_with_two_processes(settings: Settings, path: str) -> None:
    """Both processes know the old key by heart. What they accepted with it is there when the reissue has its lock."""
    new_key = Keyring(settings.secret_keys).encrypt("new-key")
    answered: list[Answered] = []

    async def keep_posting(app: Hooks, number: int) -> None:
        refusals = 0
        while refusals < 20:
            number += 2
            one = await post(app, path, flow_body(number))
            refusals += one.status == 401
            answered.append(one)

    async def reissue() -> int:
        async with _database(settings) as database, database.transaction():
            await database.execute(REISSUE, new_key)
            accepted: int = await database.fetchval(COUNT_ACCEPTED)
            return accepted

    async def run() -> tuple[int, list[int]]:
        async with hooks(settings) as first, hooks(settings) as second:
            posting = [asyncio.create_task(keep_posting(app, at)) for at, app in enumerate((first, second))]
            await until(lambda: len(answered) > 10)
            accepted = await reissue()
            new = [
                (await post(app, path, flow_body(10**6 + at), key="new-key")).status
                for at, app in enumerate((first, second))
            ]
            await asyncio.gather(*posting)
            return accepted, new

    accepted, new = asyncio.run(run())
    assert new == [202, 202]
    assert Counter(one.status for one in answered) == {202: accepted, 401: 40}
    assert fetch(settings, COUNT_ACCEPTED) == [(accepted + 2,)]


def test_a_connection_is_switched_off_exactly(settings: Settings, path: str) -> None:
    async def run() -> list[tuple[int, str]]:
        async with hooks(settings) as app:
            first = await post(app, path, flow_body(1))
            await asyncio.to_thread(fetch, settings, "UPDATE klaviyo_connections SET is_enabled = false")
            return [first.short, *[(await post(app, path, flow_body(2))).short for _ in range(2)]]

    assert asyncio.run(run()) == [(202, "accepted"), *[(403, "connection_disabled")] * 2]


def test_a_workspace_s_own_rate_is_shared_by_processes(settings: Settings, path: str) -> None:
    fetch(settings, "UPDATE workspaces SET requests_per_second = 20")

    async def run() -> list[Answered]:
        async with hooks(settings) as first, hooks(settings) as second:
            return await asyncio.gather(
                *(post(app, path, flow_body(n * 2 + at)) for n in range(50) for at, app in enumerate((first, second)))
            )

    counts = Counter(one.short for one in asyncio.run(run()))
    assert counts.keys() == {(202, "accepted"), (429, "too_many")}
    assert 20 <= counts[(202, "accepted")] <= 40  # the second may end in between
    assert len(fetch(settings, "SELECT FROM queue")) == counts[(202, "accepted")]
    assert fetch(settings, "SELECT code, count FROM refusal_counts") == [("too_many", counts[(429, "too_many")])]


def test_the_rate_comes_before_type_and_body(settings: Settings, path: str) -> None:
    fetch(settings, "UPDATE workspaces SET requests_per_second = 0")

    async def run() -> list[tuple[int, str]]:
        async with hooks(settings) as app:
            image = {"content-type": "image/png"}
            return [(await post(app, path, body, headers=image)).short for body in (b"{", flow_body())]

    assert asyncio.run(run()) == [(429, "too_many")] * 2


def test_what_can_t_be_stored_never_harms_the_others_of_its_flush(
    settings: Settings, connection: KlaviyoConnection
) -> None:
    """The contract stops such requests; a flush holds even so: 22021 of PostgreSQL, no UTF-8 for its driver."""
    bad = {3: "\0", 7: "\ud800", 8: "\0"}

    async def run() -> list[int]:
        slow = Intervals(flush_window=0.2)
        async with _connection(settings) as database, Flusher(database, intervals=slow) as flusher:
            arrivals = [_arrival(connection, number, profile=bad.get(number, "")) for number in range(12)]
            answers = await asyncio.gather(*(flusher.submit(arrival) for arrival in arrivals))
            return [answer.status for answer in answers]

    assert asyncio.run(run()) == [400 if number in bad else 202 for number in range(12)]
    queued = [record[0] for record in fetch(settings, "SELECT line_user_id FROM queue ORDER BY 1")]
    assert queued == [line_user_id(number) for number in range(12) if number not in bad]


def test_what_waits_is_bounded_in_number_and_bytes(settings: Settings, connection: KlaviyoConnection) -> None:
    """While the connections are locked nothing moves: one flush is under way, the next ones wait."""

    async def submit_while_locked(flusher: Flusher, first: int, sizes: list[int]) -> Counter[int]:
        async with _database(settings) as blocker, blocker.transaction():
            await blocker.execute("SELECT FROM klaviyo_connections FOR UPDATE")
            arrivals = [_arrival(connection, number, size=size) for number, size in enumerate(sizes, start=first)]
            submitted = [asyncio.create_task(flusher.submit(arrival)) for arrival in arrivals]
            await until(lambda: any(task.done() for task in submitted))
        return Counter(answer.status for answer in await asyncio.gather(*submitted))

    async def run() -> list[Counter[int]]:
        async with _connection(settings) as database, Flusher(database, intervals=Intervals()) as flusher:
            many = await submit_while_locked(flusher, 0, [10] * (MOST_WAITING + ROWS_PER_FLUSH + 10))
            return [many, await submit_while_locked(flusher, 10_000, [300 * 1024] * 300)]

    by_number, by_bytes = asyncio.run(run())
    assert by_number.keys() == by_bytes.keys() == {202, 503}
    assert MOST_WAITING <= by_number[202] <= MOST_WAITING + ROWS_PER_FLUSH
    assert 0 <= by_bytes[202] - MOST_WAITING_BYTES // (300 * 1024) <= 1


def test_stopping_answers_what_was_taken_and_takes_no_more(settings: Settings, path: str) -> None:
    slow = msgspec.structs.replace(settings, intervals=Intervals(flush_window=3600))

    async def run() -> list[int]:
        async with hooks(slow) as app:
            await post(app, path, flow_body(0))
            waiting = [asyncio.create_task(post(app, path, flow_body(number))) for number in range(1, 6)]
            await until(lambda: len(app._flusher._waiting) == 5)
        answered = [await asyncio.wait_for(task, 10) for task in waiting]
        return [one.status for one in [*answered, await post(app, path, flow_body(6))]]

    assert asyncio.run(run()) == [*[202] * 5, 503]


def test_a_client_that_leaves_does_not_disturb_the_flush(settings: Settings, path: str) -> None:
    async def run() -> list[int]:
        async with hooks(settings) as app:
            await post(app, path, flow_body(0))
            posts = [asyncio.create_task(post(app, path, flow_body(number))) for number in range(1, 7)]
            await asyncio.sleep(0)
            for leaving in posts[::2]:
                leaving.cancel()
            return [(await task).status for task in posts[1::2]]

    assert asyncio.run(run()) == [202] * 3


def _arrival(connection: KlaviyoConnection, number: int, *, profile: str = "", size: int = 10) -> Arrival:
    incoming = Incoming(
        workspace_id=connection.workspace_id,
        connection_id=connection.pk,
        body=b"x" * size,
        dedupe_key=b"%d" % number,
        account_id=1,
        line_user_id=line_user_id(number),
        profile=profile,
    )
    return Arrival(incoming=incoming, key_version=1)


def _connection(settings: Settings) -> LastingConnection:
    return LastingConnection(settings.database_url, name="test")


@asynccontextmanager
async def _database(settings: Settings) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()
