"""LINE's limit per account and endpoint, shared by every process through leases (DESIGN §5).

A lease is a share of one slice of 100 ms by the database's clock. What is not used before the slice ends lapses.
https://developers.line.biz/en/reference/messaging-api/#rate-limits
"""

import asyncio
import time
from collections import deque

import asyncpg

PUSHES_PER_SECOND = 2000
_SLICES_PER_SECOND = 10
_LEAST_LEASE = 20  # so that single pushes do not each ask the database

_LEASE = f"""
    INSERT INTO rate_leases AS l (account_id, endpoint, slice, used, granted)
    SELECT $1::bigint, $2::text, floor(at), least($3::integer, $4::integer), least($3, $4)
    FROM (SELECT extract(epoch FROM clock_timestamp()) * {_SLICES_PER_SECOND} AS at) clock
    ON CONFLICT (account_id, endpoint) DO UPDATE SET
        slice = greatest(l.slice, excluded.slice),
        granted = CASE WHEN l.slice < excluded.slice THEN excluded.used ELSE least($3, $4 - l.used) END,
        used = CASE WHEN l.slice < excluded.slice THEN excluded.used ELSE l.used + least($3, $4 - l.used) END
    RETURNING granted,
        (slice + 1)::float8 / {_SLICES_PER_SECOND} - extract(epoch FROM clock_timestamp())::float8 AS seconds_left
"""


class Limit:
    """The pushes that this process may still make for one account in the current slice."""

    def __init__(self, leases: asyncpg.Pool, account_id: int, *, endpoint: str, per_second: int) -> None:
        self._leases = leases
        self._account_id = account_id
        self._endpoint = endpoint
        self._capacity = max(1, per_second // _SLICES_PER_SECOND)
        self._left = 0
        self._until = 0.0  # on the monotonic clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._leasing: asyncio.Task[None] | None = None

    async def take(self) -> None:
        """Return as soon as one more call is allowed. Raises what the database raises."""
        if not self._waiting and self._left and time.monotonic() < self._until:
            self._left -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._leasing is None or self._leasing.done():
            self._leasing = asyncio.create_task(self._lease_while_awaited())
        await turn

    async def _lease_while_awaited(self) -> None:
        try:
            while self._waiting:
                seconds_left = await self._lease()
                self._serve()
                if self._waiting:
                    await asyncio.sleep(seconds_left)
        except BaseException as error:  # whatever it is: nobody waits for ever
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_exception(error)
            if not isinstance(error, Exception):
                raise

    async def _lease(self) -> float:
        """Ask for what is awaited; how long the slice lasts, in seconds.

        The wait for the answer counts as used up, so that clocks and delays only ever shorten a lease.
        """
        asked_at = time.monotonic()
        wanted = min(max(len(self._waiting), _LEAST_LEASE), self._capacity)
        record = await self._leases.fetchrow(_LEASE, self._account_id, self._endpoint, wanted, self._capacity)
        assert record is not None
        self._left, self._until = record["granted"], asked_at + record["seconds_left"]
        return max(0.001, float(record["seconds_left"]))

    def _serve(self) -> None:
        while self._left and self._waiting and time.monotonic() < self._until:
            turn = self._waiting.popleft()
            if not turn.done():  # its row may have been given up meanwhile
                turn.set_result(None)
                self._left -= 1


class Limits:
    """The limits of all accounts for one endpoint."""

    def __init__(self, leases: asyncpg.Pool, *, endpoint: str = "push", per_second: int = PUSHES_PER_SECOND) -> None:
        self._leases = leases
        self._endpoint = endpoint
        self._per_second = per_second
        self._by_account: dict[int, Limit] = {}

    async def take(self, account_id: int) -> None:
        """Return as soon as this account may make one more call."""
        limit = self._by_account.get(account_id)
        if limit is None:
            limit = Limit(self._leases, account_id, endpoint=self._endpoint, per_second=self._per_second)
            self._by_account[account_id] = limit
        await limit.take()
