"""What one look at a row came to: finished for good, or waiting for another try."""

from datetime import datetime
from typing import Literal

import msgspec

from lumo.deliveries.rows import Row

State = Literal["delivered", "failed", "skipped"]


class Finished(msgspec.Struct, frozen=True):
    """A final result. `reason` is null or a code of the catalogue; `detail` LINE's words or a trace id."""

    row: Row
    state: State
    reason: str | None = None
    detail: str = ""
    line_request_id: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """To be looked at again at `due_at`; at None when its account works again."""

    row: Row
    due_at: datetime | None
    reason: str
    detail: str = ""


Outcome = Finished | Waiting
