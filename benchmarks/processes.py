"""The processes of a run: start and stop them, and read from /proc what their trees cost."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

_TICK = os.sysconf("SC_CLK_TCK")
_DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")
_STOP_SECONDS = 30.0


class BenchError(Exception):
    """The benchmark can't go on; the message says why and what helps."""


class Usage(msgspec.Struct, frozen=True):
    """What a process tree has cost so far: CPU seconds (user and system) and its memory now, in bytes (PSS)."""

    cpu: float
    memory: int


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    stop_by: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; what it prints goes to `log`. It also ends when this process is killed."""
    with log.open("ab") as output, tempfile.TemporaryFile() as standard_input:
        standard_input.write(stdin)
        standard_input.seek(0)
        process = subprocess.Popen(
            [*_DIES_WITH_US, *command],
            stdin=standard_input,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process, stop_by)


def _stop(process: subprocess.Popen[bytes], stop_by: signal.Signals) -> None:
    """Ask it to end; after 30 s, or once it is gone, SIGKILL to what is left of its process group."""
    process.send_signal(stop_by)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float, log: Path | None = None) -> None:
    """Wait for `condition`. Raises BenchError with the end of `log` when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"{what} did not happen within {seconds:.0f} s.\n{_tail(log)}")
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def measure(roots: Sequence[int]) -> Usage:
    """The cost of the trees below these process ids, children that have ended included."""
    pids = [pid for root in roots for pid in tree(root)]
    return Usage(sum(map(cpu_seconds, pids)), sum(map(_memory, pids)))


def machine_cpu() -> float:
    """CPU seconds that the whole machine has spent on anything (proc_stat(5): all but idle, iowait and steal)."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:7])) / _TICK


def tree(root: int) -> list[int]:
    """This process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def cpu_seconds(pid: int) -> float:
    """What a process and its ended children have used: utime, stime, cutime, cstime of proc_pid_stat(5)."""
    return sum(map(int, _stat(pid)[11:15])) / _TICK


def threads(pid: int) -> dict[str, float]:
    """CPU seconds of a process by the name of its threads."""
    used: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text(encoding="utf-8").strip()
        used[name] = used.get(name, 0.0) + sum(map(int, _stat(f"{pid}/task/{task.name}")[11:13])) / _TICK
    return used


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/<pid>/stat from the third (state) on; none when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()


def _tail(log: Path | None) -> str:
    return "" if log is None or not log.exists() else log.read_text(encoding="utf-8", errors="replace")[-2000:]
