"""The database goes away, says nothing, comes back: passing faults are 503, permanent ones keep their code."""

import asyncio

import asyncpg

from lumo.flows.hot import Hooks
from lumo.lib.settings import Settings
from tests.factories import line_user_id
from tests.posting import STUCK, flow_body, hooks, post, until
from tests.waiting import fetch

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'lumo-%'
"""


def test_a_flush_whose_connection_is_killed_is_503_and_the_next_goes_through(settings: Settings, path: str) -> None:
    async def run() -> list[int]:
        async with hooks(settings) as app:
            assert (await post(app, path, flow_body(0))).status == 202
            database = await asyncpg.connect(settings.database_url)
            async with database.transaction():
                await database.execute("SELECT FROM klaviyo_connections FOR UPDATE")
                stuck = [asyncio.create_task(post(app, path, body)) for body in (flow_body(1), flow_body(2), b"{")]
                while not await database.fetch(STUCK):
                    pass
                await database.fetch(KILL)
                statuses = [(await task).status for task in stuck]
            await database.close()
            await _until_accepted(app, path, 3)
            return statuses

    assert asyncio.run(run()) == [503, 503, 400]
    stored = fetch(settings, "SELECT line_user_id FROM flow_requests WHERE code IS NULL ORDER BY id")
    assert [record[0] for record in stored] == [line_user_id(0), line_user_id(3)]


def test_while_the_database_is_away_only_what_is_certain_is_refused(settings: Settings, path: str) -> None:
    name = fetch(settings, "SELECT current_database()")[0][0]
    server = settings.database_url.replace(f"/{name}?", "/postgres?")

    async def run() -> list[tuple[int, str]]:
        async with hooks(settings) as app:
            assert (await post(app, path, flow_body(0))).status == 202
            admin = await asyncpg.connect(server)
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await admin.execute(KILL.replace("current_database()", f"'{name}'"))
            await _until_away(app, path)
            answered = [
                await post(app, path, flow_body(1)),
                await post(app, path, flow_body(2), key="perhaps the new one"),
                await post(app, "/hooks/klaviyo/kc_0000000000000000", flow_body(3)),
                await post(app, path, flow_body(4, account="oa_0000000000000000")),
                await post(app, path, b"{"),
                await post(app, path, flow_body(5, to="")),
                await post(app, path, flow_body(6), headers={"content-type": "image/png"}),
                await post(app, path, method="GET"),
            ]
            await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await admin.close()
            await _until_accepted(app, path, 7)
            return [one.short for one in answered]

    assert asyncio.run(run()) == [
        *[(503, "unavailable")] * 4,
        (400, "body_invalid"),
        (422, "recipient_missing"),
        (415, "type_unsupported"),
        (405, "method_not_allowed"),
    ]


def test_a_database_that_says_nothing_is_given_up_after_five_seconds(settings: Settings, path: str) -> None:
    async def run() -> list[int]:
        async with hooks(settings) as app:
            await post(app, path, flow_body(0))
            database = await asyncpg.connect(settings.database_url)
            async with database.transaction():
                await database.execute("SELECT FROM klaviyo_connections FOR UPDATE")
                stuck = [asyncio.create_task(post(app, path, body)) for body in (flow_body(1), b"{")]
                statuses = [(await asyncio.wait_for(task, 15)).status for task in stuck]
            await database.close()
            await _until_accepted(app, path, 2)
            return statuses

    assert asyncio.run(run()) == [503, 400]


async def _until_accepted(app: Hooks, path: str, number: int) -> None:
    async def is_accepted() -> bool:
        return (await post(app, path, flow_body(number))).status == 202

    await until(is_accepted)


async def _until_away(app: Hooks, path: str) -> None:
    async def is_away() -> bool:
        return (await post(app, path, flow_body(99))).status == 503

    await until(is_away)
