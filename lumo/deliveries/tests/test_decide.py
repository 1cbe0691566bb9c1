"""Decisions as a table: the first reason of DESIGN §5's order wins."""

from datetime import UTC, datetime, time, timedelta

import msgspec
import pytest

from lumo.deliveries.decide import SEND, Facts, Verdict, decide, find_quiet_end

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # in Tokyo
FACTS = Facts(stored_at=NOON - timedelta(minutes=1), expires_at=NOON + timedelta(hours=22), time_zone="Asia/Tokyo")
NIGHT = {"quiet_from": time(21, 0), "quiet_until": time(8, 0)}
OVER_NOON = {"quiet_from": time(11, 30), "quiet_until": time(12, 30)}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, SEND),
        ({"friend_state": "unknown"}, SEND),
        ({"friend_state": "following", "consent": True}, SEND),
        ({"consent": None}, SEND),
        ({"consent": False, "requires_consent": False}, SEND),
        ({"consent": False}, Verdict("skip", "no_consent")),
        ({"friend_state": "blocked"}, Verdict("fail", "blocked")),
        ({"friend_state": "blocked", "consent": False, "paused_reason": "quota"}, Verdict("fail", "blocked")),
        ({"paused_reason": "line_token"}, Verdict("hold", "line_token")),
        ({"paused_reason": "quota", "consent": False}, Verdict("skip", "no_consent")),
        ({"paused_reason": "quota", **OVER_NOON}, Verdict("hold", "quota")),
        ({"expires_at": NOON}, Verdict("fail", "expired")),
        ({"expires_at": NOON, "paused_reason": "quota"}, Verdict("fail", "quota")),
        ({"expires_at": NOON, "friend_state": "blocked"}, Verdict("fail", "expired")),
        (NIGHT, SEND),
        (OVER_NOON, Verdict("hold", "quiet_hours", NOON + timedelta(minutes=30))),
        ({**OVER_NOON, "expires_at": NOON + timedelta(minutes=30)}, Verdict("skip", "quiet_hours")),
    ],
)
def test_the_first_reason_decides(changes: dict[str, object], verdict: Verdict) -> None:
    assert decide(msgspec.structs.replace(FACTS, **changes), now=NOON) == verdict


@pytest.mark.parametrize(
    ("zone", "quiet", "now", "end"),
    [
        ("Asia/Tokyo", ("21:00", "08:00"), "2026-11-24T20:59:59+09:00", None),
        ("Asia/Tokyo", ("21:00", "08:00"), "2026-11-24T21:00:00+09:00", "2026-11-25T08:00:00+09:00"),
        ("Asia/Tokyo", ("21:00", "08:00"), "2026-11-25T07:59:59+09:00", "2026-11-25T08:00:00+09:00"),
        ("Asia/Tokyo", ("21:00", "08:00"), "2026-11-25T08:00:00+09:00", None),
        ("Asia/Tokyo", ("21:00", "08:00"), "2026-12-31T23:00:00+09:00", "2027-01-01T08:00:00+09:00"),
        ("Asia/Tokyo", ("09:00", "09:00"), "2026-11-24T09:00:00+09:00", None),
        # Clocks go forward: 02:30 does not exist on this day; it ends when that time has certainly passed.
        ("Europe/Berlin", ("22:00", "02:30"), "2026-03-29T00:30:00+01:00", "2026-03-29T02:30:00+01:00"),
        # Clocks go back: 02:30 comes twice, and the second ends the quiet hours.
        ("Europe/Berlin", ("22:00", "02:30"), "2026-10-25T02:15:00+02:00", "2026-10-25T02:30:00+01:00"),
        ("Europe/Berlin", ("22:00", "02:30"), "2026-10-25T02:15:00+01:00", "2026-10-25T02:30:00+01:00"),
        ("Asia/Kathmandu", ("22:00", "06:15"), "2026-11-24T23:00:00+05:45", "2026-11-25T06:15:00+05:45"),
    ],
)
def test_quiet_hours_end(zone: str, quiet: tuple[str, str], now: str, end: str | None) -> None:
    quiet_from, quiet_until = (time.fromisoformat(text) for text in quiet)
    facts = msgspec.structs.replace(FACTS, time_zone=zone, quiet_from=quiet_from, quiet_until=quiet_until)
    moment = datetime.fromisoformat(now).astimezone(UTC)
    found = find_quiet_end(facts, now=moment)
    assert found == (datetime.fromisoformat(end) if end else None)
    assert found is None or found > moment
