"""Retry by a person: a new delivery, only where LINE certainly accepted nothing of the old one (DESIGN §5.3)."""

import hashlib

from django.db import connection, transaction
from django.utils.translation import gettext as _

from lumo.accounts.models import OfficialAccount
from lumo.deliveries import ids
from lumo.deliveries.enqueue import FLOW_PRIORITY, SEND_JOB
from lumo.deliveries.explain import explain
from lumo.deliveries.log import LoggedDelivery, find_delivery
from lumo.deliveries.reasons import UNPROVEN, Reason
from lumo.deliveries.retention import DELIVERIES_KEPT
from lumo.lib.errors import NotPossibleError
from lumo.messaging import contract
from lumo.messaging.models import AutoSendMessage
from lumo.postgres import jobs

_BODY = "SELECT body FROM flow_requests WHERE workspace_id = %s AND id = %s"
# The claim lives where dedupe keys do: of two people who press Retry at once one makes a delivery.
_CLAIM = """
    INSERT INTO dedupe_keys (key, delivery_id, expires_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING key
"""
_FIND_CLAIM = "SELECT delivery_id FROM dedupe_keys WHERE key = %s"
_QUEUE = """
    INSERT INTO queue (delivery_id, batch_id, account_id, line_user_id, priority, stored_at, request_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def retry(workspace_id: int, delivery_id: int) -> int:
    """Send a delivery, or a refused request, again; returns the new delivery's id.

    It can be done once for each: then the new one is the one to retry. Raises NotPossibleError with the reason why not.
    """
    line = find_delivery(workspace_id, delivery_id)
    if line is None:
        raise NotPossibleError(_("There is no delivery %(id)d in this workspace.") % {"id": delivery_id})
    objection = find_objection(line)
    if objection:
        raise NotPossibleError(objection)
    body = _find_body(workspace_id, line)
    account_id, line_user_id = _find_recipient(workspace_id, line, body)
    return _enqueue(line, account_id=account_id, line_user_id=line_user_id)


def find_objection(line: LoggedDelivery) -> str | None:
    """Why this must not be sent again, in a sentence; None when nothing speaks against it.

    A worker that was killed between a push and its answer leaves the row in doubt: whoever takes its batch over
    marks it so, until LINE, which knows the retry key, answers a later attempt.
    """
    if line.state == "waiting":
        return _("It still waits, and is sent by itself.")
    if line.state == "delivered":
        return _("LINE accepted it.")
    if line.state == "duplicate" and not line.is_late_duplicate():
        return _("Klaviyo sent the request %(id)d again by itself; that one counts.") % {"id": line.original_id}
    if line.is_in_doubt:
        return _("LINE may have accepted it: an attempt got no answer. Sent again it might come twice.")
    if line.reason in UNPROVEN:
        return _("Its authentication key was not the current one, so anybody may have sent it.")
    if line.reason == Reason.TOO_MANY:
        return _("Klaviyo tries it again by itself.")
    return None


def _find_body(workspace_id: int, line: LoggedDelivery) -> contract.FlowBody:
    with connection.cursor() as cursor:
        cursor.execute(_BODY, [workspace_id, line.request_id])
        row = cursor.fetchone()
    if row is None:
        raise NotPossibleError(_("Its request is not stored any more."))
    try:
        return contract.read(bytes(row[0]))
    except contract.BodyInvalidError as error:
        raise NotPossibleError(_("Its request can't be read. %(why)s") % {"why": error}) from error


def _find_recipient(workspace_id: int, line: LoggedDelivery, body: contract.FlowBody) -> tuple[int, str]:
    """The account's row id and the LINE user id: of a delivery its own, of a request what its body says today."""
    if line.state in {"failed", "skipped"} and line.account_id is not None:
        return line.account_id, line.line_user_id
    accounts = dict(OfficialAccount.objects.filter(workspace_id=workspace_id).values_list("public_id", "pk"))
    messages = AutoSendMessage.objects.filter(workspace_id=workspace_id, archived_at=None)
    names = set(messages.filter(public_id=body.message_id()).values_list("public_id", flat=True))
    fault = contract.find_fault(body, accounts=accounts, messages=names)
    account_id = contract.resolve_account(body, accounts=accounts)
    if fault or account_id is None:
        raise NotPossibleError(str(explain(fault or Reason.ACCOUNT_UNKNOWN).headline))
    return account_id, body.recipient()


@transaction.atomic
def _enqueue(line: LoggedDelivery, *, account_id: int, line_user_id: str) -> int:
    new_id = ids.IdSource().next_single()
    stored_at = ids.stored_at(new_id)
    key = hashlib.blake2b(b"retry %d" % line.id, digest_size=16).digest()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [key, new_id, stored_at + DELIVERIES_KEPT])
        if cursor.fetchone() is None:
            cursor.execute(_FIND_CLAIM, [key])
            raise NotPossibleError(_("It was sent again already, as %(id)d.") % {"id": cursor.fetchone()[0]})
        cursor.execute(_QUEUE, [new_id, new_id, account_id, line_user_id, FLOW_PRIORITY, stored_at, line.request_id])
    jobs.enqueue_in(connection.connection, SEND_JOB, str(new_id), priority=FLOW_PRIORITY)
    return new_id
