"""Requests stored as a flush stores them, and SQL to look at what became of them."""

import asyncio
import json
from typing import Any

import asyncpg

from lumo.accounts.models import OfficialAccount
from lumo.deliveries.enqueue import Incoming, store
from lumo.deliveries.ids import IdSource
from lumo.lib.settings import Settings
from tests.factories import line_user_id

_IDS = IdSource()


def queue_rows(
    settings: Settings,
    account: OfficialAccount,
    *,
    count: int = 1,
    text: str = "Hello.",
    base_id: int | None = None,
    message: str = "",
    **fields: object,
) -> int:
    """Store `count` requests to the LINE users 0, 1, 2 … of an account; returns their batch id.

    They name `message`, a public id, if there is one, else have the text. `fields` are further ones of the body.
    """
    batch_id = base_id or _IDS.next_base()
    content = {"message": message} if message else {"text": text}
    incoming = [
        Incoming(
            workspace_id=account.workspace_id,
            connection_id=1,
            body=json.dumps({"to": line_user_id(number), "event": str(number), **content, **fields}).encode(),
            dedupe_key=b"%d %d" % (batch_id, number),
            account_id=account.pk,
            line_user_id=line_user_id(number),
            message=message,
            placement=str(fields.get("placement", "")),
        )
        for number in range(count)
    ]

    async def run() -> None:
        connection = await asyncpg.connect(settings.database_url)
        try:
            async with connection.transaction():
                await store(connection, incoming, base_id=batch_id, dedupe_kept=90_000)
        finally:
            await connection.close()

    asyncio.run(run())
    return batch_id


def fetch(settings: Settings, statement: str, *arguments: object) -> list[Any]:
    """Run one statement on a connection of its own."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    return asyncio.run(run())
