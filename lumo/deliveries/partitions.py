"""Partitions by range of ids, which are ranges of time: flow requests by day, deliveries by month."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from lumo.deliveries import ids
from lumo.postgres.types import Connection

_AHEAD = timedelta(days=7)
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'"  # rather later than making the flush wait
_FIND = """
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = $1::text::regclass
"""


class Partition(msgspec.Struct, frozen=True):
    """The rows of `table` from one time (included) to another (excluded), both midnight UTC."""

    table: str
    begins_at: datetime
    ends_at: datetime

    @property
    def name(self) -> str:
        return f"{self.table}_{self.begins_at:%Y%m%d}"


async def make_ahead(connection: Connection, *, now: datetime) -> list[str]:
    """Make the partitions from now to 7 days ahead that are missing; returns their names."""
    made = []
    for table in ("flow_requests", "deliveries"):
        existing = await list_partitions(connection, table)
        for partition in _wanted(table, now=now):
            if partition.name not in existing:
                await _make(connection, partition, has_begun=partition.begins_at <= now)
                made.append(partition.name)
    return made


async def drop_before(connection: Connection, table: str, *, moment: datetime) -> list[str]:
    """Drop the partitions of `table` that end at or before `moment`; returns their names."""
    dropped = []
    for name in sorted(await list_partitions(connection, table)):
        partition = _parse(table, name)
        if partition and partition.ends_at <= moment:
            async with connection.transaction():
                await connection.execute(_LOCK_TIMEOUT)
                await connection.execute(f"DROP TABLE {name}")
            dropped.append(name)
    return dropped


async def list_partitions(connection: Connection, table: str) -> set[str]:
    """The names of a table's partitions, the DEFAULT one included."""
    return {record["relname"] for record in await connection.fetch(_FIND, table)}


def _wanted(table: str, *, now: datetime) -> Iterator[Partition]:
    partition = _containing(table, now)
    while partition.begins_at <= now + _AHEAD:
        yield partition
        partition = _containing(table, partition.ends_at)


def _containing(table: str, moment: datetime) -> Partition:
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if table == "flow_requests":
        return Partition(table, midnight, midnight + timedelta(days=1))
    first = midnight.replace(day=1)
    return Partition(table, first, (first + timedelta(days=32)).replace(day=1))


def _parse(table: str, name: str) -> Partition | None:
    suffix = name.removeprefix(f"{table}_")
    if not suffix.isdigit():
        return None
    return _containing(table, datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=UTC))


async def _make(connection: Connection, partition: Partition, *, has_begun: bool) -> None:
    """Make a partition beside its table, move what the DEFAULT one took in its place, attach it.

    Where rows may move the whole table is locked: a statement that was planned when there was only the DEFAULT one
    would miss them, and attaching does not stop it.
    """
    first, end = ids.first_id_at(partition.begins_at), ids.first_id_at(partition.ends_at)
    table, name = partition.table, partition.name
    locked = table if has_begun else f"{table}_default"
    async with connection.transaction():
        await connection.execute(_LOCK_TIMEOUT)
        await connection.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        await connection.execute(
            f"WITH moved AS (DELETE FROM {table}_default WHERE id >= {first} AND id < {end} RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM moved"
        )
        await connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})")
