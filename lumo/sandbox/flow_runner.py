"""Klaviyo's part in a Flow: renders the body of a Webhook action for a person, posts it, tries again.

https://developers.klaviyo.com/en/docs/how_to_add_a_webhook_action_to_a_flow
"""

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from lumo.integrations.errors import TransientError
from lumo.integrations.http import Answer, Http
from lumo.integrations.klaviyo.bounded import Job, render_bounded
from lumo.integrations.klaviyo.templates import TemplateFault, build_context
from lumo.lib import clock
from lumo.lib.logs import get_logger
from lumo.messaging.samples import ORGANIZATION, SampleEvent, SampleProfile, sample_events, sample_profiles
from lumo.sandbox.flow_record import Flow, FlowRecord, Run, Try
from lumo.sandbox.flow_retries import judge

log = get_logger(__name__)

_AT_ONCE = 20  # tries
_LOOK_SECONDS = 0.25
_TIME_OUT = 10.0  # seconds; Klaviyo's is undocumented


def flow_record_path(line_record: Path) -> Path:
    """Where the record of Flows lies: beside that of LINE."""
    return line_record.with_name("klaviyo.sqlite3")


def find_profile(key: str) -> SampleProfile | None:
    """The sample customer of that key."""
    return next((profile for profile in sample_profiles() if profile.key == key), None)


def find_event(key: str, *, pictures: str) -> SampleEvent | None:
    """The sample event of that key; `pictures` as `sample_events` takes it."""
    return next((event for event in sample_events(pictures=pictures) if event.key == key), None)


def make_context(*, profile_key: str, event_key: str, pictures: str) -> dict[str, Any]:
    """What the template of a Webhook action sees. Each call is a new event, with an id of its own.

    An empty `event_key` is a Flow that no metric starts. Raises KeyError for what is no sample.
    """
    profile, event = find_profile(profile_key), find_event(event_key, pictures=pictures)
    if profile is None or (event_key and event is None):
        raise KeyError(profile_key, event_key)
    properties = {**event.properties, "$event_id": uuid4().hex} if event else None
    return build_context(person=profile.person, event=properties, organization=ORGANIZATION)


def start_run(
    record: FlowRecord, flow_id: int, *, profile_key: str, event_key: str, pictures: str, escapes_html: bool = True
) -> Run:
    """Let a sample person come to a Flow's Webhook action with a new event: rendered and stored, due now.

    Raises KeyError for what does not exist, TemplateFault when the body can't be rendered.
    """
    flow = record.get_flow(flow_id)
    context = make_context(profile_key=profile_key, event_key=event_key, pictures=pictures)
    [rendered] = render_bounded(flow.body, [Job(context, escapes_html)])
    if isinstance(rendered, TemplateFault):
        raise rendered
    now_ms = clock.unix_ms()
    return record.add_run(flow_id, profile_key=profile_key, event_key=event_key, body=rendered, now_ms=now_ms)


def post_due(record: FlowRecord, now_ms: int, *, ca_file: str = "") -> list[Try]:
    """Post whatever is due at `now_ms`, at most 20 tries; returns those that were made, when all are answered."""
    return asyncio.run(post_what_is_due(record, now_ms, ca_file=ca_file))


async def post_what_is_due(record: FlowRecord, now_ms: int, *, ca_file: str = "") -> list[Try]:
    """The same for an event loop. A try that is cancelled is made again a minute later."""
    runs = record.claim_due(now_ms=now_ms, limit=_AT_ONCE)
    if not runs:
        return []
    async with Http(ca_file=ca_file, timeout=_TIME_OUT) as http:
        return list(await asyncio.gather(*(_try(record, http, run, now_ms) for run in runs)))


class FlowRunner:
    """Posts in the background from `start` to `stop`; any number of processes may run one on the same record."""

    def __init__(self, path: Path, *, ca_file: str = "") -> None:
        self._path = path
        self._ca_file = ca_file
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; a try that is under way is made again by whoever runs next."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                with FlowRecord(self._path) as record:
                    await self._watch(record)
            except (sqlite3.Error, OSError) as error:  # such as a data folder that was emptied, or is full
                log.warning("the record of Flows can't be used", error=str(error))
                await asyncio.sleep(_LOOK_SECONDS * 20)

    async def _watch(self, record: FlowRecord) -> None:
        while True:
            await post_what_is_due(record, clock.unix_ms(), ca_file=self._ca_file)
            await asyncio.sleep(_LOOK_SECONDS)


async def _try(record: FlowRecord, http: Http, run: Run, now_ms: int) -> Try:
    flow = record.get_flow(run.flow_id)
    status, answer = await _post(http, flow, run.body)
    with record.transaction():
        made = record.add_try(run.id, at_ms=now_ms, status=status, answer=answer)
        tries = len(record.list_tries(run.id))
        record.set_verdict(run.id, judge(status, tries=tries, started_ms=run.created_ms, now_ms=now_ms))
    return made


async def _post(http: Http, flow: Flow, body: str) -> tuple[int | None, str]:
    """Status and answer; no status and the reason when none came. Redirects are answers: nobody follows them."""
    headers = {"content-type": "application/json", "x-klaviyo-flow-id": flow.klaviyo_flow_id}
    if flow.header_name:
        headers[flow.header_name] = flow.header_value
    try:
        answer: Answer = await http.send(
            "POST", flow.destination_url, headers=headers, body=body.encode("utf-8", "replace")
        )
    except TransientError as error:
        return None, str(error)
    except ValueError:
        return None, "The Destination URL or a header is none that HTTP takes."
    return answer.status, answer.body.decode("utf-8", "replace")
