"""How Klaviyo takes the answer to a Webhook action, and when it tries again.

https://developers.klaviyo.com/en/docs/understanding_webhook_status_codes: 2xx is sent; 429, 500, 502 and 503 are tried
again with exponential back-off, up to 17 times in 24 hours; all else is skipped for good.
"""

from typing import Literal

import msgspec

RunState = Literal["waiting", "sent", "skipped", "failed"]

MOST_TRIES = 17
LONGEST_MS = 24 * 60 * 60 * 1000
_FIRST_PAUSE_MS = 1_300  # doubled 15 times, all pauses together are 23 h 40 min
_TRIED_AGAIN = {429, 500, 502, 503}


class Verdict(msgspec.Struct, frozen=True):
    """What a run is after a try; `next_try_ms` is None unless it waits for another."""

    state: RunState
    next_try_ms: int | None = None


def judge(status: int | None, *, tries: int, started_ms: int, now_ms: int) -> Verdict:
    """What becomes of a run that was answered `status` now (None: no answer), at its try number `tries`.

    Times are unix milliseconds; `started_ms` is when the person came to the action.
    """
    if status is not None and 200 <= status < 300:
        return Verdict("sent")
    # Klaviyo does not say what it does when no answer comes: taken here for a server that is away for a moment.
    if status is not None and status not in _TRIED_AGAIN:
        return Verdict("skipped")
    next_try_ms = now_ms + _FIRST_PAUSE_MS * 2 ** (tries - 1)
    if tries >= MOST_TRIES or next_try_ms > started_ms + LONGEST_MS:
        return Verdict("failed")
    return Verdict("waiting", next_try_ms)
