"""One attempt to push a rendered message, and what LINE's answer means for its row."""

import asyncio
import random
import time
from datetime import datetime, timedelta

from lumo.deliveries import ids
from lumo.deliveries.live_accounts import LiveAccount, Pauses
from lumo.deliveries.outcomes import Finished, Outcome, Waiting
from lumo.deliveries.rows import Row
from lumo.deliveries.tokens import Tokens
from lumo.integrations.errors import PermanentError, ProviderError, RefusedError, TransientError
from lumo.integrations.line.client import LineClient
from lumo.integrations.line.schemas import Accepted
from lumo.lib import clock
from lumo.lib.settings import Intervals

_TOO_MANY = 429
_NOT_LOOKED_AT = {401, 403, _TOO_MANY}  # LINE took nothing of this very call, and says nothing about earlier ones
_QUOTA_ANSWER_KEPT = 1.0  # seconds: a thousand refusals at once ask LINE for the quota once


class Pusher:
    """Pushes rows with their retry key: the first attempt and every later one are the same request to LINE."""

    def __init__(self, line: LineClient, tokens: Tokens, pauses: Pauses, *, intervals: Intervals) -> None:
        self._line = line
        self._tokens = tokens
        self._pauses = pauses
        self._intervals = intervals
        self._quota_looks: dict[int, tuple[float, asyncio.Task[bool]]] = {}

    async def attempt(self, row: Row, account: LiveAccount) -> Outcome:
        """Push `row.payload` once (after a refused token: twice) and say what became of it."""
        if clock.now() >= row.stored_at + timedelta(seconds=self._intervals.expire_after):  # while it waited to go
            return Finished(row, "failed", "expired")
        row.attempts += 1
        try:
            accepted = await self._push(row, account)
        except PermanentError as error:
            return Finished(row, "failed", error.reason, error.detail)
        except RefusedError as error:
            return await self._park(row, account, error.reason, error.detail)
        except TransientError as error:
            if error.status == _TOO_MANY and await self._is_quota_used_up(account):
                return await self._park(row, account, "quota", error.detail)
            return self._try_later(row, error)
        return Finished(row, "delivered", line_request_id=accepted.request_id)

    async def _push(self, row: Row, account: LiveAccount) -> Accepted:
        token = await self._tokens.get(account)
        row.first_attempt_at = row.first_attempt_at or clock.now()
        try:
            return await self._call(row, token)
        except RefusedError as error:
            if error.reason != "line_token":
                raise
        token = await self._tokens.renew(account, refused=token)
        return await self._call(row, token)

    async def _call(self, row: Row, token: str) -> Accepted:
        """One call to LINE. The row is in doubt from here on, unless the answer tells that LINE took nothing."""
        assert row.payload is not None
        was_in_doubt, row.is_in_doubt = row.is_in_doubt, True
        try:
            accepted = await self._line.push(token, row.payload, retry_key=ids.retry_key(row.delivery_id))
        except PermanentError:
            row.is_in_doubt = False  # had LINE accepted an earlier attempt, it would have answered 409
            raise
        except (RefusedError, TransientError) as error:
            if error.status in _NOT_LOOKED_AT:
                row.is_in_doubt = was_in_doubt
            raise
        row.is_in_doubt = False
        return accepted

    async def _park(self, row: Row, account: LiveAccount, reason: str, detail: str) -> Waiting:
        await self._pauses.pause(account, reason, detail)
        return Waiting(row, None, reason, detail)

    def _try_later(self, row: Row, error: TransientError) -> Waiting:
        due_at = next_try_at(row.attempts, now=clock.now(), intervals=self._intervals, retry_after=error.retry_after)
        return Waiting(row, due_at, "line_busy", error.detail or str(error))

    async def _is_quota_used_up(self, account: LiveAccount) -> bool:
        """LINE answers 429 for a rate and for the month alike; its quota tells them apart."""
        asked_at, look = self._quota_looks.get(account.id, (0.0, None))
        if look is None or time.monotonic() - asked_at > _QUOTA_ANSWER_KEPT:
            look = asyncio.create_task(self._look_at_quota(account))
            self._quota_looks[account.id] = (time.monotonic(), look)
        return await asyncio.shield(look)

    async def _look_at_quota(self, account: LiveAccount) -> bool:
        try:
            return await is_quota_used_up(self._line, await self._tokens.get(account))
        except ProviderError:
            return False  # then it counts as a rate, and the back-off asks again


async def is_quota_used_up(line: LineClient, token: str) -> bool:
    """Whether this month's messages are gone. Raises ProviderError."""
    quota = await line.fetch_quota(token)
    if quota.type == "none" or quota.value is None:
        return False
    return (await line.fetch_consumption(token)).total_usage >= quota.value


def next_try_at(attempts: int, *, now: datetime, intervals: Intervals, retry_after: float | None = None) -> datetime:
    """When to try again: doubling from `retry_base` to `retry_cap` seconds, less up to a half at random."""
    ceiling = min(intervals.retry_cap, intervals.retry_base * 2.0 ** min(attempts - 1, 30))
    return now + timedelta(seconds=max(ceiling * random.uniform(0.5, 1.0), retry_after or 0.0))
