"""The Flow runner: how Klaviyo takes each answer, tries again, and never posts a try twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from lumo.integrations.klaviyo.templates import TemplateFault
from lumo.messaging.get_json import build_direct_text_body
from lumo.sandbox.flow_record import FlowRecord, NewFlow, Run
from lumo.sandbox.flow_retries import LONGEST_MS, MOST_TRIES, RunState, Verdict, judge
from lumo.sandbox.flow_runner import FlowRunner, flow_record_path, post_due, post_what_is_due, start_run
from tests.serving import serving

T = TypeVar("T")
PICTURES = "http://127.0.0.1/static/messaging/samples"
BODY = build_direct_text_body(account="oa_sample", number=1)


class Destination:
    """A server that answers with `statuses` in turn, the last one for ever, and keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message["body"], message["more_body"]
        self.bodies.append(json.loads(content))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        await send({"type": "http.response.start", "status": status, "headers": [(b"location", b"/elsewhere")]})
        await send({"type": "http.response.body", "body": b'{"error": "sample"}' + b"x" * 3000})


@pytest.fixture
def record(tmp_path: Path) -> Iterator[FlowRecord]:
    with FlowRecord(flow_record_path(tmp_path / "sandbox" / "line.sqlite3")) as one:
        yield one


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "sent"),
        (202, "sent"),
        (204, "sent"),
        (301, "skipped"),
        (308, "skipped"),
        (400, "skipped"),
        (401, "skipped"),
        (404, "skipped"),
        (408, "skipped"),
        (422, "skipped"),
        (501, "skipped"),
        (504, "skipped"),
        (429, "waiting"),
        (500, "waiting"),
        (502, "waiting"),
        (503, "waiting"),
        (None, "waiting"),
    ],
)
def test_only_four_codes_and_silence_are_tried_again(status: int | None, state: RunState) -> None:
    verdict = judge(status, tries=1, started_ms=0, now_ms=0)
    assert verdict == Verdict(state, 1_300 if state == "waiting" else None)


def test_seventeen_tries_fit_into_a_day_and_the_last_one_fails() -> None:
    now_ms, tries = 0, 1
    while (verdict := judge(503, tries=tries, started_ms=0, now_ms=now_ms)).state == "waiting":
        assert verdict.next_try_ms
        now_ms, tries = verdict.next_try_ms, tries + 1
    assert (verdict.state, tries) == ("failed", MOST_TRIES)
    assert LONGEST_MS - 30 * 60 * 1000 < now_ms < LONGEST_MS


def test_no_try_comes_later_than_a_day_after_the_first() -> None:
    assert judge(503, tries=2, started_ms=0, now_ms=LONGEST_MS).state == "failed"


def test_a_run_is_posted_as_klaviyo_posts(record: FlowRecord) -> None:
    there = Destination(202)
    [run] = _post(record, there, times=1)
    flow = record.get_flow(run.flow_id)
    assert (run.state, run.next_try_ms) == ("sent", None)
    assert there.headers[0]["x-klaviyo-flow-id"] == flow.klaviyo_flow_id
    assert there.headers[0]["x-lumo-authentication-key"] == "a-key"
    assert there.headers[0]["content-type"] == "application/json"
    [body] = there.bodies
    assert (body["to"], body["esc"]) == ("U" + "5a3b1e" * 5 + "5a", "A&amp;B")
    [made] = record.list_tries(run.id)
    assert (made.status, len(made.answer), made.at_ms) == (202, 2000, run.created_ms)


def test_each_run_is_a_new_event_and_each_try_posts_the_same(record: FlowRecord) -> None:
    there = Destination(503, 503, 202)
    first, second = _post(record, there, times=2, runs=2)
    assert first.state == second.state == "sent"
    assert sorted(body["event"] for body in there.bodies[:2]) == sorted(body["event"] for body in there.bodies[2:])
    assert there.bodies[0]["event"] != there.bodies[1]["event"]


def test_after_seventeen_tries_the_run_has_failed(record: FlowRecord) -> None:
    [run] = _post(record, Destination(503), times=MOST_TRIES + 1)
    assert (run.state, run.next_try_ms) == ("failed", None)
    assert [one.status for one in record.list_tries(run.id)] == [503] * MOST_TRIES


def test_nothing_is_posted_before_it_is_due(record: FlowRecord) -> None:
    there = Destination(500)
    [run] = _post(record, there, times=1)
    assert post_due(record, run.created_ms + 1_299) == []
    assert len(there.bodies) == 1


def test_a_refusal_or_a_redirect_is_final_and_nobody_follows(record: FlowRecord) -> None:
    for status in (422, 307):
        there = Destination(status)
        [run] = _post(record, there, times=2)
        assert (run.state, len(there.bodies)) == ("skipped", 1)


def test_a_closed_port_is_tried_again(record: FlowRecord) -> None:
    run = _start(record, "http://127.0.0.1:9")
    [made] = post_due(record, run.created_ms)
    assert made.status is None
    assert "127.0.0.1" in made.answer
    assert record.get_run(run.id).state == "waiting"


def test_who_is_not_linked_is_posted_with_an_empty_recipient(record: FlowRecord) -> None:
    there = Destination(422)
    [run] = _post(record, there, times=1, profile_key="not_linked")
    assert there.bodies[0]["to"] == ""
    assert run.state == "skipped"


def test_a_flow_without_a_metric_has_no_event(record: FlowRecord) -> None:
    there = Destination(202)
    _post(record, there, times=1, event_key="")
    assert there.bodies[0]["event"] == ""


