"""One run: start everything fresh, load it, and read from /proc what it cost."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks.figures import Figures, Reading, Window, figures, read_log
from benchmarks.load import Plan, Result
from benchmarks.processes import BenchError, machine_cpu, measure, running, wait_until
from benchmarks.profiling import STATEMENT_SETTINGS, counting_statements, profiling
from benchmarks.stand_in import StandIn, stand_in
from benchmarks.targets import Target, floor, system

_DRAIN_SECONDS = 60.0  # longer than a row's deadline, a job's take-over and a few retries
_TAIL_SECONDS = 0.5  # the load goes on a little longer than is measured
_PAGE = "/sandbox/deliveries/"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the report: messages a second (0: saturation), LINE's delay, Django pages a second, the target.

    `is_card`: every message is a card of twelve products instead of a text.
    """

    name: str
    rate: float
    is_slow: bool = False
    page_rate: float = 0.0
    is_floor: bool = False
    is_card: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is the real system with nothing special about it."""
        return not (self.is_slow or self.page_rate or self.is_floor or self.is_card)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how hard: seconds, messages under way at saturation, processes, streams of an HTTP/2 connection."""

    warm_up: float
    seconds: float
    in_flight: int
    workers: int
    streams: int
    with_profile: bool

    @property
    def processes(self) -> int:
        """How many the floor has: one that accepts and those that send."""
        return self.workers + 1


def run_row(row: Row, conditions: Conditions, folder: Path) -> Figures:
    """Measure one row once, in a new folder, on new processes and a new database."""
    folder.mkdir()
    with (
        stand_in(folder / "line", streams=conditions.streams) as line,
        _target(row, conditions, folder, line) as target,
    ):
        result, before, after = _load(row, conditions, folder, target, line)
        _wait_for_the_rest(line.log, expected=result.statuses.count(202))
    window = Window(result.started_at + conditions.warm_up, conditions.seconds)
    return figures(result, read_log(line.log), before, after, window)


@contextmanager
def _target(row: Row, conditions: Conditions, folder: Path, line: StandIn) -> Iterator[Target]:
    url = line.slow_url if row.is_slow else line.url
    if row.is_floor:
        with floor(
            folder, line_url=url, ca_file=line.ca_file, processes=conditions.processes, with_card=row.is_card
        ) as target:
            yield target
    else:
        settings = STATEMENT_SETTINGS if conditions.with_profile else {}
        with system(
            folder,
            line_url=url,
            ca_file=line.ca_file,
            workers=conditions.workers,
            server_settings=settings,
            with_card=row.is_card,
        ) as target:
            yield target


def _load(
    row: Row, conditions: Conditions, folder: Path, target: Target, line: StandIn
) -> tuple[Result, Reading, Reading]:
    """Run the load; the readings are taken where the measured time begins and where it ends."""
    log, result = folder / "load.log", folder / "result.msgpack"
    plan = _plan(row, conditions, target, log=line.log, result=result)
    with running([sys.executable, "-m", "benchmarks.load"], log=log, stdin=msgspec.json.encode(plan)) as load:
        wait_until(lambda: log.read_bytes().endswith(b"\n"), what="The start of the load", seconds=10, log=log)
        started_at = float(log.read_text(encoding="ascii"))
        roots = target.roots | {"stand-in": [line.pid], "load": [load.pid]}
        before = _read_at(started_at + conditions.warm_up, roots)
        with ExitStack() as stack:
            if conditions.with_profile:
                stack.enter_context(profiling(roots, folder))
            if conditions.with_profile and target.database_url:
                stack.enter_context(counting_statements(target.database_url, folder))
            after = _read_at(started_at + conditions.warm_up + conditions.seconds, roots)
        if load.wait(120):
            raise BenchError(f"The load failed: {log.read_text(encoding='utf-8')[-2000:]}")
    return msgspec.msgpack.decode(result.read_bytes(), type=Result), before, after


def _plan(row: Row, conditions: Conditions, target: Target, *, log: Path, result: Path) -> Plan:
    in_flight = conditions.in_flight
    if row.is_floor:  # what its connections carry: more would only wait inside the HTTP client, which is no queue
        in_flight = min(in_flight, conditions.streams * conditions.processes)
    return Plan(
        ports=target.ports,
        path=target.path,
        headers=target.headers,
        accounts=target.accounts,
        message=target.message,
        rate=row.rate,
        in_flight=in_flight,
        seconds=conditions.warm_up + conditions.seconds + _TAIL_SECONDS,
        log=str(log),
        result=str(result),
        page_path=_PAGE,
        page_rate=row.page_rate,
    )


def _read_at(moment: float, roots: Mapping[str, Sequence[int]]) -> Reading:
    time.sleep(max(0.0, moment - time.time()))
    return Reading({kind: measure(pids) for kind, pids in roots.items()}, machine_cpu())


def _wait_for_the_rest(log: Path, *, expected: int) -> None:
    """Until LINE got as many pushes as requests were acknowledged, or none came for a minute."""
    arrived, last_news = 0, time.monotonic()
    while arrived < expected and time.monotonic() - last_news < _DRAIN_SECONDS:
        time.sleep(0.2)
        count = log.read_bytes().count(b"\n")
        if count > arrived:
            arrived, last_news = count, time.monotonic()
