"""The load: posts numbered Flow bodies at planned times, or as fast as the messages reach LINE, at little cost.

An asyncio tool of ours and not wrk: wrk can't tell latency from the planned time, and can't follow LINE's log. It
runs as its own process (`python -m benchmarks.load`, plan on stdin), so that the report can show its CPU.

* open loop (`rate` > 0): request n is due at start + n / rate whatever the answers do; a late one is not forgiven,
  because latency counts from the time it was due.
* saturation (`rate` = 0): `in_flight` messages are between webhook and LINE at any time (fewer in the first second:
  a thousand at once on cold connections show only how those fail). The next goes out when LINE's log shows one more,
  so the queue between the two can't grow and the rate is what the whole sustains.
"""

import asyncio
import os
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from benchmarks.bodies import Bodies

_LOG_POLL = 0.005
_PACE = 0.001
_RAMP = 1.0
_ANSWER_DEADLINE = 30.0
_MAX_CONNECTIONS = 4000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. `message` is an Auto Send Message's id, empty for a text. `seconds` of sending; answers go to the
    file `result`, LINE's pushes are read from `log`.
    """

    ports: list[int]
    path: str
    headers: dict[str, str]
    accounts: list[str]
    message: str
    rate: float
    in_flight: int
    seconds: float
    log: str
    result: str
    page_path: str
    page_rate: float


class Result(msgspec.Struct, frozen=True):
    """When the load began (unix seconds), and per request: planned and answered time, status (0: none), delivery id."""

    started_at: float
    planned: list[float]
    answered: list[float]
    statuses: list[int]
    ids: list[int]
    connections: int
    page_planned: list[float]
    page_answered: list[float]
    page_statuses: list[int]


class Accepted(msgspec.Struct, frozen=True):
    """The body of a 202."""

    id: str


Answered = Callable[[int, int, bytes], None]


class Connection(asyncio.Protocol):
    """A kept-alive HTTP/1.1 connection with at most one request under way."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._number = -1
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.is_free(self)

    def send(self, number: int, request: bytes) -> None:
        self._number = number
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head = received.find(b"\r\n\r\n") + 4
        end = head + _content_length(received[:head]) if head > 3 else sys.maxsize
        if len(received) < end:
            self._received = received
            return
        self._received = b""
        number, self._number = self._number, -1
        self._pool.answered(number, int(received[9:12]), received[head:end])
        self._pool.is_free(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._pool.has_lost(self, self._number)


def _content_length(head: bytes) -> int:
    """What the head says. Raises ValueError for a chunked answer; Lumo's answers and Django's pages aren't."""
    start = head.lower().index(b"content-length:")
    return int(head[start + 15 : head.find(b"\r", start)])


class Pool:
    """Connections to several ports in turn; opens another whenever all are busy, so that no request waits for one."""

    def __init__(self, ports: Sequence[int], answered: Answered) -> None:
        self.answered = answered
        self.opened = 0
        self._ports = ports
        self._free: list[Connection] = []
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, number: int, request: bytes) -> None:
        if self._free:
            self._free.pop().send(number, request)
            return
        self._waiting.append((number, request))
        if self.opened < _MAX_CONNECTIONS and len(self._opening) < len(self._waiting):
            self._open()

    def is_free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._free.append(connection)

    def has_lost(self, connection: Connection, number: int) -> None:
        self.opened -= 1
        if connection in self._free:
            self._free.remove(connection)
        if number >= 0:
            self.answered(number, 0, b"")

    def _open(self) -> None:
        port = self._ports[self.opened % len(self._ports)]
        self.opened += 1
        task = asyncio.ensure_future(self._connect(port))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        except OSError:
            self.opened -= 1
            if self._waiting:
                self.answered(self._waiting.popleft()[0], 0, b"")


