"""Deliveries in any state, made by the code that makes them: a request received, then finished or held."""

import asyncio
import json
from datetime import datetime
from typing import Any

import asyncpg

from lumo.accounts.models import OfficialAccount
from lumo.deliveries.enqueue import Incoming, store
from lumo.deliveries.ids import IdSource
from lumo.deliveries.outcomes import Finished, Outcome, State, Waiting
from lumo.deliveries.results import write
from lumo.deliveries.rows import Row, load_batch
from lumo.lib import clock
from lumo.lib.settings import Settings
from tests.factories import line_user_id

_IDS = IdSource()


def receive(
    settings: Settings,
    account: OfficialAccount,
    number: int = 0,
    *,
    base_id: int | None = None,
    content: dict[str, Any] | None = None,
    **fields: Any,
) -> int:
    """Store one request for the n-th LINE user as a flush does; its id, which is also its batch's.

    `content` changes the body, `fields` what is stored beside it: `code` and `dedupe_key` make it refused or a
    duplicate.
    """
    own_id = base_id or _IDS.next_base()
    body = {"to": line_user_id(number), "text": "Hello.", **(content or {})}
    known = {
        "body": json.dumps(body).encode(),
        "workspace_id": account.workspace_id,
        "connection_id": 1,
        "account_id": account.pk,
        "line_user_id": line_user_id(number),
        "dedupe_key": b"%d" % own_id,
    }
    incoming = Incoming(**{**known, **fields})

    async def run() -> None:
        connection = await asyncpg.connect(settings.database_url)
        try:
            async with connection.transaction():
                await store(connection, [incoming], base_id=own_id, dedupe_kept=90_000)
        finally:
            await connection.close()

    asyncio.run(run())
    return own_id


def finish(
    settings: Settings,
    delivery_id: int,
    state: State = "delivered",
    reason: str | None = None,
    *,
    detail: str = "",
    line_request_id: str = "",
    **changes: Any,
) -> int:
    """Write the final result of a received request; `changes` are those of its row in hand. Returns its id."""
    row = _attempted(load(settings, delivery_id), changes)
    write_outcome(settings, Finished(row, state, reason, detail, line_request_id))
    return delivery_id


def hold(settings: Settings, delivery_id: int, reason: str, *, due_at: datetime | None = None) -> int:
    """Let a received request wait with its rendered bytes, until its account works again if no time is given."""
    row = _attempted(load(settings, delivery_id), {})
    row.payload = json.dumps({"to": row.line_user_id}).encode()
    write_outcome(settings, Waiting(row, due_at, reason))
    return delivery_id


def load(settings: Settings, batch_id: int) -> Row:
    """The only row of a batch, as a worker takes it in hand."""

    async def run() -> list[Row]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            return await load_batch(connection, batch_id)
        finally:
            await connection.close()

    [row] = asyncio.run(run())
    return row


def write_outcome(settings: Settings, outcome: Outcome) -> None:
    """What a worker does with an outcome."""

    async def run() -> None:
        async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
            await write(pool, [outcome])

    asyncio.run(run())


def _attempted(row: Row, changes: dict[str, Any]) -> Row:
    row.attempts, row.first_attempt_at = 1, clock.now()
    for name, value in changes.items():
        setattr(row, name, value)
    return row
