"""`make bench-soak`: 500,000 pushes through each HTTP client against a LINE that misbehaves. Which client to keep?

Of the pushes the stand-in closes 0.5 % without an answer, answers 0.5 % with 500 and 0.1 % only after 2 s (the
clients give up after 1 s). It ends a connection in good order after 10,000 pushes, and every 5 s its process is killed
with all of them. Each client sends 2,500 pushes a second through `LineClient`, so failures are classified as the
worker sees them; a push is repeated with its key until LINE took it.
"""

import asyncio
import os
import resource
import shutil
import signal
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
import click
import msgspec
import uvloop

from benchmarks.figures import Pushes, read_log
from benchmarks.processes import running, tree
from benchmarks.stand_in import Faults, StandIn, stand_in
from benchmarks.tables import table
from lumo.deliveries.ids import retry_key
from lumo.integrations.errors import TransientError
from lumo.integrations.http import Answer, Http
from lumo.integrations.line.client import LineClient

_CLIENTS = ("pyreqwest h2", "pyreqwest h1", "aiohttp")
_HEAD = ("client", "seconds", "CPU µs a push", "failures", "given up", "lost", "answered twice", "memory MiB")
_FAULTS = Faults(closed=0.5, errors=0.5, slow=0.1, pushes_a_connection=10_000)
_RATE = 2500.0
_TIMEOUT = 1.0
_KILL_EVERY = 5.0
_KILL_EXPLAINS = 0.5
_HANGS_AFTER = 10.0
_UNDER_WAY = 200
_POOLS = 4  # as a sending process has
_ATTEMPTS = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_BODY = b'{"to":"U%032x","messages":[{"type":"text","text":"Your cart is waiting: https://shop.example/cart/c/1f0c2"}]}'


class Order(msgspec.Struct, frozen=True):
    """What a client's process is to do."""

    client: str
    pushes: int
    line_url: str
    ca_file: str
    result: str


class Record(msgspec.Struct, frozen=True):
    """What it came to: begin (unix seconds), failures by their words, numbers given up, CPU and time in seconds, MiB of
    memory at each tenth."""

    started_at: float
    failures: dict[str, int]
    given_up: list[int]
    cpu: float
    seconds: float
    memory: list[float]


class AiohttpHttp(Http):
    """The same function on aiohttp (HTTP/1.1): as many connections as pushes are under way."""

    def __init__(self, *, ca_file: str, timeout: float) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_UNDER_WAY, ssl=context, keepalive_timeout=50),
            timeout=aiohttp.ClientTimeout(total=timeout),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, method: str, url: str, *, headers: dict[str, str], body: bytes | None = None) -> Answer:
        try:
            async with self._session.request(method, url, headers=headers, data=body) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransientError(f"{type(error).__name__} at {urlsplit(url).hostname}") from error
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, content)