@pytest.mark.parametrize(
    "body",
    ["{% include '/etc/passwd' %}", "{% load os %}", "{{ 'x'|nothing }}", "{% for a in event.Items %}", "{% debug %}"],
)
def test_a_hostile_body_is_refused_with_a_sentence_and_stores_nothing(record: FlowRecord, body: str) -> None:
    flow = record.add_flow(_new_flow("http://127.0.0.1:9", body=body), now_ms=0)
    with pytest.raises(TemplateFault, match=r"\w+ .+\w") as caught:
        start_run(record, flow.id, profile_key="hanako", event_key="abandoned_cart", pictures=PICTURES)
    assert "\n" not in str(caught.value)
    assert record.list_runs(flow.id, limit=9) == []


@pytest.mark.parametrize(("profile_key", "event_key"), [("nobody", "abandoned_cart"), ("hanako", "nothing")])
def test_what_is_no_sample_is_a_key_error(record: FlowRecord, profile_key: str, event_key: str) -> None:
    flow = record.add_flow(_new_flow("http://127.0.0.1:9"), now_ms=0)
    with pytest.raises(KeyError):
        start_run(record, flow.id, profile_key=profile_key, event_key=event_key, pictures=PICTURES)


def test_what_waits_survives_a_restart(record: FlowRecord, tmp_path: Path) -> None:
    there = Destination(503, 202)
    [run] = _post(record, there, times=1)
    record.close()
    with FlowRecord(tmp_path / "sandbox" / "klaviyo.sqlite3") as again:
        due = again.get_run(run.id).next_try_ms
        assert due
        _serve(there, lambda url: _move_and_post(again, run, url, due))
        assert again.get_run(run.id).state == "sent"
        assert len(again.list_tries(run.id)) == 2


def test_a_try_that_died_with_its_process_is_made_again(record: FlowRecord) -> None:
    run = _start(record, "http://127.0.0.1:9")
    assert [one.id for one in record.claim_due(now_ms=run.created_ms, limit=9)] == [run.id]
    assert post_due(record, run.created_ms + 59_999) == []
    assert len(post_due(record, run.created_ms + 60_000)) == 1


def test_two_processes_never_post_the_same_try(record: FlowRecord, tmp_path: Path) -> None:
    there = Destination(202)

    async def both(url: str) -> None:
        flow = record.add_flow(_new_flow(url), now_ms=0)
        for number in range(30):
            record.add_run(flow.id, profile_key="", event_key="", body=f'{{"event": {number}}}', now_ms=0)
        with FlowRecord(tmp_path / "sandbox" / "klaviyo.sqlite3") as other:
            for _ in range(2):
                await asyncio.gather(*(asyncio.to_thread(post_due, each, 1) for each in (record, other)))

    _serve(there, both)
    assert len(there.bodies) == len({body["event"] for body in there.bodies}) == 30


def test_the_runner_posts_in_the_background_until_it_is_stopped(record: FlowRecord, tmp_path: Path) -> None:
    there = Destination(202)

    async def run_one(url: str) -> None:
        runner = FlowRunner(tmp_path / "sandbox" / "klaviyo.sqlite3")
        await runner.start()
        run = _start(record, url)
        async with asyncio.timeout(20):
            while record.get_run(run.id).state != "sent":
                await asyncio.sleep(0.01)
        await runner.stop()

    _serve(there, run_one)
    assert len(there.bodies) == 1


def test_a_changed_flow_keeps_its_id_for_klaviyo(record: FlowRecord) -> None:
    flow = record.add_flow(_new_flow("http://127.0.0.1:9"), now_ms=7)
    record.change_flow(flow.id, _new_flow("http://127.0.0.1:10"))
    changed = record.get_flow(flow.id)
    assert changed == msgspec.structs.replace(flow, destination_url="http://127.0.0.1:10")
    assert len(flow.klaviyo_flow_id) == 6
    assert record.list_flows() == [(changed, None)]


def _new_flow(url: str, *, body: str = BODY) -> NewFlow:
    return NewFlow(
        name="Abandoned cart",
        metric="Checkout Started",
        destination_url=url,
        header_name="X-Lumo-Authentication-Key",
        header_value="a-key",
        body=body,
    )


def _start(record: FlowRecord, url: str, *, profile_key: str = "hanako", event_key: str = "one_product") -> Run:
    flow = record.add_flow(_new_flow(url), now_ms=0)
    return start_run(record, flow.id, profile_key=profile_key, event_key=event_key, pictures=PICTURES)


def _post(record: FlowRecord, there: Destination, *, times: int, runs: int = 1, **choices: str) -> list[Run]:
    """Start runs and post so many times, each time when all of them are due; returns the runs as they are."""

    async def post(url: str) -> list[Run]:
        started = [_start(record, url, **choices) for _ in range(runs)]
        for _ in range(times):
            due = [record.get_run(run.id).next_try_ms for run in started]
            await post_what_is_due(record, max((each for each in due if each), default=0))
        return [record.get_run(run.id) for run in started]

    return _serve(there, post)


async def _move_and_post(record: FlowRecord, run: Run, url: str, now_ms: int) -> None:
    """The destination has another port by now."""
    record.change_flow(run.flow_id, _new_flow(url))
    await post_what_is_due(record, now_ms)


def _serve(there: Destination, use: Callable[[str], Awaitable[T]]) -> T:
    async def run() -> T:
        async with serving(there) as url:
            return await use(url)

    return asyncio.run(run())
