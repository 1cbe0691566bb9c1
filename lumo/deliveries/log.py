"""The delivery log: results, what waits, and the requests that were refused or repeated, as one list.

Plain SQL over Django's connection. Each source gives its newest ids first and no more than asked for, along an index,
so that a page costs the same however much is stored.
"""

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec
from django.db import connection
from django.utils.translation import gettext as _

from lumo.deliveries import ids
from lumo.deliveries.explain import explain

LoggedState = Literal["waiting", "delivered", "failed", "skipped", "refused", "duplicate"]
STATES: tuple[LoggedState, ...] = get_args(LoggedState)
MOST = 1000
LATE_DUPLICATE = timedelta(minutes=10)  # Klaviyo's own retries come sooner

_NEWEST_ID = (1 << 63) - 1

_DELIVERIES = """
    SELECT id, state, reason, detail, line_user_id, account_id, finished_at, attempts, first_attempt_at,
        line_request_id, null::timestamptz, null::bigint, request_id, is_in_doubt
    FROM deliveries
    WHERE workspace_id = %(workspace)s AND id >= %(first)s AND id <= %(last)s
        AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
"""
_QUEUE = """
    SELECT delivery_id AS id, 'waiting', null, '', line_user_id, account_id, null::timestamptz, 0::smallint,
        null::timestamptz, '', null::timestamptz, null::bigint, request_id, false
    FROM queue
    WHERE account_id = ANY(%(accounts)s) AND delivery_id >= %(first)s AND delivery_id <= %(last)s
        AND %(reason)s::text IS NULL
"""
_RETRIES = """
    SELECT delivery_id AS id, 'waiting', reason, detail, line_user_id, account_id, null::timestamptz, attempts,
        first_attempt_at, '', nullif(due_at, 'infinity'), null::bigint, request_id, is_in_doubt
    FROM retries
    WHERE account_id = ANY(%(accounts)s) AND delivery_id >= %(first)s AND delivery_id <= %(last)s
        AND (%(reason)s::text IS NULL OR reason = %(reason)s)
"""
_REQUESTS = """
    SELECT id, CASE code WHEN 'duplicate' THEN 'duplicate' ELSE 'refused' END, code, '', coalesce(line_user_id, ''),
        account_id, null::timestamptz, 0::smallint, null::timestamptz, '', null::timestamptz, original_id, id, false
    FROM flow_requests
    WHERE workspace_id = %(workspace)s AND code IS NOT NULL AND id >= %(first)s AND id <= %(last)s
        AND (%(state)s::text IS NULL OR (code = 'duplicate') = (%(state)s = 'duplicate'))
        AND (%(reason)s::text IS NULL OR code = %(reason)s)
"""
_SOURCES: dict[LoggedState | None, tuple[str, ...]] = {
    None: (_DELIVERIES, _QUEUE, _RETRIES, _REQUESTS),
    "waiting": (_QUEUE, _RETRIES),
    "delivered": (_DELIVERIES,),
    "failed": (_DELIVERIES,),
    "skipped": (_DELIVERIES,),
    "refused": (_REQUESTS,),
    "duplicate": (_REQUESTS,),
}
_PAGE = """
    SELECT found.*, coalesce(account.public_id, '') AS account
    FROM ({sources}) AS found (
        id, state, reason, detail, line_user_id, account_id, finished_at, attempts, first_attempt_at,
        line_request_id, due_at, original_id, request_id, is_in_doubt
    )
    LEFT JOIN official_accounts account ON account.id = found.account_id
    ORDER BY found.id DESC LIMIT %(limit)s
"""
_ACCOUNTS = "SELECT id FROM official_accounts WHERE workspace_id = %s"
_REQUEST = "SELECT flow_id, placement, profile, event FROM flow_requests WHERE workspace_id = %s AND id = %s"

_MESSAGE = """
    SELECT message.public_id, message.name, revision.number
    FROM (SELECT revision_id FROM deliveries WHERE id = %(id)s UNION ALL
        SELECT revision_id FROM retries WHERE delivery_id = %(id)s) sent
    JOIN message_revisions revision ON revision.id = sent.revision_id
    JOIN auto_send_messages message ON message.id = revision.message_id
"""


class LoggedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the log. `reason` is null or a code of the catalogue; `account` a public id, empty when unknown.

    `due_at` is the next attempt's time, null while the account is paused. `original_id` is set for a duplicate.
    `is_in_doubt`: an attempt got no answer, LINE may have accepted it. `line_user_id` is empty once it was erased.
    """

    id: int
    state: LoggedState
    reason: str | None
    detail: str
    line_user_id: str
    account_id: int | None
    account: str
    finished_at: datetime | None
    attempts: int
    first_attempt_at: datetime | None
    line_request_id: str
    due_at: datetime | None
    original_id: int | None
    request_id: int | None
    is_in_doubt: bool

    @property
    def created_at(self) -> datetime:
        """When its request was stored."""
        return ids.stored_at(self.id)

    def is_late_duplicate(self) -> bool:
        """Whether it repeats a request too late to be Klaviyo's own retry."""
        return self.original_id is not None and self.created_at - ids.stored_at(self.original_id) > LATE_DUPLICATE


class FlowFacts(msgspec.Struct, frozen=True):
    """What a request said about itself, as long as it is stored."""

    flow_id: str
    placement: str
    profile: str
    event: str


class SentMessage(msgspec.Struct, frozen=True):
    """The Auto Send Message of a delivery, by public id and name, and which revision of it was made for LINE."""

    id: str
    name: str
    revision: int


class Step(msgspec.Struct, frozen=True):
    """Something that happened, or is to happen, and when; no time while nobody knows it."""

    at: datetime | None
    what: str


def list_deliveries(
    workspace_id: int,
    *,
    state: LoggedState | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[LoggedDelivery]:
    """The newest `limit` (at most 1,000) lines of a workspace, newest first; `before` is the last id of a page seen."""
    return _fetch(
        workspace_id,
        state=state,
        reason=reason,
        first=ids.first_id_at(since) if since else 0,
        last=_NEWEST_ID if before is None else before - 1,
        limit=min(limit, MOST),
    )


def find_delivery(workspace_id: int, delivery_id: int) -> LoggedDelivery | None:
    """The line of this id, if it is one of the workspace's."""
    found = _fetch(workspace_id, first=delivery_id, last=delivery_id, limit=1)
    return found[0] if found else None


def find_facts(workspace_id: int, line: LoggedDelivery) -> FlowFacts | None:
    """What the request behind a line said, None once it is not stored any more."""
    with connection.cursor() as cursor:
        cursor.execute(_REQUEST, [workspace_id, line.request_id])
        row = cursor.fetchone()
    return FlowFacts(*row) if row else None


def find_message(line: LoggedDelivery) -> SentMessage | None:
    """What was made for LINE; None for a direct text, and before anything was."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGE, {"id": line.id})
        row = cursor.fetchone()
    return SentMessage(*row) if row else None


def tell_steps(line: LoggedDelivery) -> list[Step]:
    """What happened to it, oldest first."""
    steps = [Step(line.created_at, _("Received from Klaviyo"))]
    if line.first_attempt_at:
        steps.append(Step(line.first_attempt_at, _("First attempt to push it to LINE")))
    if line.state == "waiting":
        steps.append(Step(line.due_at, _waiting_for(line)))
    elif line.state == "delivered":
        steps.append(Step(line.finished_at, _("LINE accepted it")))
    elif line.original_id is not None:
        steps.append(Step(line.created_at, _repeats(line)))
    else:
        headline = str(explain(line.reason or "").headline)
        steps.append(Step(line.finished_at or line.created_at, f"{headline} {line.detail}".strip()))
    return steps


def _waiting_for(line: LoggedDelivery) -> str:
    if line.reason is None:
        return _("Waits for a worker")
    headline = explain(line.reason).headline
    if line.due_at is None:
        return _("%(why)s Waits until the account works again.") % {"why": headline}
    return _("%(why)s Next attempt.") % {"why": headline}


def _repeats(line: LoggedDelivery) -> str:
    if line.is_late_duplicate():
        return _(
            "Already sent as %(id)d: the same body seems to be pasted into two actions, or a test was repeated."
        ) % {"id": line.original_id}
    return _("The same request as %(id)d, sent again by Klaviyo") % {"id": line.original_id}


def _fetch(
    workspace_id: int,
    *,
    first: int,
    last: int,
    limit: int,
    state: LoggedState | None = None,
    reason: str | None = None,
) -> list[LoggedDelivery]:
    sources = " UNION ALL ".join(f"({source} ORDER BY id DESC LIMIT %(limit)s)" for source in _SOURCES[state])
    parameters: dict[str, Any] = {"workspace": workspace_id, "first": first, "last": last, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [workspace_id])
        accounts = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            _PAGE.format(sources=sources), parameters | {"accounts": accounts, "state": state, "reason": reason}
        )
        names = [column.name for column in cursor.description]
        return [LoggedDelivery(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