class Soak:
    """One client's pushes."""

    def __init__(self, order: Order, line: LineClient) -> None:
        self._order, self._line = order, line
        self._numbers = iter(range(1, order.pushes + 1))
        self._failures: Counter[str] = Counter()
        self._given_up: list[int] = []
        self._memory: list[float] = []

    async def run(self) -> Record:
        await self._line.fetch_quota("token-1")
        started_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(_UNDER_WAY):
                group.create_task(self._push_on(started_at))
        return Record(
            started_at=time.time() - (time.monotonic() - started_at),
            failures=dict(self._failures),
            given_up=self._given_up,
            cpu=time.process_time(),
            seconds=time.monotonic() - started_at,
            memory=self._memory,
        )

    async def _push_on(self, started_at: float) -> None:
        for number in self._numbers:
            await asyncio.sleep(started_at + number / _RATE - time.monotonic())
            if number % (self._order.pushes // 10) == 0:
                self._memory.append(_resident())
            await self._push(number)

    async def _push(self, number: int) -> None:
        pause, key, body = _FIRST_PAUSE, retry_key(number), _BODY % number
        for _ in range(_ATTEMPTS):
            try:
                async with asyncio.timeout(_HANGS_AFTER):
                    await self._line.push("token-1", body, retry_key=key)
                return
            except TransientError as error:
                self._failures[f"{error.status or 'no answer'}: {error.detail}"] += 1
            except TimeoutError:
                self._failures["no answer: hung in spite of its time-out"] += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._given_up.append(number)


async def _run_client(order: Order) -> Record:
    async with _http(order) as http:
        return await Soak(order, LineClient(http, replacement=order.line_url)).run()


def _http(order: Order) -> Http:
    if order.client == "aiohttp":
        return AiohttpHttp(ca_file=order.ca_file, timeout=_TIMEOUT)
    return Http(ca_file=order.ca_file, timeout=_TIMEOUT, http2=order.client == "pyreqwest h2", pools=_POOLS)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def _soak(client: str, pushes: int, folder: Path) -> list[str]:
    """Let one client do its pushes while connections die; its row of the report."""
    kills: list[float] = []
    with stand_in(folder / "line", streams=2 * _UNDER_WAY, faults=_FAULTS) as line:
        order = Order(client, pushes, line.url, str(line.ca_file), str(folder / "record.msgpack"))
        log, command = folder / "client.log", [sys.executable, "-m", "benchmarks.soak", "client"]
        with running(command, log=log, stdin=msgspec.json.encode(order)) as process:
            while process.poll() is None:
                time.sleep(_KILL_EVERY)
                kills.append(_kill_connections(line))
        if process.returncode:
            raise click.ClickException(f"{client} failed: {log.read_text(encoding='utf-8')[-2000:]}")
    record = msgspec.msgpack.decode(Path(order.result).read_bytes(), type=Record)
    for words, count in sorted(record.failures.items()):
        click.echo(f"{client}: {count} × {words}")
    return _row(order, record, read_log(line.log), kills)


def _kill_connections(line: StandIn) -> float:
    """Kill nginx's worker: connections are reset, what was under way has no answer. Another one starts. Tells when."""
    for pid in tree(line.pid)[1:]:
        os.kill(pid, signal.SIGKILL)
    return time.time()


def _row(order: Order, record: Record, pushes: Pushes, kills: Sequence[float]) -> list[str]:
    return [
        order.client,
        f"{record.seconds:.0f}",
        f"{record.cpu / order.pushes * 1e6:.0f}",
        str(sum(record.failures.values())),
        str(len(record.given_up)),
        str(len(_lost(order, record, pushes, kills))),
        str(pushes.repeated),
        f"{record.memory[0]:.0f} → {record.memory[-1]:.0f}",
    ]


def _lost(order: Order, record: Record, pushes: Pushes, kills: Sequence[float]) -> list[int]:
    """Pushes that the client calls accepted and LINE's log does not know.

    Those around a kill don't count: nginx takes the log of its last answers along. Push n was due at start + n / rate.
    """
    given_up = set(record.given_up)
    unknown = (n for n in range(1, order.pushes + 1) if n not in given_up and retry_key(n) not in pushes.first)
    return [n for n in unknown if all(abs(record.started_at + n / _RATE - at) > _KILL_EXPLAINS for at in kills)]


@click.group()
def main() -> None:
    """The soak."""


@main.command()
@click.option("--pushes", default=500_000, show_default=True, help="For each client.")
def compare(pushes: int) -> None:
    """Let all clients do the same."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="lumo-soak-", dir="/var/tmp"))
    rows = []
    try:
        for client in _CLIENTS:
            client_folder = folder / client.replace(" ", "-")
            client_folder.mkdir()
            rows.append(_soak(client, pushes, client_folder))
    finally:
        shutil.rmtree(folder)
    click.echo(f"\n{table(_HEAD, rows)}")


@main.command("client", hidden=True)
def run_client() -> None:
    """One client's process; its order comes on stdin."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    Path(order.result).write_bytes(msgspec.msgpack.encode(uvloop.run(_run_client(order))))


if __name__ == "__main__":
    main()
