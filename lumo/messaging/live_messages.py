"""The Auto Send Messages that this process sends: their newest revisions, asked for with every batch. No Django."""

from collections import OrderedDict
from collections.abc import Collection, Mapping

import msgspec

from lumo.lib.logs import get_logger
from lumo.messaging import documents
from lumo.messaging.documents import Document
from lumo.postgres.types import Connection

log = get_logger(__name__)

_REMEMBERED = 1000  # revisions
_FIND = """
    SELECT public_id, workspace_id, archived_at IS NOT NULL AS is_archived, revision.id AS revision_id
    FROM auto_send_messages message CROSS JOIN LATERAL (
        SELECT id FROM message_revisions WHERE message_id = message.id ORDER BY number DESC LIMIT 1
    ) revision
    WHERE public_id = ANY($1::text[])
"""
_LOAD = "SELECT id, content::text FROM message_revisions WHERE id = ANY($1::bigint[])"


class LiveMessage(msgspec.Struct, frozen=True):
    """An Auto Send Message as it is now. `document` is None where a newer version of Lumo made it."""

    workspace_id: int
    is_archived: bool
    revision_id: int
    document: Document | None


class LiveMessages:
    """Messages by public id. Revisions never change, so they are remembered; which one is the newest is asked."""

    def __init__(self) -> None:
        self._documents: OrderedDict[int, Document | None] = OrderedDict()

    async def find(self, connection: Connection, public_ids: Collection[str]) -> Mapping[str, LiveMessage]:
        """The messages of these public ids; those that are none are left out."""
        if not public_ids:
            return {}
        records = await connection.fetch(_FIND, list(public_ids))
        wanted = {record["revision_id"] for record in records}
        known = {revision_id: self._documents[revision_id] for revision_id in wanted & self._documents.keys()}
        if known.keys() != wanted:
            for record in await connection.fetch(_LOAD, list(wanted - known.keys())):
                known[record["id"]] = _read(record["id"], record["content"])
        self._remember(known)
        return {
            record["public_id"]: LiveMessage(
                workspace_id=record["workspace_id"],
                is_archived=record["is_archived"],
                revision_id=record["revision_id"],
                document=known[record["revision_id"]],
            )
            for record in records
        }

    def _remember(self, used: Mapping[int, Document | None]) -> None:
        """Those used last are forgotten last. Other batches ask meanwhile: nobody relies on one being there."""
        for revision_id, document in used.items():
            self._documents[revision_id] = document
            self._documents.move_to_end(revision_id)
        while len(self._documents) > _REMEMBERED:
            self._documents.popitem(last=False)


def _read(revision_id: int, content: str) -> Document | None:
    try:
        return documents.decode(content)
    except msgspec.ValidationError as error:
        log.error("a message is of a newer version: upgrade this worker", revision_id=revision_id, error=str(error))
        return None
