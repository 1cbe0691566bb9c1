"""Where the time goes (`--profile`): ingest and worker by function (py-spy), PostgreSQL by statement."""

import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.processes import cpu_seconds, running, threads, tree
from benchmarks.tables import table
from lumo.postgres.cluster import ADMIN

_KINDS = ("ingest", "worker", "floor")
_PY_SPY = str(Path(sys.executable).with_name("py-spy"))
_RATE = 200
_SHOWN = 25
_STATEMENTS_SHOWN, _STATEMENT_LENGTH = 15, 100
_SQL_COMMENT = re.compile(r"--.*")
_LOOP = "Runner.run (asyncio/runners.py)"

STATEMENT_SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
    "pg_stat_statements.track_utility": "on",
}
# Time as the clock counts it, waits for the disk, a core or the other side included: best read below saturation.
_STATEMENTS = """
    SELECT total_exec_time + total_plan_time AS total_ms, calls, total_plan_time AS planning_ms, rows, query
    FROM pg_stat_statements WHERE calls > 0 ORDER BY total_ms DESC
"""
_RESULTS = 'COPY "deliveries"'  # the statement that has a row for every message
_BACKENDS = (
    "SELECT pid, CASE application_name WHEN '' THEN backend_type ELSE application_name END FROM pg_stat_activity"
)


@contextmanager
def profiling(roots: Mapping[str, Sequence[int]], folder: Path) -> Iterator[None]:
    """Sample the busiest process of each kind while the block runs; writes `profile-<kind>.txt` into `folder`.

    Python code only: what the HTTP client does in threads of its own shows in the CPU by thread.
    """
    with ExitStack() as stack:
        busiest = {kind: max(tree(roots[kind][0]), key=cpu_seconds) for kind in _KINDS if kind in roots}
        used_before = {kind: threads(pid) for kind, pid in busiest.items()}
        for kind, pid in busiest.items():
            command = [_PY_SPY, "record", "--nonblocking", "--pid", str(pid), "--rate", str(_RATE)]
            command += ["--format", "raw", "--output", str(_stacks(folder, kind)), "--duration", "86400"]
            stack.enter_context(running(command, log=folder / f"py-spy-{kind}.log", stop_by=signal.SIGINT))
        yield
        used = {kind: _shares_of_cpu("thread", used_before[kind], threads(pid)) for kind, pid in busiest.items()}
    for kind in busiest:
        report = f"{used[kind]}\n\n{summarize(_stacks(folder, kind).read_text(encoding='utf-8'))}\n"
        (folder / f"profile-{kind}.txt").write_text(report, encoding="utf-8")


@contextmanager
def counting_statements(database_url: str, folder: Path) -> Iterator[None]:
    """Count what connections and statements cost while the block runs; writes `profile-PostgreSQL.txt` into `folder`.

    The server must have been started with `STATEMENT_SETTINGS`.
    """
    with psycopg.connect(database_url, user=ADMIN, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
        used_before = _by_backend(connection)
        yield
        used = _by_backend(connection)
        found = connection.execute(_STATEMENTS).fetchall()
    text = f"{_shares_of_cpu('process', used_before, used)}\n\n{_list_statements(found)}\n"
    (folder / "profile-PostgreSQL.txt").write_text(text, encoding="utf-8")


def _by_backend(connection: "psycopg.Connection[tuple[Any, ...]]") -> dict[str, float]:
    used: dict[str, float] = {}
    for pid, name in connection.execute(_BACKENDS):
        used[name] = used.get(name, 0.0) + cpu_seconds(pid)
    return used


def _list_statements(found: Sequence[tuple[Any, ...]]) -> str:
    messages = max(1, sum(rows for *_, rows, query in found if query.startswith(_RESULTS)))
    head = ("µs a message", "calls", "µs a call", "of it planning", "rows", "statement")
    lines = [
        [
            f"{total * 1000 / messages:.1f}",
            str(calls),
            f"{total * 1000 / calls:.0f}",
            f"{planning * 1000 / calls:.0f}",
            str(rows),
            " ".join(_SQL_COMMENT.sub("", query).split())[:_STATEMENT_LENGTH],
        ]
        for total, calls, planning, rows, query in found[:_STATEMENTS_SHOWN]
    ]
    return table(head, lines)


def summarize(stacks: str) -> str:
    """Shares of the samples: by the innermost function, and by every function that was on the way."""
    innermost: Counter[str] = Counter()
    on_the_way: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = [frame.rpartition(":")[0] + ")" for frame in frames.split(";") if ":" in frame]
        innermost[names[-1] if names else "(a thread without Python code)"] += int(count)
        above_the_loop = names.index(_LOOP) + 1 if _LOOP in names else 0
        on_the_way.update(dict.fromkeys(names[above_the_loop:], int(count)))
    total = max(1, innermost.total())
    return "\n".join(
        [
            "Innermost function:",
            *_shares(innermost, total),
            "",
            "Function with all that it calls:",
            *_shares(on_the_way, total),
        ]
    )


def _shares(counts: Counter[str], total: int) -> list[str]:
    return [f"{count / total:6.1%}  {name}" for name, count in counts.most_common(_SHOWN)]


def _shares_of_cpu(part: str, before: Mapping[str, float], after: Mapping[str, float]) -> str:
    used = sorted(((seconds - before.get(name, 0.0), name) for name, seconds in after.items()), reverse=True)
    total = max(0.01, sum(seconds for seconds, _ in used))
    shares = [f"{name} {seconds / total:.0%}" for seconds, name in used if seconds > total / 200]
    return f"CPU by {part}: {', '.join(shares)}"


def _stacks(folder: Path, kind: str) -> Path:
    return folder / f"stacks-{kind}.txt"
