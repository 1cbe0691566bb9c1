"""The sandbox's sample: a customer starts a checkout, her Flow posts, and what becomes of it is told line by line."""

import sqlite3
import time
from collections.abc import Callable

import msgspec
from django.db import connection

from lumo.config import sample_shop
from lumo.config.sample_shop import SampleFlow
from lumo.deliveries import ids
from lumo.integrations.errors import ProviderError
from lumo.integrations.klaviyo.templates import TemplateFault
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.sandbox.flow_record import FlowRecord, Run, Try
from lumo.sandbox.flow_runner import find_profile, post_due, start_run
from lumo.sandbox.record import LineRecord, Push

Say = Callable[[str], None]

_PATIENCE = 30.0  # seconds
_PERSON, _EVENT = "hanako", "abandoned_cart"
_RESULT = "SELECT state, coalesce(reason, ''), detail FROM deliveries WHERE id = %s"


class _Accepted(msgspec.Struct, frozen=True):
    """The body of a 202."""

    id: str


class _Sent(msgspec.Struct, frozen=True):
    """A request that was taken: the delivery's id, and when it was posted, on the monotonic clock and in unix ms."""

    id: int
    posted_at: float
    posted_ms: int


def send_sample(settings: Settings, *, say: Say, pause: Callable[[], None]) -> None:
    """Set the sample shop up if nobody has, run its Flow for abandoned carts, and tell what becomes of it.

    Each call sends a new message. Calls `pause` while it waits. A failure is told, not raised.
    """
    try:
        sample = sample_shop.set_up(settings)
        sent = _post(settings, sample, say=say, pause=pause)
        if sent:
            _follow(sample, sent, say=say, pause=pause)
    except (OSError, ProviderError, TemplateFault, sqlite3.Error) as error:
        say(f"The sample message can't be sent: {error}")
    finally:
        connection.close()


def _post(settings: Settings, sample: SampleFlow, *, say: Say, pause: Callable[[], None]) -> _Sent | None:
    """Let the sample customer come to the Flow; None when the request is refused."""
    person = find_profile(_PERSON)
    assert person is not None
    with FlowRecord(sample_shop.flow_record()) as record:
        run = start_run(
            record,
            sample.flow.id,
            profile_key=_PERSON,
            event_key=_EVENT,
            pictures=sample_shop.pictures(settings),
        )
        say(f"{person.name()} starts a checkout: Klaviyo's Flow “{sample.flow.name}” calls Lumo")
        posted_at, posted_ms = time.perf_counter(), clock.unix_ms()
        post_due(record, posted_ms, ca_file=settings.ca_file)
        answer = _await_answer(record, run, pause=pause)
    if answer is None or answer.status != 202:
        say(f"The request was not taken: {answer.status or ''} {answer.answer}" if answer else "Nobody posted it.")
        return None
    say(f"request → 202 in {_milliseconds_since(posted_at)} ms")
    return _Sent(int(msgspec.json.decode(answer.answer, type=_Accepted).id), posted_at, posted_ms)


def _await_answer(record: FlowRecord, run: Run, *, pause: Callable[[], None]) -> Try | None:
    """The run's first try: the sandbox's own Flow runner may have been quicker than we."""
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        tries = record.list_tries(run.id)
        if tries:
            return tries[0]
        pause()
    return None


def _follow(sample: SampleFlow, sent: _Sent, *, say: Say, pause: Callable[[], None]) -> None:
    """Tell when LINE accepted the message, by its own record, and when the result was stored."""
    is_accepted = False
    with LineRecord(sample_shop.line_record()) as record:
        while time.perf_counter() < sent.posted_at + _PATIENCE:
            pause()
            push = record.find_push_by_retry_key(sample.channel_id, ids.retry_key(sent.id))
            if push and not is_accepted:
                is_accepted = True
                say(f"LINE accepted in {push.arrived_ms - sent.posted_ms} ms: {_describe(push)}")
            result = _find_result(sent.id)
            if result:
                say(f"result stored in {_milliseconds_since(sent.posted_at)} ms: {result} ({sent.id})")
                return
    say(f"No result within {_PATIENCE:.0f} s. Look again later: lumo deliveries show {sent.id}")


def _describe(push: Push) -> str:
    """What was sent, in a few words."""
    contents = [message.get("contents", {}) for message in push.decoded()["messages"]]
    cards = sum(len(one.get("contents", [one])) for one in contents if one)
    return f"{len(contents)} messages, {cards} product cards"


def _find_result(delivery_id: int) -> str | None:
    """State, reason and LINE's words of a delivery, once it is final."""
    with connection.cursor() as cursor:
        cursor.execute(_RESULT, [delivery_id])
        row = cursor.fetchone()
    return " ".join(part for part in row if part) if row else None


def _milliseconds_since(moment: float) -> int:
    return round((time.perf_counter() - moment) * 1000)
