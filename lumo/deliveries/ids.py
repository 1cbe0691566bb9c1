"""Delivery ids: unix milliseconds (41 bits), the flush's sequence number (12), the row in the flush (10).

They grow with time, so a range of ids is a range of time, and they need no round trip to the database.
"""

import secrets
import uuid
from datetime import datetime

from lumo.lib import clock

ROW_BITS, SEQUENCE_BITS = 10, 12
ROWS_PER_FLUSH = 1 << ROW_BITS
_TIME_SHIFT = ROW_BITS + SEQUENCE_BITS
_RETRY_KEYS = uuid.UUID("6f1c2f6e-8f0f-4d0e-9a3b-6b6f1f5c9d21")


class IdSource:
    """Hands out the first id of each flush; the rows of the flush follow it."""

    def __init__(self) -> None:
        self._sequence = secrets.randbelow(1 << SEQUENCE_BITS)  # two processes rarely meet in one millisecond

    def next_base(self) -> int:
        """The id of row 0 of a new flush, which also names its batch."""
        self._sequence = (self._sequence + 1) % (1 << SEQUENCE_BITS)
        return (clock.unix_ms() << _TIME_SHIFT) | (self._sequence << ROW_BITS)

    def next_single(self) -> int:
        """An id for one delivery apart from any flush: it has the last row of a flush, which no flush fills."""
        return self.next_base() | (ROWS_PER_FLUSH - 1)


def stored_at(delivery_id: int) -> datetime:
    """When the request of this id was stored."""
    return clock.from_unix_ms(delivery_id >> _TIME_SHIFT)


def first_id_at(moment: datetime) -> int:
    """The smallest id that a flush at this time can have: the bound of a partition or a retention."""
    return int(moment.timestamp() * 1000) << _TIME_SHIFT


def retry_key(delivery_id: int) -> str:
    """LINE's X-Line-Retry-Key of a delivery: the same on every attempt.

    https://developers.line.biz/en/docs/messaging-api/retrying-api-request/
    """
    return str(uuid.uuid5(_RETRY_KEYS, str(delivery_id)))
