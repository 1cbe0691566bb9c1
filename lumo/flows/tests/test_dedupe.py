"""The same request again is answered with its original, whoever stores it."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from lumo.lib.settings import Settings
from tests.factories import line_user_id
from tests.posting import Answered, flow_body, hooks, post
from tests.waiting import fetch

FLOW = "X-Klaviyo-Flow-ID"


def test_the_same_request_to_two_processes_at_once_is_queued_once(settings: Settings, path: str) -> None:
    async def run() -> list[Answered]:
        async with hooks(settings) as first, hooks(settings) as second:
            requests = [post(app, path, flow_body(number)) for number in range(100) for app in (first, second)]
            return await asyncio.gather(*requests)

    answered = asyncio.run(run())
    assert Counter(one.short for one in answered) == {(202, "accepted"): 100, (200, "duplicate"): 100}
    ids = {one.content["id"] for one in answered}
    assert ids == {str(record[0]) for record in fetch(settings, "SELECT delivery_id FROM queue")}
    duplicates = fetch(settings, "SELECT original_id FROM flow_requests WHERE code = 'duplicate'")
    assert sorted(str(record[0]) for record in duplicates) == sorted(ids)


def test_equal_requests_in_one_flush_and_later_ones_share_an_id(settings: Settings, path: str) -> None:
    async def run() -> list[Answered]:
        async with hooks(settings) as app:
            at_once = await asyncio.gather(*(post(app, path, flow_body()) for _ in range(20)))
            return [*at_once, await post(app, path, flow_body())]

    answered = asyncio.run(run())
    assert Counter(one.status for one in answered) == {202: 1, 200: 20}
    assert len({one.content["id"] for one in answered}) == 1


@pytest.mark.parametrize(
    ("first", "second", "is_repeated"),
    [
        ({}, {}, True),
        ({"headers": {FLOW: "F1"}}, {"headers": {FLOW: "F2"}}, False),
        ({"body": flow_body(event="e1")}, {"body": flow_body(event="e2")}, False),
        ({"body": flow_body(event=7)}, {"body": flow_body(event="7")}, True),
        ({"body": flow_body(profile="p1")}, {"body": flow_body(profile="p2")}, False),
        ({"body": flow_body(to=line_user_id(1))}, {"body": flow_body(to=line_user_id(2))}, False),
        ({"body": flow_body(text="one")}, {"body": flow_body(text="two")}, False),
        ({"body": flow_body(placement="a", text="one")}, {"body": flow_body(placement="a", text="two")}, True),
        ({"body": flow_body(placement="a")}, {"body": flow_body(placement="b")}, False),
        ({"body": flow_body(variables={"a": "1"})}, {"body": flow_body(variables={"a": "2"})}, True),
        # Without an event the whole body tells two requests apart.
        ({"body": flow_body(event="", z=1)}, {"body": flow_body(event="", z=1)}, True),
        ({"body": flow_body(event="", z=1)}, {"body": flow_body(event="", z=2)}, False),
        ({"body": flow_body(event=..., z=1)}, {"body": flow_body(event=..., z=2)}, False),
        # An explicit key replaces all but connection and flow.
        ({"body": flow_body(dedupe="d", event="e1", text="x")}, {"body": flow_body(dedupe="d", text="y")}, True),
        ({"body": flow_body(1, dedupe="d")}, {"body": flow_body(2, dedupe="d")}, True),
        ({"body": flow_body(dedupe="d1")}, {"body": flow_body(dedupe="d2")}, False),
        ({"body": flow_body(dedupe="d")}, {"body": flow_body()}, False),
        (
            {"body": flow_body(dedupe="d"), "headers": {FLOW: "F1"}},
            {"body": flow_body(dedupe="d"), "headers": {FLOW: "F2"}},
            False,
        ),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_the_same_request(
    settings: Settings, path: str, first: dict[str, Any], second: dict[str, Any], is_repeated: bool, at_once: bool
) -> None:
    async def run() -> list[Answered]:
        async with hooks(settings) as app:
            requests = [post(app, path, **{"body": flow_body(), **fields}) for fields in (first, second)]
            return await asyncio.gather(*requests) if at_once else [await request for request in requests]

    statuses = sorted(one.status for one in asyncio.run(run()))
    assert statuses == ([200, 202] if is_repeated else [202, 202])


def test_a_refused_request_does_not_take_the_place_of_a_good_one(settings: Settings, path: str) -> None:
    async def run() -> list[int]:
        async with hooks(settings) as app:
            bodies = [flow_body(dedupe="d", text=...), flow_body(dedupe="d")]
            return [(await post(app, path, body)).status for body in bodies]

    assert asyncio.run(run()) == [422, 202]


def test_a_request_comes_through_again_after_25_hours(settings: Settings, path: str) -> None:
    async def run() -> list[int]:
        async with hooks(settings) as app:
            first = await post(app, path, flow_body())
            await asyncio.to_thread(fetch, settings, "UPDATE dedupe_keys SET expires_at = now() - interval '1 s'")
            return [first.status, *[(await post(app, path, flow_body())).status for _ in range(2)]]

    assert asyncio.run(run()) == [202, 202, 200]
