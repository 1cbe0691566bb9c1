"""The rows of a batch: what the worker has in hand while it sends."""

from datetime import datetime

import msgspec

from lumo.postgres.types import Connection


class Row(msgspec.Struct, kw_only=True):
    """One waiting delivery with its request and its friend, as loaded; `attempts` and what follows change in hand.

    `is_retry` tells the table it waits in: `retries`, else `queue`. `body` is missing once `payload`, the rendered
    request, is stored; `message` is the public id of the Auto Send Message that the request names, `revision_id` that
    of what `payload` was made from. `friend_state` is None for a LINE user whom Lumo has not met. `is_in_doubt`: an
    attempt got no answer, LINE may have accepted it.
    """

    delivery_id: int
    batch_id: int
    workspace_id: int
    account_id: int
    line_user_id: str
    priority: int
    stored_at: datetime
    request_id: int
    is_retry: bool
    flow_id: str
    placement: str
    profile: str
    message: str
    body: bytes | None
    friend_state: str | None
    consent: bool | None
    display_name: str
    attempts: int
    is_in_doubt: bool
    first_attempt_at: datetime | None
    payload: bytes | None
    revision_id: int | None
    has_cap_reservation: bool = False


_COLUMNS = """
    delivery_id, batch_id, account.workspace_id, w.account_id, w.line_user_id, priority, stored_at, request_id,
    {is_retry} AS is_retry,
    coalesce(flow_id, '') AS flow_id, coalesce(placement, '') AS placement, coalesce(profile, '') AS profile,
    coalesce(message, '') AS message, {body},
    friend.state AS friend_state, friend.consent, coalesce(friend.display_name, '') AS display_name, {attempts}
"""
_JOINS = """
    JOIN official_accounts account ON account.id = w.account_id
    LEFT JOIN flow_requests request ON request.id = w.request_id
    LEFT JOIN friends friend ON friend.account_id = w.account_id AND friend.line_user_id = w.line_user_id
    WHERE batch_id = $1
"""
_NEW = _COLUMNS.format(
    is_retry="false",
    body="body",
    attempts="0::smallint AS attempts, false AS is_in_doubt,"
    " null::timestamptz AS first_attempt_at, null::bytea AS payload, null::bigint AS revision_id",
)
_WAITED = _COLUMNS.format(
    is_retry="true",
    body="CASE WHEN payload IS NULL THEN body END AS body",
    attempts="attempts, is_in_doubt, first_attempt_at, payload, revision_id",
)
_LOAD = f"SELECT {_NEW} FROM queue w {_JOINS} UNION ALL SELECT {_WAITED} FROM retries w {_JOINS}"


async def load_batch(connection: Connection, batch_id: int) -> list[Row]:
    """What is left of a batch: nothing when another run finished it."""
    return [Row(**record) for record in await connection.fetch(_LOAD, batch_id)]
