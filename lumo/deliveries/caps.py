"""How many Flow messages a friend gets of one account in 24 hours, where the workspace limits it.

A message counts from the moment it is about to be sent; one that was not delivered gives its place back.
"""

from lumo.deliveries.rows import Row
from lumo.postgres.types import Connection

_LOCK_FRIEND = """
    INSERT INTO friends (account_id, line_user_id) VALUES ($1, $2)
    ON CONFLICT (account_id, line_user_id) DO UPDATE SET line_user_id = excluded.line_user_id
    RETURNING id
"""
_RESERVE = """
    INSERT INTO cap_reservations (delivery_id, friend_id, reserved_at)
    SELECT $1, $2, now()
    WHERE (
        SELECT count(*) FROM cap_reservations
        WHERE friend_id = $2 AND reserved_at > now() - interval '24 hours' AND delivery_id <> $1
    ) < $3
    ON CONFLICT (delivery_id) DO UPDATE SET reserved_at = excluded.reserved_at
    RETURNING delivery_id
"""


async def reserve(connection: Connection, row: Row, *, daily_cap: int) -> bool:
    """Whether this message is still within its friend's limit; if so it counts. Safe to ask again for a retry.

    The lock on the friend makes two messages at once count one after the other.
    """
    async with connection.transaction():
        friend_id = await connection.fetchval(_LOCK_FRIEND, row.account_id, row.line_user_id)
        row.has_cap_reservation = bool(await connection.fetchval(_RESERVE, row.delivery_id, friend_id, daily_cap))
    return row.has_cap_reservation
