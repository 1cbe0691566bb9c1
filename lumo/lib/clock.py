"""The one place that asks what time it is."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def unix_ms() -> int:
    """Milliseconds since 1970, as delivery ids carry them."""
    return time.time_ns() // 1_000_000


def from_unix_ms(milliseconds: int) -> datetime:
    """The aware UTC time of a count of milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
