"""Whether a waiting message may go to its friend now: a pure function, asked before every attempt."""

from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision rests on. Times are aware; quiet hours are local times of `time_zone`, both or neither."""

    stored_at: datetime
    expires_at: datetime
    paused_reason: str = ""
    friend_state: str | None = None
    consent: bool | None = None
    requires_consent: bool = True
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"


class Verdict(msgspec.Struct, frozen=True):
    """What to do and why. A hold without `until` lasts until its account works again."""

    action: Literal["send", "hold", "skip", "fail"]
    reason: str | None = None
    until: datetime | None = None


SEND = Verdict("send")


def decide(facts: Facts, *, now: datetime) -> Verdict:
    """Send, hold, skip or fail; of several reasons the first in this order (DESIGN §5)."""
    if now >= facts.expires_at:
        return Verdict("fail", facts.paused_reason or "expired")
    if facts.friend_state == "blocked":
        return Verdict("fail", "blocked")
    if facts.requires_consent and facts.consent is False:
        return Verdict("skip", "no_consent")
    if facts.paused_reason:
        return Verdict("hold", facts.paused_reason)
    quiet_end = find_quiet_end(facts, now=now)
    if quiet_end is None:
        return SEND
    if quiet_end < facts.expires_at:
        return Verdict("hold", "quiet_hours", quiet_end)
    return Verdict("skip", "quiet_hours")


def find_quiet_end(facts: Facts, *, now: datetime) -> datetime | None:
    """When the quiet hours that `now` lies in end, in UTC; None outside of them.

    They may span midnight. An end that a clock change skips or repeats is taken as late as it can be.
    """
    start, end = facts.quiet_from, facts.quiet_until
    if start is None or end is None or start == end:
        return None
    local = now.astimezone(ZoneInfo(facts.time_zone))
    at = local.time()
    spans_midnight = start > end
    inside = (at >= start or at < end) if spans_midnight else start <= at < end
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if spans_midnight and at >= start else 0)
    ends = (datetime.combine(day, end, tzinfo=local.tzinfo).replace(fold=fold) for fold in (0, 1))
    return max(moment.astimezone(now.tzinfo) for moment in ends)