class Requests:
    """What was sent and what came back, in arrays by the request's position."""

    def __init__(self) -> None:
        self.planned, self.done = array("d"), array("d")
        self.statuses, self.ids = array("h"), array("q")
        self.open_count = 0

    def add(self, planned: float) -> int:
        self.planned.append(planned)
        self.done.append(0.0)
        self.statuses.append(0)
        self.ids.append(0)
        self.open_count += 1
        return len(self.planned) - 1

    def answered(self, number: int, status: int, body: bytes) -> None:
        self.done[number] = time.time()
        self.statuses[number] = status
        self.open_count -= 1
        if status == 202:
            self.ids[number] = int(msgspec.json.decode(body, type=Accepted).id)


class Load:
    """The messages of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.requests = Requests()
        self.pool = Pool(plan.ports, self._answered)
        self._plan = plan
        self._bodies = Bodies(plan.accounts, message=plan.message)
        names = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
        self._head = (
            f"POST {plan.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{names}".encode()
        )
        self._refused = 0

    async def run(self, started_at: float) -> None:
        """Send for as long as the plan says, then wait for the answers that are still out."""
        if self._plan.rate:
            await self._run_open_loop(started_at)
        else:
            await self._run_saturation(started_at)
        deadline = time.time() + _ANSWER_DEADLINE
        while self.requests.open_count and time.time() < deadline:
            await asyncio.sleep(_LOG_POLL)

    async def _run_open_loop(self, started_at: float) -> None:
        rate = self._plan.rate
        for number in range(int(rate * self._plan.seconds)):
            planned = started_at + number / rate
            while (early := planned - time.time()) > 0:
                await asyncio.sleep(max(early, _PACE))
            self._send(planned)

    async def _run_saturation(self, started_at: float) -> None:
        with Path(self._plan.log).open("rb") as log:
            log.seek(0, os.SEEK_END)
            reached_line = 0
            while (now := time.time()) < started_at + self._plan.seconds:
                reached_line += log.read().count(b"\n")
                allowed = int(self._plan.in_flight * min(1.0, (now - started_at) / _RAMP))
                under_way = len(self.requests.planned) - self._refused - reached_line
                for _ in range(allowed - under_way):
                    self._send(now)
                await asyncio.sleep(_LOG_POLL)

    def _send(self, planned: float) -> None:
        position = self.requests.add(planned)
        body = self._bodies.make(position, planned)
        self.pool.send(position, b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body))

    def _answered(self, number: int, status: int, body: bytes) -> None:
        self.requests.answered(number, status, body)
        self._refused += status != 202


class Pages:
    """A page fetched at a steady rate beside the messages."""

    def __init__(self, plan: Plan) -> None:
        self.requests = Requests()
        self._plan = plan
        self._pool = Pool(plan.ports, self.requests.answered)

    async def run(self, started_at: float) -> None:
        request = f"GET {self._plan.page_path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/html\r\n\r\n".encode()
        for number in range(int(self._plan.page_rate * self._plan.seconds)):
            planned = started_at + number / self._plan.page_rate
            await asyncio.sleep(max(0.0, planned - time.time()))
            self._pool.send(self.requests.add(planned), request)


async def _main(plan: Plan) -> Result:
    load, pages = Load(plan), Pages(plan)
    started_at = time.time() + 0.2
    print(started_at, flush=True)
    await asyncio.gather(load.run(started_at), pages.run(started_at))
    requests, page_requests = load.requests, pages.requests
    return Result(
        started_at=started_at,
        planned=requests.planned.tolist(),
        answered=requests.done.tolist(),
        statuses=requests.statuses.tolist(),
        ids=requests.ids.tolist(),
        connections=load.pool.opened,
        page_planned=page_requests.planned.tolist(),
        page_answered=page_requests.done.tolist(),
        page_statuses=page_requests.statuses.tolist(),
    )


if __name__ == "__main__":
    todo = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    Path(todo.result).write_bytes(msgspec.msgpack.encode(uvloop.run(_main(todo))))
