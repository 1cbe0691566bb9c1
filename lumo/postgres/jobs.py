"""PgQueuer, the job engine, as Lumo uses it: install it in a migration, enqueue within one's own transaction."""

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.adapters.persistence.queries import Queries


def install_sql() -> str:
    """The pinned PgQueuer's own tables, as SQL for a migration. Raising the pin comes with a migration."""
    return QueryBuilderEnvironment().build_install_query(create_schema=False)


async def enqueue(connection: asyncpg.Connection, entrypoint: str, payload: str, *, priority: int = 0) -> None:
    """Add one job in the caller's transaction. `payload` also makes it unique among queued and running jobs."""
    await Queries(AsyncpgDriver(connection)).enqueue(
        entrypoint,
        payload.encode(),
        priority,
        dedupe_key=f"{entrypoint}:{payload}",
        on_conflict="skip",
    )
