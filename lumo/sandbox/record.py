"""What the LINE emulator remembers: channels, tokens, friends, accepted pushes and every attempt, in one SQLite file.

Any number of processes and threads may use it at the same time; who writes waits for the other. Each change is
committed before the method returns.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec

from lumo.sandbox.faults import NO_FAULTS, Faults
from lumo.sandbox.sqlite_file import SqliteFile

FriendState = Literal["following", "blocked", "unknown"]

_SCHEMA = (Path(__file__).parent / "record.sql").read_text(encoding="utf-8")
_PUSH_COLUMNS = "id, channel_id, user_id, retry_key, arrived_ms, request_id, delivered, body"


class Channel(msgspec.Struct, frozen=True):
    """An Official Account of the emulator. `quota` is the month's limit, None for none; `used` counts this month."""

    channel_id: str
    secret: str
    bot_user_id: str
    basic_id: str
    display_name: str
    quota: int | None
    used: int


class Friend(msgspec.Struct, frozen=True):
    """A user as one channel sees them. `last_delivered_ms` is None until something reached them."""

    channel_id: str
    user_id: str
    display_name: str
    state: FriendState
    last_delivered_ms: int | None


class NewPush(msgspec.Struct, frozen=True, kw_only=True):
    """A push about to be accepted. `retry_key` in lower case, None when the request carried none."""

    channel_id: str
    user_id: str
    retry_key: str | None
    arrived_ms: int
    request_id: str
    delivered: bool
    body: bytes


class Push(msgspec.Struct, frozen=True):
    """An accepted push; `delivered` is false for a friend who blocked the account. `body` is what was posted."""

    id: int
    channel_id: str
    user_id: str
    retry_key: str | None
    arrived_ms: int
    request_id: str
    delivered: bool
    body: msgspec.Raw

    def decoded(self) -> Any:
        """The body as Python objects."""
        return msgspec.json.decode(self.body)


class Attempt(msgspec.Struct, frozen=True):
    """One call to push, with the status that was answered. `channel_id` is empty when the token was unknown."""

    id: int
    at_ms: int
    channel_id: str
    retry_key: str | None
    status: int


class Stats(msgspec.Struct, frozen=True):
    """Counts since the last reset: pushes accepted, of these delivered, calls to push, calls answered 409."""

    accepted: int
    delivered: int
    attempts: int
    duplicates: int


