"""The answers of DESIGN §4, as a table in the order of the checks."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import msgspec
import pytest

from lumo.flows.answers import MAX_BODY
from lumo.lib.settings import Intervals, Settings
from lumo.messaging.limits import TEXT
from lumo.messaging.models import AutoSendMessage
from tests.factories import KEY, and_close, line_user_id, make_account, make_connection, make_message, make_workspace
from tests.posting import Answered, flow_body, hooks, post, until
from tests.waiting import fetch

BAD = b"{not JSON"
HUGE = b" " * (MAX_BODY + 1)


@pytest.mark.parametrize(
    ("request_fields", "expected"),
    [
        ({}, (202, "accepted")),
        # Address, method, size, enabled, key, type, body: each fault hides those after it.
        ({"path": "/hooks/klaviyo/kc_0000000000000000", "method": "GET", "key": None}, (404, "not_found")),
        ({"path": "/hooks/klaviyo/", "key": None}, (404, "not_found")),
        ({"path": "/hooks/klaviyo/kc_%00", "key": None}, (404, "not_found")),
        ({"method": "GET", "body": HUGE, "key": None}, (405, "method_not_allowed")),
        ({"body": HUGE, "key": None}, (413, "too_large")),
        ({"chunks": [HUGE[:200_000], HUGE[:200_000]], "key": None}, (413, "too_large")),
        ({"body": BAD, "key": None}, (401, "key_wrong")),
        ({"body": BAD, "key": "wrong"}, (401, "key_wrong")),
        ({"body": BAD, "headers": {"content-type": "multipart/form-data; boundary=x"}}, (415, "type_unsupported")),
        ({"headers": {"content-type": "application/x-www-form-urlencoded"}}, (415, "type_unsupported")),
        ({"headers": {"content-type": "image/png"}}, (415, "type_unsupported")),
        ({"headers": {"content-type": "application/json; charset=Shift_JIS"}}, (415, "type_unsupported")),
        ({"headers": {"content-encoding": "gzip"}}, (415, "type_unsupported")),
        ({"headers": {"content-type": 'Application/JSON; charset="UTF-8"'}}, (202, "accepted")),
        ({"headers": {"content-type": "text/plain", "content-encoding": "identity"}}, (202, "accepted")),
        ({"body": BAD}, (400, "body_invalid")),
        ({"body": b""}, (400, "body_invalid")),
        ({"body": b"[]"}, (400, "body_invalid")),
        ({"body": flow_body(to=["U"])}, (400, "body_invalid")),
        ({"body": flow_body(to=..., text=...)}, (422, "recipient_missing")),
        ({"body": flow_body(to="None")}, (422, "recipient_missing")),
        ({"body": flow_body(to="{{ person|lookup:'LINE User ID' }}")}, (422, "recipient_not_merged")),
        ({"body": flow_body(to="u1", text=...)}, (422, "recipient_invalid")),
        ({"body": flow_body(account="oa_0", text=...)}, (422, "account_unknown")),
        ({"body": flow_body(text=...)}, (422, "body_incomplete")),
        ({"body": flow_body(message="asm_1")}, (422, "body_incomplete")),
        ({"body": flow_body(text=..., message="asm_1")}, (422, "message_unknown")),
        ({"body": flow_body(text="😀" * (TEXT.most // 2) + "a")}, (422, "text_too_long")),
        ({"body": flow_body(text="😀" * (TEXT.most // 2))}, (202, "accepted")),
        ({"chunks": [flow_body()[:20], flow_body()[20:]]}, (202, "accepted")),
    ],
)
def test_the_first_fault_is_the_answer(
    settings: Settings, request_fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    connection = make_connection(settings, workspace)
    fields = {"path": f"/hooks/klaviyo/{connection.public_id}", "body": flow_body(), **request_fields}
    assert asyncio.run(_post_once(settings, **fields)).short == expected
    stored = [tuple(record) for record in fetch(settings, "SELECT code, length(body) FROM flow_requests")]
    if expected[0] == 404:
        assert stored == []
    else:
        assert [code for code, _ in stored] == [None if expected[0] == 202 else _true_code(request_fields, expected)]
        assert stored[0][1] <= MAX_BODY
    assert len(fetch(settings, "SELECT FROM queue")) == (expected[0] == 202)


def test_a_connection_switched_off_says_so_whatever_the_key(settings: Settings) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    connection = make_connection(settings, workspace, is_enabled=False)
    path = f"/hooks/klaviyo/{connection.public_id}"
    for key in (None, "wrong"):
        assert asyncio.run(_post_once(settings, path=path, body=BAD, key=key)).short == (403, "connection_disabled")


def test_a_connection_switched_on_is_open_at_once(settings: Settings) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    connection = make_connection(settings, workspace, is_enabled=False)
    path = f"/hooks/klaviyo/{connection.public_id}"

    async def run() -> list[Answered]:
        async with hooks(settings) as app:
            first = await post(app, path, flow_body())
            await asyncio.to_thread(fetch, settings, "UPDATE klaviyo_connections SET is_enabled = true")
            return [first, await post(app, path, flow_body())]

    assert [answered.status for answered in asyncio.run(run())] == [403, 202]


def test_a_message_may_be_named_as_soon_as_it_is_there_and_until_it_is_archived(settings: Settings) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"

    known, foreign = make_message(workspace), make_message(make_workspace())

    def body(message: AutoSendMessage) -> bytes:
        return flow_body(text=..., message=f" {message.public_id}\n", placement=f"pl {message.pk}")

    async def run() -> list[Answered]:
        async with hooks(settings) as app:
            answered = [await post(app, path, body(known)), await post(app, path, body(foreign))]
            new = await asyncio.to_thread(and_close, lambda: make_message(workspace))  # the directory was read before
            answered.append(await post(app, path, body(new)))
            await asyncio.to_thread(and_close, known.archive)
        async with hooks(settings) as app:
            answered.append(await post(app, path, body(known)))
        return answered

    expected = ["accepted", "message_unknown", "accepted", "message_unknown"]
    assert [one.short[1] for one in asyncio.run(run())] == expected
    stored = fetch(settings, "SELECT message, code FROM flow_requests ORDER BY id")
    assert [record["code"] for record in stored] == [None, "message_unknown", None, "message_unknown"]
    assert all(record["message"].startswith("asm_") for record in stored)


def test_the_account_may_be_left_out_only_where_there_is_one(settings: Settings) -> None:
    workspace = make_workspace()
    first = make_account(settings, workspace)
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"
    assert asyncio.run(_post_once(settings, path=path, body=flow_body(1))).status == 202
    second = make_account(settings, workspace)
    foreign = make_account(settings)

    async def run() -> list[Answered]:
        async with hooks(settings) as app:
            return [
                await post(app, path, flow_body(number, account=account))
                for number, account in enumerate([..., first.public_id, second.public_id, foreign.public_id], start=2)
            ]

    answered = asyncio.run(run())
    assert [one.short[1] for one in answered] == ["account_unknown", "accepted", "accepted", "account_unknown"]
    queued = fetch(settings, "SELECT account_id FROM queue ORDER BY delivery_id")
    assert [record[0] for record in queued] == [first.pk, first.pk, second.pk]


def test_an_account_connected_a_moment_ago_is_known(settings: Settings) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"
    account = make_account(settings)
    connect = "UPDATE official_accounts SET workspace_id = $1, number = 2 WHERE id = $2"

    async def run() -> Answered:
        async with hooks(settings) as app:
            await post(app, path, flow_body(1))
            await asyncio.to_thread(fetch, settings, connect, workspace.pk, account.pk)
            return await post(app, path, flow_body(2, account=account.public_id))

    assert asyncio.run(run()).status == 202


def test_a_second_account_makes_its_name_necessary_within_moments(settings: Settings) -> None:
    workspace = make_workspace()
    make_account(settings, workspace)
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"
    account = make_account(settings)
    connect = "UPDATE official_accounts SET workspace_id = $1, number = 2 WHERE id = $2"
    quick = msgspec.structs.replace(settings, intervals=Intervals(directory_kept=0.2))

    async def run() -> None:
        async with hooks(quick) as app:
            assert (await post(app, path, flow_body(1))).status == 202
            await asyncio.to_thread(fetch, settings, connect, workspace.pk, account.pk)

            async def is_refused() -> bool:
                return (await post(app, path, flow_body(1, event="again"))).short == (422, "account_unknown")

            await until(is_refused, seconds=5)

    asyncio.run(run())


def test_a_key_of_a_newer_secret_key_is_a_503_and_concerns_nobody_else(settings: Settings) -> None:
    newer = msgspec.structs.replace(settings, secret_keys=("n" * 40, *settings.secret_keys))
    paths = []
    for one in (settings, newer):
        workspace = make_workspace()
        make_account(settings, workspace)
        paths.append(f"/hooks/klaviyo/{make_connection(one, workspace).public_id}")

    async def run() -> list[int]:
        async with hooks(settings) as app:
            return [one.status for one in await asyncio.gather(*(post(app, path, flow_body(1)) for path in paths))]

    assert asyncio.run(run()) == [202, 503]


def test_spaces_around_the_key_are_no_part_of_it(settings: Settings, path: str) -> None:
    assert asyncio.run(_post_once(settings, path=path, body=flow_body(1), key=f" {KEY} ")).status == 202


def test_a_flood_without_a_key_leaves_a_count_and_ten_samples(settings: Settings) -> None:
    workspace = make_workspace()
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"

    async def run() -> None:
        async with hooks(settings) as app:
            await asyncio.gather(*(post(app, path, b"x" * 9000, key=None) for _ in range(300)))

    asyncio.run(run())
    assert [tuple(record) for record in fetch(settings, "SELECT code, count FROM refusal_counts")] == [
        ("key_missing", 300)
    ]
    assert fetch(settings, "SELECT count(*), max(length(body)) FROM flow_requests") == [(10, 4096)]


def test_made_up_addresses_share_one_look_at_the_database(settings: Settings) -> None:
    async def run() -> Counter[int]:
        async with hooks(settings) as app:
            paths = [f"/hooks/klaviyo/kc_{number:016}" for number in range(1200)]
            answered = await asyncio.gather(*(post(app, path, flow_body()) for path in paths))
            return Counter(one.status for one in [*answered, await post(app, paths[-1], flow_body())])

    assert asyncio.run(run()) == {404: 1001, 503: 200}  # a look answers for 1,000


def test_the_hot_path_knows_nothing_of_django() -> None:
    program = "import sys, lumo.flows.hot; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_is_stored_beside_the_body(settings: Settings) -> None:
    workspace = make_workspace()
    account = make_account(settings, workspace)
    connection = make_connection(settings, workspace)
    body = flow_body(7, placement="pl_1", profile="01ABC", event=12.0)
    headers = {"X-Klaviyo-Flow-ID": "Flow7"}
    path = f"/hooks/klaviyo/{connection.public_id}"
    answered = asyncio.run(_post_once(settings, path=path, body=body, headers=headers))
    (kept,) = fetch(settings, "SELECT * FROM flow_requests")
    assert str(kept["id"]) == answered.content["id"]
    assert json.loads(kept["body"]) == json.loads(body)
    names = ("workspace_id", "connection_id", "account_id", "line_user_id", "flow_id", "placement", "profile", "event")
    expected = (workspace.pk, connection.pk, account.pk, line_user_id(7), "Flow7", "pl_1", "01ABC", "12")
    assert tuple(kept[name] for name in names) == expected


def _true_code(request_fields: dict[str, Any], expected: tuple[int, str]) -> str:
    """What is recorded: to the outside every 401 reads the same."""
    return "key_missing" if expected[0] == 401 and request_fields["key"] is None else expected[1]


async def _post_once(settings: Settings, *, path: str, **fields: Any) -> Answered:
    async with hooks(settings) as app:
        return await post(app, path, fields.pop("body", b""), **fields)
