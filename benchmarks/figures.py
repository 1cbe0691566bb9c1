"""What a run came to: the load's record joined with LINE's log, and what the processes used meanwhile."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from benchmarks.load import Result
from benchmarks.processes import Usage
from lumo.deliveries.ids import retry_key


class Window(msgspec.Struct, frozen=True):
    """The measured time: from `begin` (unix seconds) on for so many `seconds`."""

    begin: float
    seconds: float

    def __contains__(self, moment: float) -> bool:
        return self.begin <= moment < self.begin + self.seconds


class Reading(msgspec.Struct, frozen=True):
    """What every kind of process, and the machine as a whole (CPU seconds), had used at one moment."""

    kinds: dict[str, Usage]
    machine: float


class Pushes(msgspec.Struct, frozen=True):
    """LINE's log: first and all acceptances of a retry key (unix seconds), and how many were repeats."""

    first: dict[str, float]
    times: list[float]
    repeated: int


class Latency(msgspec.Struct, frozen=True):
    """Median and 99th percentile in ms; 0 when nothing arrived."""

    p50: float
    p99: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to: rates a second, latencies, CPU in µs a message, MiB of memory.

    `lost`: acknowledged but never at LINE; `repeated`: pushes that LINE got more than once; `refused`: other answers
    than 202; `pages_failed`: other answers than 200. `cores` is the CPU that all our processes used together,
    `elsewhere` what the rest of the machine used.
    """

    accepted: float
    delivered: float
    accept: Latency
    end_to_end: Latency
    pages: Latency
    cores: float
    elsewhere: float
    lost: int
    repeated: int
    refused: int
    pages_failed: int
    cpu: dict[str, float]
    memory: dict[str, float]


def read_log(log: Path) -> Pushes:
    """The pushes that the stand-in answered with 200."""
    first: dict[str, float] = {}
    times = []
    for line in log.read_text(encoding="ascii").splitlines():
        at, _, status, _, key = line.split(" ")
        if status == "200":
            times.append(float(at))
            first.setdefault(key, float(at))
    return Pushes(first, times, len(times) - len(first))


def figures(result: Result, pushes: Pushes, before: Reading, after: Reading, window: Window) -> Figures:
    """The figures of one run; latencies are those of the requests that were due within the window."""
    arrivals = [pushes.first.get(retry_key(number)) if number else None for number in result.ids]
    taken = [at for at, status in zip(result.answered, result.statuses, strict=True) if status == 202]
    accepts = [at if number else None for at, number in zip(result.answered, result.ids, strict=True)]
    delivered = sum(at in window for at in pushes.times)
    cpu = {kind: after.kinds[kind].cpu - before.kinds[kind].cpu for kind in before.kinds}
    return Figures(
        accepted=sum(at in window for at in taken) / window.seconds,
        delivered=delivered / window.seconds,
        accept=_latency(result.planned, accepts, window),
        end_to_end=_latency(result.planned, arrivals, window),
        pages=_latency(result.page_planned, [at or None for at in result.page_answered], window),
        cores=sum(cpu.values()) / window.seconds,
        elsewhere=max(0.0, after.machine - before.machine - sum(cpu.values())) / window.seconds,
        lost=len(taken) - sum(at is not None for at in arrivals),
        repeated=pushes.repeated,
        refused=len(result.statuses) - len(taken),
        pages_failed=len(result.page_statuses) - result.page_statuses.count(200),
        cpu={kind: seconds / max(1, delivered) * 1e6 for kind, seconds in cpu.items()},
        memory={kind: usage.memory / 2**20 for kind, usage in after.kinds.items()},
    )


def medians(runs: Sequence[Figures]) -> Figures:
    """Of every rate, latency and cost the median; of what went wrong the sum of all runs."""
    fields = [msgspec.to_builtins(run) for run in runs]
    return msgspec.convert({name: _typical([run[name] for run in fields]) for name in fields[0]}, Figures)


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of `values` that `percent` of them do not exceed; 0 of none."""
    position = max(0, -(-len(values) * percent // 100) - 1)
    return sorted(values)[position] if values else 0.0


def _typical(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return {key: median(value[key] for value in values) for key in values[0]}
    return sum(values) if isinstance(values[0], int) else median(values)


def _latency(planned: Sequence[float], arrived: Iterable[float | None], window: Window) -> Latency:
    took = [(at - due) * 1000 for due, at in zip(planned, arrived, strict=True) if at is not None and due in window]
    return Latency(percentile(took, 50), percentile(took, 99))
