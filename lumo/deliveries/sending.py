"""A batch from its rows to their outcomes: decide, render once, push under the account's limit, write."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from lumo.deliveries import caps
from lumo.deliveries.decide import Facts, Verdict, decide
from lumo.deliveries.limits import Limits
from lumo.deliveries.live_accounts import LiveAccount, load_accounts
from lumo.deliveries.outcomes import Finished, Outcome, Waiting
from lumo.deliveries.push import Pusher, next_try_at
from lumo.deliveries.results import Results
from lumo.deliveries.rows import Row, load_batch
from lumo.lib import clock
from lumo.lib.logs import get_logger
from lumo.lib.settings import Intervals
from lumo.messaging import contract
from lumo.messaging.builder import NotSendableError
from lumo.messaging.live_messages import LiveMessage, LiveMessages
from lumo.messaging.push_request import build_message_push, build_push
from lumo.postgres.lasting import DATABASE_ERRORS
from lumo.postgres.types import Connection

log = get_logger(__name__)

_PUSHES_AT_ONCE = 400  # a process; LINE answers in 100 to 300 ms


class Sending:
    """Sends batches; one object a process, any number of batches at once."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        limits: Limits,
        pusher: Pusher,
        results: Results,
        intervals: Intervals,
        http_origin: str = "",
    ) -> None:
        """`http_origin`: the one address at which LINE may be given http, see `lumo.messaging.links`."""
        self._pool = pool
        self._messages = LiveMessages()
        self._http_origin = http_origin
        self._limits = limits
        self._pusher = pusher
        self._results = results
        self._intervals = intervals
        self._push_slots = asyncio.Semaphore(_PUSHES_AT_ONCE)
        self._accounts: dict[int, LiveAccount] = {}
        self.is_stopping = False

    async def send_batch(self, batch_id: int, *, was_begun: bool = False) -> bool:
        """Bring every row of a batch to an outcome and wait until all are written.

        Returns False when rows were left alone because the process is about to stop. Raises DATABASE_ERRORS. Safe to
        run twice, even at once: LINE knows a repeated retry key, and one run alone can take a row away. `was_begun`:
        an earlier run may have pushed any of its rows and died, so they are in doubt until LINE answers.
        """
        async with self._pool.acquire() as connection:
            rows = await load_batch(connection, batch_id)
            await self._refresh_accounts(connection, {row.account_id for row in rows})
            messages = await self._messages.find(connection, _named(rows))
        if not rows:
            return True
        for row in rows:
            row.is_in_doubt |= was_begun
        tasks = [asyncio.create_task(self._send_row(row, messages.get(row.message))) for row in rows]
        await self._finish_in_time(tasks)
        written = {task.result() for task in tasks if not task.cancelled()}
        written |= {
            self._results.put(self._out_of_time(row)) for row, task in zip(rows, tasks, strict=True) if task.cancelled()
        }
        left_alone = None in written
        await asyncio.gather(*(future for future in written if future is not None))
        return not left_alone

    async def _refresh_accounts(self, connection: Connection, ids: set[int]) -> None:
        """Newest settings for the rows to come; rows in hand keep seeing the same object change."""
        for account in (await load_accounts(connection, ids)).values():
            known = self._accounts.setdefault(account.id, account)
            if known is not account:
                for name in account.__struct_fields__:
                    setattr(known, name, getattr(account, name))

    async def _finish_in_time(self, tasks: Sequence[asyncio.Task[asyncio.Future[None] | None]]) -> None:
        """Wait for the rows; those that are not through after `row_deadline` seconds are cancelled."""
        _, late = await asyncio.wait(tasks, timeout=self._intervals.row_deadline)
        if late:
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    async def _send_row(self, row: Row, message: LiveMessage | None) -> asyncio.Future[None] | None:
        """The future of the row's outcome being written; None when the row was left alone.

        One of the two places that may catch Exception: a fault of ours fails one row, never its batch.
        """
        try:
            outcome = await self._process(row, self._accounts[row.account_id], message)
        except DATABASE_ERRORS:
            raise
        except Exception:  # a fault of ours fails this row, never its batch
            trace_id = uuid.uuid4().hex
            log.exception("row failed", delivery_id=row.delivery_id, trace_id=trace_id)
            outcome = Finished(row, "failed", "internal", f"trace {trace_id}")
        return None if outcome is None else self._results.put(outcome)

    async def _process(self, row: Row, account: LiveAccount, message: LiveMessage | None) -> Outcome | None:
        verdict = self._decide(row, account)
        if verdict.action != "send":
            return _outcome_of(verdict, row)
        if account.daily_cap is not None and not await self._is_within_cap(row, account.daily_cap):
            return Finished(row, "skipped", "cap")
        if row.payload is None:
            message = message or await self._find_unnoted(row)
            if message and message.document is None:
                return self._for_a_newer_worker(row)
            try:
                render(row, message, http_origin=self._http_origin)
            except NotSendableError as error:
                return Finished(row, error.state, error.reason, error.detail)
        await self._limits.take(account.id)
        async with self._push_slots:
            if self.is_stopping:
                return None
            if account.paused_reason:  # since we began to wait
                return Waiting(row, None, account.paused_reason, account.paused_detail)
            return await self._pusher.attempt(row, account)

    def _decide(self, row: Row, account: LiveAccount) -> Verdict:
        facts = Facts(
            stored_at=row.stored_at,
            expires_at=row.stored_at + timedelta(seconds=self._intervals.expire_after),
            paused_reason=account.paused_reason,
            friend_state=row.friend_state,
            consent=row.consent,
            requires_consent=account.requires_consent,
            quiet_from=account.quiet_from,
            quiet_until=account.quiet_until,
            time_zone=account.time_zone,
        )
        return decide(facts, now=clock.now())

    async def _is_within_cap(self, row: Row, daily_cap: int) -> bool:
        async with self._pool.acquire() as connection:
            return await caps.reserve(connection, row, daily_cap=daily_cap)

    async def _find_unnoted(self, row: Row) -> LiveMessage | None:
        """The message of a request that was refused before it was noted what it names, and then sent again."""
        if row.message or row.body is None or b'"message"' not in row.body:
            return None
        name = contract.read(row.body).message_id()
        async with self._pool.acquire() as connection:
            return (await self._messages.find(connection, {name} - {""})).get(name)

    def _for_a_newer_worker(self, row: Row) -> Waiting:
        """A row whose message this version can't read: while an upgrade is under way others can."""
        due_at = clock.now() + timedelta(seconds=self._intervals.retry_cap)
        return Waiting(row, due_at, "internal", "the message was saved by a newer version of Lumo")

    def _out_of_time(self, row: Row) -> Waiting:
        """A row cut off at the deadline. It may have reached LINE: the next try carries the same retry key."""
        due_at = next_try_at(max(1, row.attempts), now=clock.now(), intervals=self._intervals)
        return Waiting(row, due_at, "line_busy", f"not through after {self._intervals.row_deadline:g} s")


def render(row: Row, message: LiveMessage | None, *, http_origin: str = "") -> None:
    """Make the request to LINE of a row that was never rendered. Raises NotSendableError.

    `message` is the one that the row names. One that was archived since the request was taken is not sent any more.
    """
    if row.body is None:
        raise NotSendableError("failed", "internal", "the stored request is gone")
    body = contract.read(row.body)
    if not body.message_id():
        row.payload = build_push(body, to=row.line_user_id, display_name=row.display_name)
        return
    if message is None or message.is_archived or message.workspace_id != row.workspace_id or not message.document:
        raise NotSendableError("failed", "message_unknown")
    row.revision_id = message.revision_id
    row.payload = build_message_push(
        message.document, body, to=row.line_user_id, display_name=row.display_name, http_origin=http_origin
    )


def _named(rows: Sequence[Row]) -> set[str]:
    """The Auto Send Messages of which a request to LINE is still to be made."""
    return {row.message for row in rows if row.message and row.payload is None}


def _outcome_of(verdict: Verdict, row: Row) -> Outcome:
    reason = verdict.reason or ""
    if verdict.action == "hold":
        return Waiting(row, verdict.until, reason)
    return Finished(row, "failed" if verdict.action == "fail" else "skipped", reason)
