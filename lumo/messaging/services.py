"""Saving Auto Send Messages, and Get JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Count, F, OuterRef, Subquery
from django.utils.translation import gettext as _

from lumo.accounts.models import OfficialAccount
from lumo.lib.errors import NotPossibleError
from lumo.messaging import get_json, limits
from lumo.messaging.checking import DocumentInvalidError, Fault, check
from lumo.messaging.documents import KINDS, Document
from lumo.messaging.models import AutoSendMessage, MessageRevision, Placement
from lumo.workspaces.models import Workspace


class Saved(msgspec.Struct, frozen=True):
    """A message that was saved, and the placements whose Webhook actions need a new paste for it."""

    message: AutoSendMessage
    outdated: Sequence[Placement]


class Listed(msgspec.Struct, frozen=True):
    """A message in a list. `blocks` are their kinds, `placements` the number of times its body was copied."""

    id: str
    name: str
    is_archived: bool
    blocks: list[str]
    trigger: str
    placements: int
    revision: int
    updated_at: datetime


class Placed(msgspec.Struct, frozen=True):
    """A new placement's public id, and the body to paste into its Webhook action."""

    placement: str
    body: str


@transaction.atomic
def save_message(
    workspace: Workspace,
    *,
    name: str,
    document: Document,
    http_origin: str = "",
    message: AutoSendMessage | None = None,
) -> Saved:
    """Make a message, or the next revision of `message`. Raises DocumentInvalidError with everything that is wrong."""
    _check(name, document, http_origin)
    if message is None:
        message = AutoSendMessage.objects.create(workspace=workspace, name=name)
    message.revise(document, name=name)
    return Saved(message, find_outdated(message, document))


def list_messages(workspace: Workspace) -> list[Listed]:
    """The messages of a workspace, the latest change first; archived ones at the end."""
    newest = MessageRevision.objects.filter(message=OuterRef("pk")).order_by("-number")
    messages = (
        AutoSendMessage.objects.filter(workspace=workspace)
        .annotate(
            copies=Count("placements"),
            revision_number=Subquery(newest.values("number")[:1]),
            content=Subquery(newest.values("content")[:1]),
        )
        .order_by(F("archived_at").desc(nulls_first=True), "-updated_at")
    )
    return [_listed(message) for message in messages]


def find_outdated(message: AutoSendMessage, document: Document) -> list[Placement]:
    """The placements whose pasted body does not carry what the document needs, the oldest first.

    One that was not used since a newer copy for the same account, which carries enough, is taken to be replaced by it.
    """
    needs = get_json.find_needs(document)
    placements = list(message.placements.select_related("account").order_by("pk"))
    enough = {one.account_id: one.created_at for one in placements if needs.are_met_by(one.carried())}  # the newest
    return [
        one
        for one in placements
        if not needs.are_met_by(one.carried())
        and (one.last_used_at or one.created_at) >= enough.get(one.account_id, one.created_at)
    ]


def place(message: AutoSendMessage, account: OfficialAccount) -> Placed:
    """Get JSON: the body to paste into one more Webhook action, for this account. Remembered as a placement.

    Raises NotPossibleError for an account of another workspace and for a message that is archived.
    """
    if account.workspace_id != message.workspace_id:
        raise NotPossibleError(_("The LINE account and the message belong to different workspaces."))
    if message.archived_at:
        raise NotPossibleError(_("The message is archived: requests that name it are refused. Restore it first."))
    document = message.newest().document()
    carried = get_json.find_carried(document)
    placement = message.placements.create(
        account=account,
        trigger=carried.trigger,
        placeholders=sorted(carried.placeholders),
        fields=sorted(carried.fields),
    )
    body = get_json.build_message_body(
        document,
        message=message.public_id,
        placement=placement.public_id,
        account=account.public_id,
        number=account.number,
    )
    return Placed(placement.public_id, body)


def _listed(message: Any) -> Listed:
    try:
        document = msgspec.convert(message.content, Document)
        blocks, trigger = [KINDS[type(block)] for block in document.blocks], document.trigger()
    except msgspec.ValidationError:  # a newer version of Lumo made it
        blocks, trigger = ["?"], ""
    return Listed(
        id=message.public_id,
        name=message.name,
        is_archived=message.archived_at is not None,
        blocks=blocks,
        trigger=trigger,
        placements=message.copies,
        revision=message.revision_number,
        updated_at=message.updated_at,
    )


def _check(name: str, document: Document, http_origin: str) -> None:
    faults = []
    if not name.strip():
        faults.append(Fault(None, "", "name", _("This is needed.")))
    elif not limits.NAME.allows(name):
        faults.append(
            Fault(None, "", "name", _("A name has at most %(most)d characters.") % {"most": limits.NAME.most})
        )
    try:
        check(document, http_origin=http_origin)
    except DocumentInvalidError as error:
        faults += error.faults
    if faults:
        raise DocumentInvalidError(faults)
