"""Requests on their way into a flush, and what the flush's own transaction still finds against them."""

from collections import Counter
from collections.abc import Mapping, Sequence

import asyncpg
import msgspec

from lumo.deliveries.enqueue import Incoming
from lumo.flows.answers import Answer
from lumo.postgres.types import Connection

# Under a share lock a reissue or switch-off either waits for our commit or is seen here: exact at its own commit.
_CURRENT = """
    SELECT c.id, c.workspace_id, key_version, is_enabled, requests_per_second
    FROM klaviyo_connections c JOIN workspaces w ON w.id = c.workspace_id
    WHERE c.id = ANY($1::bigint[]) FOR SHARE OF c
"""
_COUNT_RATES = """
    INSERT INTO request_rates AS r (workspace_id, second, count)
    SELECT workspace_id, floor(extract(epoch FROM clock_timestamp())), count
    FROM unnest($1::bigint[], $2::integer[]) AS mine (workspace_id, count) ORDER BY workspace_id
    ON CONFLICT (workspace_id) DO UPDATE SET
        count = CASE WHEN r.second < excluded.second THEN excluded.count ELSE r.count + excluded.count END,
        second = greatest(r.second, excluded.second)
    RETURNING workspace_id, count
"""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request that proved itself with the key of `key_version`; None for the sample of one that did not.

    `answer` is what a request that is refused is told whatever happens; one to be sent has none.
    """

    incoming: Incoming
    key_version: int | None
    answer: Answer | None = None


async def find_late_refusals(connection: Connection, arrivals: Sequence[Arrival]) -> list[str | None]:
    """The code by which the database refuses each arrival after all; None for those to store. Samples pass.

    Counts the others against their workspace's own rate, which all processes share.
    """
    ids = sorted({arrival.incoming.connection_id for arrival in arrivals})
    current = {record["id"]: record for record in await connection.fetch(_CURRENT, ids)}
    codes = [_find_refusal(arrival, current.get(arrival.incoming.connection_id)) for arrival in arrivals]
    limits = {record["workspace_id"]: record["requests_per_second"] for record in current.values()}
    limited = [
        row
        for row, arrival in enumerate(arrivals)
        if codes[row] is None and arrival.key_version is not None and limits[arrival.incoming.workspace_id] is not None
    ]
    if limited:
        workspace_ids = [arrivals[row].incoming.workspace_id for row in limited]
        left = await _count_rates(connection, Counter(workspace_ids), limits)
        for row, workspace_id in zip(limited, workspace_ids, strict=True):
            left[workspace_id] -= 1
            if left[workspace_id] < 0:
                codes[row] = "too_many"
    return codes


def _find_refusal(arrival: Arrival, current: asyncpg.Record | None) -> str | None:
    if arrival.key_version is None:
        return None
    if current is None or not current["is_enabled"]:
        return "connection_disabled"
    return None if current["key_version"] == arrival.key_version else "key_reissued"


async def _count_rates(connection: Connection, mine: Mapping[int, int], limits: Mapping[int, int]) -> dict[int, int]:
    """How many requests each workspace had left in this second before `mine` came."""
    counted = await connection.fetch(_COUNT_RATES, list(mine), list(mine.values()))
    return {
        record["workspace_id"]: limits[record["workspace_id"]] - record["count"] + mine[record["workspace_id"]]
        for record in counted
    }
