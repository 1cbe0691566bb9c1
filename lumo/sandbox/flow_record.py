"""What the emulated Klaviyo remembers of Flows: Webhook actions, who came to them, and each try to post.

One SQLite file beside the LINE emulator's. Each change is committed before the method returns.
"""

import secrets
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lumo.sandbox.flow_retries import RunState, Verdict
from lumo.sandbox.sqlite_file import SqliteFile

ANSWER_LENGTH = 2_000  # characters of an answer that are kept

_SCHEMA = (Path(__file__).parent / "flow_record.sql").read_text(encoding="utf-8")
_LEASE_MS = 60_000  # a try that was not finished in this time died with its process; longer than any post takes
_ID_LETTERS = string.ascii_letters + string.digits


class NewFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A Flow with one Webhook action. `metric` starts it: empty for a list, a segment or a date. `body` as pasted."""

    name: str
    metric: str
    destination_url: str
    header_name: str
    header_value: str
    body: str


class Flow(NewFlow, frozen=True, kw_only=True):
    """The same, saved. `klaviyo_flow_id` is what X-Klaviyo-Flow-ID carries: six letters and digits."""

    id: int
    klaviyo_flow_id: str
    created_ms: int


class Run(msgspec.Struct, frozen=True):
    """One person who came to a Webhook action. `body` is rendered; `next_try_ms` is None when no try will follow."""

    id: int
    flow_id: int
    profile_key: str
    event_key: str
    body: str
    created_ms: int
    state: RunState
    next_try_ms: int | None


class Try(msgspec.Struct, frozen=True):
    """One post. `status` is None when no answer came; `answer` begins as the answer did, or says why there was none."""

    id: int
    run_id: int
    at_ms: int
    status: int | None
    answer: str


_FLOW = ", ".join(f"flows.{name}" for name in Flow.__struct_fields__)
_RUN_FIELDS = ", ".join(Run.__struct_fields__)
_RUN = ", ".join(f"runs.{name}" for name in Run.__struct_fields__)
_TRY = ", ".join(Try.__struct_fields__)


class FlowRecord(SqliteFile):
    """The record at `path`, made when it is missing. One thread at a time may use an instance; `with` closes it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, schema=_SCHEMA)

    # Flows

    def add_flow(self, new: NewFlow, *, now_ms: int) -> Flow:
        """Save a Flow; it gets an id as Klaviyo gives one."""
        klaviyo_flow_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(6))
        cursor = self._db.execute(
            "INSERT INTO flows (name, metric, destination_url, header_name, header_value, body, klaviyo_flow_id,"
            " created_ms) VALUES (:name, :metric, :destination_url, :header_name, :header_value, :body, :flow, :now)",
            msgspec.structs.asdict(new) | {"flow": klaviyo_flow_id, "now": now_ms},
        )
        assert cursor.lastrowid is not None
        return self.get_flow(cursor.lastrowid)

    def change_flow(self, flow_id: int, new: NewFlow) -> None:
        """Replace what a person typed. Runs that wait post what they were rendered to, to the new address."""
        self._db.execute(
            "UPDATE flows SET name = :name, metric = :metric, destination_url = :destination_url,"
            " header_name = :header_name, header_value = :header_value, body = :body WHERE id = :id",
            msgspec.structs.asdict(new) | {"id": flow_id},
        )

    def get_flow(self, flow_id: int) -> Flow:
        """The Flow of that id. Raises KeyError."""
        flow = self.find_flow(flow_id)
        if flow is None:
            raise KeyError(flow_id)
        return flow

    def find_flow(self, flow_id: int) -> Flow | None:
        row = self._db.execute(f"SELECT {_FLOW} FROM flows WHERE id = ?", (flow_id,)).fetchone()
        return _flow(row) if row else None

    def list_flows(self) -> list[tuple[Flow, Run | None]]:
        """Every Flow with its last run, the newest Flow first."""
        rows = self._db.execute(
            f"SELECT {_FLOW}, {_RUN} FROM flows LEFT JOIN runs"
            " ON runs.id = (SELECT max(id) FROM runs AS one WHERE one.flow_id = flows.id) ORDER BY flows.id DESC"
        )
        width = len(Flow.__struct_fields__)
        return [(_flow(row[:width]), Run(*row[width:]) if row[width] else None) for row in rows]

    # Runs and tries

    def add_run(self, flow_id: int, *, profile_key: str, event_key: str, body: str, now_ms: int) -> Run:
        """Let a person come to the action: its first try is due at once."""
        cursor = self._db.execute(
            "INSERT INTO runs (flow_id, profile_key, event_key, body, created_ms, state, next_try_ms)"
            " VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?5)",
            (flow_id, profile_key, event_key, body, now_ms),
        )
        assert cursor.lastrowid is not None
        return self.get_run(cursor.lastrowid)

    def get_run(self, run_id: int) -> Run:
        """The run of that id. Raises KeyError."""
        run = self.find_run(run_id)
        if run is None:
            raise KeyError(run_id)
        return run

    def find_run(self, run_id: int) -> Run | None:
        row = self._db.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run_id,)).fetchone()
        return Run(*row) if row else None

    def list_runs(self, flow_id: int, *, limit: int) -> list[Run]:
        """The newest runs of a Flow, newest first."""
        rows = self._db.execute(f"SELECT {_RUN} FROM runs WHERE flow_id = ? ORDER BY id DESC LIMIT ?", (flow_id, limit))
        return [Run(*row) for row in rows]

    def list_tries(self, run_id: int) -> list[Try]:
        """The tries of a run, in their order."""
        return [
            Try(*row) for row in self._db.execute(f"SELECT {_TRY} FROM tries WHERE run_id = ? ORDER BY id", (run_id,))
        ]

    def claim_due(self, *, now_ms: int, limit: int) -> list[Run]:
        """Take runs whose next try is due; no other process gets them for a minute."""
        rows = self._db.execute(
            "UPDATE runs SET next_try_ms = ?1 + ?2 WHERE id IN (SELECT id FROM runs WHERE next_try_ms <= ?1"
            f" ORDER BY next_try_ms LIMIT ?3) RETURNING {_RUN_FIELDS}",
            (now_ms, _LEASE_MS, limit),
        ).fetchall()
        return [Run(*row) for row in rows]

    def add_try(self, run_id: int, *, at_ms: int, status: int | None, answer: str) -> Try:
        """Record what a post was answered; `set_verdict` says what it means for the run."""
        cursor = self._db.execute(
            "INSERT INTO tries (run_id, at_ms, status, answer) VALUES (?, ?, ?, ?)",
            (run_id, at_ms, status, answer[:ANSWER_LENGTH]),
        )
        assert cursor.lastrowid is not None
        return Try(cursor.lastrowid, run_id, at_ms, status, answer[:ANSWER_LENGTH])

    def set_verdict(self, run_id: int, verdict: Verdict) -> None:
        self._db.execute(
            "UPDATE runs SET state = ?, next_try_ms = ? WHERE id = ?", (verdict.state, verdict.next_try_ms, run_id)
        )


def _flow(row: Sequence[Any]) -> Flow:
    return Flow(**dict(zip(Flow.__struct_fields__, row, strict=True)))
