"""PgQueuer, the job engine, as Lumo uses it: install it in a migration, enqueue within one's own transaction."""

from typing import Any, cast

import asyncpg
import psycopg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.adapters.persistence.queries import Queries, SyncQueries
from pgqueuer.ports.driver import SyncDriver
from psycopg.rows import dict_row

from lumo.postgres.types import Connection


def install_sql() -> str:
    """The pinned PgQueuer's own tables, as SQL for a migration. Raising the pin comes with a migration."""
    return QueryBuilderEnvironment().build_install_query(create_schema=False)


async def enqueue(connection: Connection, entrypoint: str, payload: str, *, priority: int = 0) -> None:
    """Add one job in the caller's transaction. `payload` also makes it unique among queued and running jobs."""
    driver = AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection))  # a pool's has the same methods
    await Queries(driver).enqueue(
        entrypoint,
        payload.encode(),
        priority,
        dedupe_key=dedupe_key(entrypoint, payload),
        on_conflict="skip",
    )


def enqueue_in(connection: "psycopg.Connection[Any]", entrypoint: str, payload: str, *, priority: int = 0) -> None:
    """The same from Django, in the transaction that its connection is in: hand in `connection.connection`."""
    SyncQueries(_TransactionDriver(connection)).enqueue(
        entrypoint,
        payload.encode(),
        priority,
        dedupe_key=dedupe_key(entrypoint, payload),
        on_conflict="skip",
    )


def dedupe_key(entrypoint: str, payload: str) -> str:
    """The key by which a job is one of a kind while it is queued or running."""
    return f"{entrypoint}:{payload}"


class _TransactionDriver(SyncDriver):
    """PgQueuer's own refuses a connection that is in a transaction."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        cursor = psycopg.RawCursor(self._connection, row_factory=dict_row)
        cursor.execute(query, args or None)
        return cursor.fetchall()
