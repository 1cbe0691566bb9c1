"""The LINE accounts that this process sends for: their settings, read again with every batch, and their pauses."""

import asyncio
from collections.abc import Collection
from datetime import time

import asyncpg
import msgspec

from lumo.lib.logs import get_logger
from lumo.postgres.types import Connection

log = get_logger(__name__)

_LOAD = """
    SELECT a.id, a.workspace_id, channel_id, channel_secret_encrypted, access_token_encrypted, paused_reason,
        paused_detail, time_zone, quiet_from, quiet_until, daily_cap, requires_consent
    FROM official_accounts a JOIN workspaces w ON w.id = a.workspace_id
    WHERE a.id = ANY($1::bigint[])
"""
# Credentials that were replaced meanwhile have not failed yet: their account goes on.
_PAUSE = """
    UPDATE official_accounts SET paused_reason = $2, paused_detail = $3, paused_at = now()
    WHERE id = $1 AND paused_reason = ''
        AND channel_secret_encrypted IS NOT DISTINCT FROM $4 AND access_token_encrypted IS NOT DISTINCT FROM $5
"""
_RESUME = """
    UPDATE official_accounts SET paused_reason = '', paused_detail = '', paused_at = NULL
    WHERE id = $1 AND paused_reason = $2
"""


class LiveAccount(msgspec.Struct, kw_only=True):
    """An Official Account with its workspace's settings. `paused_reason` is empty while it works."""

    id: int
    workspace_id: int
    channel_id: str
    channel_secret_encrypted: bytes | None
    access_token_encrypted: bytes | None
    paused_reason: str
    paused_detail: str
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    daily_cap: int | None
    requires_consent: bool


async def load_accounts(connection: Connection, ids: Collection[int]) -> dict[int, LiveAccount]:
    """The accounts of these row ids."""
    return {record["id"]: LiveAccount(**record) for record in await connection.fetch(_LOAD, list(ids))}


class Pauses:
    """Stops accounts that LINE refuses, for every process and at once for this one."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._under_way: dict[int, asyncio.Lock] = {}

    async def pause(self, account: LiveAccount, reason: str, detail: str) -> None:
        """Hold what waits for this account until a person, or the quota check, lets it go on."""
        async with self._under_way.setdefault(account.id, asyncio.Lock()):
            if account.paused_reason:
                return
            credentials = (account.channel_secret_encrypted, account.access_token_encrypted)
            await self._pool.execute(_PAUSE, account.id, reason, detail, *credentials)
            account.paused_reason, account.paused_detail = reason, detail
            log.warning("account paused", account_id=account.id, reason=reason, detail=detail)


async def resume(connection: Connection, account_id: int, *, reason: str) -> None:
    """End a pause, if it still is the one for `reason`."""
    await connection.execute(_RESUME, account_id, reason)
