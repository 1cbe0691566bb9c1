"""Is this process fit to serve, and how much waits? What `/readyz` and `/metrics` answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import asyncpg
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest

from lumo.deliveries import ids
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.postgres.connect import connect
from lumo.postgres.lasting import DATABASE_ERRORS

T = TypeVar("T")

_PATIENCE = 3.0  # seconds for the database to answer
_FAULT_HOLDS = 1.0
_FIGURES_HOLD = 5.0

_APPLIED = "SELECT app, name FROM django_migrations"
_WAITING = """
    SELECT (SELECT count(*) FROM queue) AS queue,
        (SELECT count(*) FROM retries) AS retries,
        (SELECT min(delivery_id) FROM queue) AS first_queued,
        (SELECT min(stored_at) FROM retries) AS first_retried_at,
        (SELECT count(*) FROM official_accounts WHERE paused_reason <> '') AS paused_accounts
"""


class Health:
    """Looks at the database, seldom enough that any number of probes costs nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known = _known_migrations()
        self._fault = _Remembered(self._look, seconds=_FAULT_HOLDS)
        self._figures = _Remembered(self._count, seconds=_FIGURES_HOLD)

    async def find_fault(self) -> str | None:
        """Why no request can be served now, in a sentence; None when all is well. At most 1 s old."""
        return await self._fault.get()

    async def metrics(self) -> bytes:
        """This process's figures, and what waits in the database (at most 5 s old), in Prometheus' text format."""
        return generate_latest(REGISTRY) + await self._figures.get()

    async def _look(self) -> str | None:
        try:
            applied = {(record["app"], record["name"]) for record in await self._fetch(_APPLIED)}
        except asyncpg.UndefinedTableError:
            applied = set()
        except DATABASE_ERRORS as error:
            return f"The database does not answer ({type(error).__name__})."
        missing = len(self._known - applied)
        return f"The database lacks {missing} migrations. Run: lumo migrate" if missing else None

    async def _count(self) -> bytes:
        registry = CollectorRegistry()
        answers = Gauge("lumo_database_up", "Whether the database answered", registry=registry)
        try:
            [record] = await self._fetch(_WAITING)
        except DATABASE_ERRORS:
            return generate_latest(registry)
        answers.set(1)
        waiting = Gauge("lumo_waiting", "Deliveries that wait", ["table"], registry=registry)
        waiting.labels("queue").set(record["queue"])
        waiting.labels("retries").set(record["retries"])
        oldest = Gauge("lumo_oldest_waiting_seconds", "Age of the delivery that waits longest", registry=registry)
        oldest.set(_oldest_age(record))
        paused = Gauge("lumo_paused_accounts", "LINE Official Accounts that are paused", registry=registry)
        paused.set(record["paused_accounts"])
        return generate_latest(registry)

    async def _fetch(self, statement: str) -> list[asyncpg.Record]:
        """One statement on a connection of its own: the truth about a database that may just have come or gone."""
        async with asyncio.timeout(_PATIENCE):
            connection = await connect(
                self._settings.database_url,
                name="lumo-health",
                statement_cache_size=self._settings.statement_cache_size,
            )
            try:
                return await connection.fetch(statement)
            finally:
                connection.terminate()


class _Remembered(Generic[T]):
    """An answer that is asked for again when it is older than `seconds`; who comes meanwhile waits for the same."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer: T

    async def get(self) -> T:
        async with self._lock:
            if time.monotonic() - self._asked_at > self._seconds:
                self._answer = await self._ask()
                self._asked_at = time.monotonic()
            return self._answer


def _known_migrations() -> set[tuple[str, str]]:
    from django.db.migrations.loader import MigrationLoader

    return set(MigrationLoader(None).disk_migrations or {})


def _oldest_age(record: asyncpg.Record) -> float:
    times = [record["first_retried_at"], ids.stored_at(record["first_queued"]) if record["first_queued"] else None]
    known = [moment for moment in times if moment is not None]
    return max(0.0, (clock.now() - min(known)).total_seconds()) if known else 0.0
