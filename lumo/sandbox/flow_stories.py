"""Runs as Klaviyo's activity page tells them: who, with what, and how each try was answered."""

from datetime import datetime
from http import HTTPStatus

import msgspec
from django.utils.translation import gettext as _

from lumo.lib import clock
from lumo.messaging.samples import sample_events
from lumo.sandbox.flow_record import Run, Try
from lumo.sandbox.flow_retries import MOST_TRIES, RunState
from lumo.sandbox.flow_runner import find_profile


class ShownRun(msgspec.Struct, frozen=True):
    """A run for a list. `person` and `event` are names, `event` empty when no metric started it; `at` in UTC."""

    id: int
    profile_key: str
    event_key: str
    person: str
    event: str
    state: RunState
    at: datetime


class ShownTry(msgspec.Struct, frozen=True):
    """A try; `status` is the code with its name, or that there was no answer."""

    number: int
    at: datetime
    status: str
    is_good: bool
    answer: str


class Story(msgspec.Struct, frozen=True):
    """A run with its tries. `sentence` says in plain words where it stands; `next_try_at` is None when none follows."""

    run: ShownRun
    body: str
    sentence: str
    label: str
    tries: list[ShownTry]
    next_try_at: datetime | None


def describe_run(run: Run) -> ShownRun:
    """The run by the names of its person and event."""
    profile = find_profile(run.profile_key)
    title = _TITLES.get(run.event_key, run.event_key)
    return ShownRun(
        id=run.id,
        profile_key=run.profile_key,
        event_key=run.event_key,
        person=profile.name() if profile else run.profile_key,
        event=_(title) if title else "",
        state=run.state,
        at=clock.from_unix_ms(run.created_ms),
    )


def tell(run: Run, tries: list[Try]) -> Story:
    """The story so far."""
    status = tries[-1].status if tries else None
    is_over = run.next_try_ms is None
    next_try_at = None if is_over or not tries else clock.from_unix_ms(run.next_try_ms or 0)
    shown = [_show(number, one) for number, one in enumerate(tries, 1)]
    return Story(describe_run(run), run.body, _sentence(run, tries), _label(run.state, status), shown, next_try_at)


def _show(number: int, one: Try) -> ShownTry:
    is_good = one.status is not None and one.status < 300
    return ShownTry(number, clock.from_unix_ms(one.at_ms), name_status(one.status), is_good, one.answer)


def name_status(status: int | None) -> str:
    """A status with its name, as in "422 Unprocessable Entity"."""
    if status is None:
        return _("No answer")
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _label(state: RunState, status: int | None) -> str:
    """Klaviyo's word beside the person."""
    if state == "sent":
        return _("Sent")
    if state == "skipped":
        return _("Skipped (%(status)s)") % {"status": name_status(status)}
    return _("Failed") if state == "failed" else _("Waiting")


def _sentence(run: Run, tries: list[Try]) -> str:
    if run.state == "sent":
        return _("Lumo has taken the request. What became of the message is in the Delivery log and on the phone.")
    if run.state == "skipped":
        return _("Klaviyo has skipped this person for good and shows the code beside them. It does not try again.")
    if run.state == "failed":
        return _("Klaviyo has given up after %(count)d tries within 24 hours.") % {"count": len(tries)}
    if not tries:
        return _("Klaviyo is about to post.")
    place = {"number": len(tries) + 1, "most": MOST_TRIES}
    return _("Klaviyo tries again, as this fault may pass. Next is try %(number)d of %(most)d.") % place


_TITLES = {event.key: event.title for event in sample_events(pictures="")}
