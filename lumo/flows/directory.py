"""Who may post: connections, their keys and LINE accounts, kept in memory and never trusted to refuse.

The memory only speeds up acceptance. Whoever is about to be refused is looked up again first; what the flush finds
out of date (DESIGN §4: it reads key version and enabled flag once more) is forgotten.
"""

import asyncio
import hmac
import time
from collections.abc import Mapping

import asyncpg
import msgspec

from lumo.lib.encryption import Keyring, WrongSecretKeyError
from lumo.lib.logs import get_logger
from lumo.postgres.lasting import LastingConnection
from lumo.postgres.types import Connection
from lumo.profiles.authentication import digest

log = get_logger(__name__)

_LOOK_EVERY = 0.1  # seconds: at most ten looks a second for a connection, and for all of them together
_MOST_A_LOOK = 1000
_LOAD = """
    SELECT c.id, c.public_id, c.workspace_id, is_enabled, key_encrypted, key_version,
        ARRAY(SELECT digest FROM retired_keys r WHERE r.connection_id = c.id) AS retired_digests,
        ARRAY(SELECT a.public_id FROM official_accounts a WHERE a.workspace_id = c.workspace_id ORDER BY a.id)
            AS account_public_ids,
        ARRAY(SELECT a.id FROM official_accounts a WHERE a.workspace_id = c.workspace_id ORDER BY a.id) AS account_ids,
        ARRAY(SELECT m.public_id FROM auto_send_messages m WHERE m.workspace_id = c.workspace_id
            AND m.archived_at IS NULL) AS messages
    FROM klaviyo_connections c
    WHERE c.public_id = ANY($1::text[])
"""


class Entry(msgspec.Struct, frozen=True):
    """A connection as it was at `read_at` (monotonic). `accounts` maps public ids of LINE accounts to row ids;
    `messages` has the public ids of the Auto Send Messages that may be named.
    """

    id: int
    workspace_id: int
    is_enabled: bool
    key: bytes
    key_version: int
    retired_digests: frozenset[bytes]
    accounts: Mapping[str, int]
    messages: frozenset[str]
    read_at: float

    def find_fault(self, presented: bytes | None) -> str | None:
        """Why this key does not open the door (compared in constant time); None when it does."""
        if not self.is_enabled:
            return "connection_disabled"
        if not presented:
            return "key_missing"
        if hmac.compare_digest(presented, self.key):
            return None
        return "key_reissued" if digest(presented) in self.retired_digests else "key_wrong"


class Directory:
    """Entries by public id: `find` asks the memory, `look_again` the database."""

    def __init__(self, database: LastingConnection, keyring: Keyring, *, kept: float) -> None:
        """`kept` in seconds: so long may this process not know of an account or an archived message."""
        self._database = database
        self._kept = kept
        self._keyring = keyring
        self._entries: dict[str, Entry] = {}
        self._unreadable: set[str] = set()
        self._asked_for: set[str] = set()
        self._next_look: asyncio.Task[None] | None = None
        self._next_look_at = 0.0  # on the monotonic clock

    def find(self, public_id: str) -> Entry | None:
        """What the memory says, as long as it is fresh."""
        entry = self._entries.get(public_id)
        return entry if entry and time.monotonic() - entry.read_at < self._kept else None

    def forget(self, public_id: str) -> None:
        """The database said something else just now."""
        self._entries.pop(public_id, None)

    async def look_again(self, public_id: str) -> Entry | None:
        """What the database says now. Raises DATABASE_ERRORS, also when more ask than one look may answer, and for a
        connection whose key was encrypted with a secret key that this process was not given.

        All who ask within 0.1 s share one look, which begins after they asked: a flood of keys or of made-up ids
        costs ten statements a second.
        """
        if len(self._asked_for) >= _MOST_A_LOOK and public_id not in self._asked_for:
            raise ConnectionError("too many unknown connections at once")
        self._asked_for.add(public_id)
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        await asyncio.shield(self._next_look)
        if public_id in self._unreadable:
            raise ConnectionError("its key can't be decrypted")
        return self._entries.get(public_id)

    async def _look(self) -> None:
        await asyncio.sleep(self._next_look_at - time.monotonic())
        self._next_look_at = time.monotonic() + _LOOK_EVERY
        public_ids, self._asked_for, self._next_look = list(self._asked_for), set(), None
        records = await self._load(public_ids)
        for public_id in public_ids:
            self.forget(public_id)
        for record in records:
            self._remember(record)

    def _remember(self, record: asyncpg.Record) -> None:
        public_id = record["public_id"]
        self._unreadable.discard(public_id)
        try:
            self._entries[public_id] = self._entry(record)
        except WrongSecretKeyError:
            self._unreadable.add(public_id)
            log.error("a key can't be decrypted: restart with the newest LUMO_SECRET_KEY", connection=public_id)

    async def _load(self, public_ids: list[str]) -> list[asyncpg.Record]:
        async def load(connection: Connection) -> list[asyncpg.Record]:
            return await connection.fetch(_LOAD, public_ids)

        return await self._database.run(load)

    def _entry(self, record: asyncpg.Record) -> Entry:
        return Entry(
            id=record["id"],
            workspace_id=record["workspace_id"],
            is_enabled=record["is_enabled"],
            key=self._keyring.decrypt(record["key_encrypted"]).encode(),
            key_version=record["key_version"],
            retired_digests=frozenset(record["retired_digests"]),
            accounts=dict(zip(record["account_public_ids"], record["account_ids"], strict=True)),
            messages=frozenset(record["messages"]),
            read_at=time.monotonic(),
        )