class LineRecord(SqliteFile):
    """The record at `path`, made when it is missing. One thread at a time may use an instance; `with` closes it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, schema=_SCHEMA)

    # Channels and tokens

    def register_channel(self, channel_id: str, *, secret: str = "", display_name: str = "") -> Channel:
        """Add a channel, or set the secret and name of a known one where they are given."""
        digest = sha256(channel_id.encode()).hexdigest()
        self._db.execute(
            "INSERT INTO channels (channel_id, secret, bot_user_id, basic_id, display_name, quota, used)"
            " SELECT ?1, ?2, ?3, ?4, ifnull(nullif(?5, ''), ?6), quota, used FROM defaults WHERE true"
            " ON CONFLICT (channel_id) DO UPDATE SET secret = ifnull(nullif(?2, ''), secret),"
            " display_name = ifnull(nullif(?5, ''), display_name)",
            (channel_id, secret, f"U{digest[:32]}", f"@{digest[:8]}", display_name, f"Sandbox {channel_id}"),
        )
        return self.get_channel(channel_id)

    def get_channel(self, channel_id: str) -> Channel:
        """The channel of that id. Raises KeyError."""
        channel = self.find_channel(channel_id)
        if channel is None:
            raise KeyError(channel_id)
        return channel

    def find_channel(self, channel_id: str) -> Channel | None:
        row = self._db.execute("SELECT * FROM channels WHERE channel_id = ?", (channel_id,)).fetchone()
        return Channel(*row) if row else None

    def set_quota(self, value: int | None, used: int, *, channel_id: str = "") -> None:
        """Set the month's limit (None for none) and use of one channel, or of all, those to come included."""
        if channel_id:
            self._db.execute("UPDATE channels SET quota = ?, used = ? WHERE channel_id = ?", (value, used, channel_id))
            return
        with self.transaction():
            self._db.execute("UPDATE channels SET quota = ?, used = ?", (value, used))
            self._db.execute("UPDATE defaults SET quota = ?, used = ?", (value, used))

    def add_token(self, token: str, channel_id: str, *, expires_ms: int) -> None:
        self._db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (token, channel_id, expires_ms))

    def find_token(self, token: str) -> tuple[Channel, int] | None:
        """The channel a token was issued for and when it expires (unix ms), expired or not."""
        row = self._db.execute(
            "SELECT channels.*, expires_ms FROM tokens JOIN channels USING (channel_id) WHERE token = ?", (token,)
        ).fetchone()
        return (Channel(*row[:-1]), row[-1]) if row else None

    # Faults

    def faults(self) -> Faults:
        """How the emulator is to misbehave now."""
        [content] = self._db.execute("SELECT content FROM faults").fetchone()
        return msgspec.json.decode(content, type=Faults)

    def set_faults(self, faults: Faults) -> None:
        """Let the emulator misbehave like this from its next call on; `NO_FAULTS` ends it."""
        self._db.execute("UPDATE faults SET content = ?", (msgspec.json.encode(faults).decode(),))

    # Friends

    def set_friend(self, channel_id: str, user_id: str, *, state: FriendState, display_name: str = "") -> None:
        """Say how a user stands to a channel; an empty name keeps the name they have."""
        self._db.execute(
            "INSERT INTO friends (channel_id, user_id, display_name, state)"
            " VALUES (?1, ?2, ifnull(nullif(?3, ''), ?4), ?5) ON CONFLICT DO UPDATE SET state = ?5,"
            " display_name = ifnull(nullif(?3, ''), display_name)",
            (channel_id, user_id, display_name, default_name(user_id), state),
        )

    def find_friend(self, channel_id: str, user_id: str) -> Friend | None:
        row = self._db.execute(
            "SELECT * FROM friends WHERE channel_id = ? AND user_id = ?", (channel_id, user_id)
        ).fetchone()
        return Friend(*row) if row else None

    def list_friends(self, *, limit: int) -> list[Friend]:
        """Friends who got something first, the latest on top; then the others."""
        rows = self._db.execute(
            "SELECT * FROM friends WHERE state <> 'unknown'"
            " ORDER BY last_delivered_ms DESC NULLS LAST, channel_id, user_id LIMIT ?",
            (limit,),
        )
        return [Friend(*row) for row in rows]

    # Pushes and attempts

    def find_push_by_retry_key(self, channel_id: str, retry_key: str) -> Push | None:
        row = self._db.execute(
            f"SELECT {_PUSH_COLUMNS} FROM pushes WHERE channel_id = ? AND retry_key = ?", (channel_id, retry_key)
        ).fetchone()
        return _push(row) if row else None

    def forget_retry_key(self, push_id: int) -> None:
        """Free a push's retry key, so that a push may use it anew."""
        self._db.execute("UPDATE pushes SET retry_key = NULL WHERE id = ?", (push_id,))

    def add_push(self, push: NewPush, *, status: int) -> int:
        """Store an accepted push and the attempt that brought it; a delivered one counts as used. Returns its id.

        Raises sqlite3.IntegrityError when the channel has accepted this retry key before.
        """
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO pushes (channel_id, user_id, retry_key, arrived_ms, request_id, delivered, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                msgspec.structs.astuple(push),
            )
            self.add_attempt(push.channel_id, push.retry_key, at_ms=push.arrived_ms, status=status)
            if push.delivered:
                self._count_delivered(push)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def add_attempt(self, channel_id: str, retry_key: str | None, *, at_ms: int, status: int) -> None:
        self._db.execute(
            "INSERT INTO attempts (at_ms, channel_id, retry_key, status) VALUES (?, ?, ?, ?)",
            (at_ms, channel_id, retry_key, status),
        )

    def list_pushes(self, *, since: int = 0, limit: int = -1) -> list[Push]:
        """Accepted pushes whose id is greater than `since`, in the order of their arrival."""
        rows = self._db.execute(f"SELECT {_PUSH_COLUMNS} FROM pushes WHERE id > ? ORDER BY id LIMIT ?", (since, limit))
        return [_push(row) for row in rows]

    def list_attempts(self, *, since: int = 0, limit: int = -1) -> list[Attempt]:
        """Calls to push whose id is greater than `since`, in the order of their answers."""
        rows = self._db.execute("SELECT * FROM attempts WHERE id > ? ORDER BY id LIMIT ?", (since, limit))
        return [Attempt(*row) for row in rows]

    def list_chat(self, channel_id: str, user_id: str, *, limit: int) -> list[Push]:
        """The newest `limit` pushes that reached a friend, oldest first."""
        rows = self._db.execute(
            f"SELECT {_PUSH_COLUMNS} FROM pushes WHERE channel_id = ? AND user_id = ? AND delivered"
            " ORDER BY id DESC LIMIT ?",
            (channel_id, user_id, limit),
        )
        return [_push(row) for row in rows][::-1]

    def stats(self) -> Stats:
        row = self._db.execute(
            "SELECT (SELECT count(*) FROM pushes), (SELECT count(*) FROM pushes WHERE delivered),"
            " (SELECT count(*) FROM attempts), (SELECT count(*) FROM attempts WHERE status = 409)"
        ).fetchone()
        return Stats(*row)

    def reset(self) -> None:
        """Forget pushes, attempts, friends, quotas and faults; channels and their tokens stay."""
        with self.transaction():
            self.set_faults(NO_FAULTS)
            for table in ("pushes", "attempts", "friends"):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("UPDATE channels SET quota = NULL, used = 0")
            self._db.execute("UPDATE defaults SET quota = NULL, used = 0")

    def _count_delivered(self, push: NewPush) -> None:
        self._db.execute(
            "INSERT INTO friends VALUES (?1, ?2, ?3, 'following', ?4) ON CONFLICT DO UPDATE SET last_delivered_ms = ?4",
            (push.channel_id, push.user_id, default_name(push.user_id), push.arrived_ms),
        )
        self._db.execute("UPDATE channels SET used = used + 1 WHERE channel_id = ?", (push.channel_id,))


def default_name(user_id: str) -> str:
    """What a friend is called who was given no name."""
    return f"Friend {user_id[1:5]}"


def _push(row: tuple[Any, ...]) -> Push:
    push_id, channel_id, user_id, retry_key, arrived_ms, request_id, delivered, body = row
    return Push(push_id, channel_id, user_id, retry_key, arrived_ms, request_id, bool(delivered), msgspec.Raw(body))
