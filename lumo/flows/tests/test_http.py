"""The door through the real server: uvicorn with httptools, over loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import pytest

from lumo.flows.answers import MAX_BODY
from lumo.flows.bodies import MOST_READ
from lumo.lib.settings import Intervals, Settings
from tests.factories import KEY
from tests.posting import STUCK, Answered, flow_body, hooks
from tests.serving import serving
from tests.waiting import fetch


class Client:
    """One connection, written to as a test likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send_head(self, path: str, *headers: str) -> None:
        lines = [f"POST {path} HTTP/1.1", "host: x", f"X-Lumo-Authentication-Key: {KEY}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())

    async def read_answer(self) -> tuple[Answered, str]:
        """The answer and its head."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        return Answered(int(head.split()[1]), json.loads(await self.reader.readexactly(length))), head


def run_with_client(settings: Settings, test: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with hooks(settings) as app, serving(app, http="httptools") as url, _connected(url) as client:
            await asyncio.wait_for(test(client), 20)

    asyncio.run(run())


def test_requests_follow_one_another_on_a_connection(settings: Settings, path: str) -> None:
    async def test(client: Client) -> None:
        for number in range(3):
            body = flow_body(number)
            client.send_head(path, f"Content-Length: {len(body)}", "X-Klaviyo-Flow-ID: Xyz")
            client.writer.write(body)
            answered, head = await client.read_answer()
            assert answered.short == (202, "accepted")
            assert "content-type: application/json\r\n" in head

    run_with_client(settings, test)
    assert [record[0] for record in fetch(settings, "SELECT flow_id FROM flow_requests")] == ["Xyz"] * 3


def test_a_body_may_come_in_chunks(settings: Settings, path: str) -> None:
    async def test(client: Client) -> None:
        body = flow_body()
        client.send_head(path, "Transfer-Encoding: chunked")
        for piece in (body[:10], body[10:]):
            client.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await client.writer.drain()
        client.writer.write(b"0\r\n\r\n")
        assert (await client.read_answer())[0].status == 202

    run_with_client(settings, test)


@pytest.mark.parametrize("size", [MAX_BODY + 1, 1024 * 1024])
def test_a_client_that_writes_too_much_before_it_reads_sees_its_answer(
    settings: Settings, path: str, size: int
) -> None:
    async def test(client: Client) -> None:
        client.send_head(path, f"Content-Length: {size}")
        client.writer.write(b" " * size)
        await client.writer.drain()
        answered, head = await client.read_answer()
        assert answered.short == (413, "too_large")
        assert "connection: close" in head
        assert await client.reader.read() == b""

    run_with_client(settings, test)


def test_a_body_that_announces_far_too_much_is_not_read(settings: Settings, path: str) -> None:
    async def test(client: Client) -> None:
        client.send_head(path, f"Content-Length: {10**12}")
        assert (await client.read_answer())[0].short == (413, "too_large")
        assert await client.reader.read() == b""

    run_with_client(settings, test)


def test_an_endless_stream_is_cut_off(settings: Settings, path: str) -> None:
    async def test(client: Client) -> None:
        client.send_head(path, "Transfer-Encoding: chunked")
        answer = asyncio.create_task(client.read_answer())
        # Not a byte more than shows the fault: what a closed connection still gets resets it, and may undo the answer.
        for size in (*[65536] * (MOST_READ // 65536), 1):
            client.writer.write(b"%x\r\n%b\r\n" % (size, b" " * size))
            await client.writer.drain()
        assert (await answer)[0].short == (413, "too_large")

    run_with_client(settings, test)


def test_a_body_that_does_not_come_is_not_waited_for(settings: Settings, path: str) -> None:
    async def test(client: Client) -> None:
        client.send_head(path, "Content-Length: 100")
        client.writer.write(b"{")
        answered, head = await client.read_answer()
        assert answered.short == (503, "unavailable")
        assert "connection: close" in head

    run_with_client(msgspec.structs.replace(settings, intervals=Intervals(body_deadline=0.1)), test)


def test_a_client_that_leaves_half_way_leaves_nothing(settings: Settings, path: str) -> None:
    async def run() -> None:
        async with hooks(settings) as app, serving(app, http="httptools") as url:
            async with _connected(url) as leaving:
                leaving.send_head(path, "Content-Length: 1000")
                leaving.writer.write(flow_body(1))
                await leaving.writer.drain()
            async with _connected(url) as client:
                body = flow_body(2)
                client.send_head(path, f"Content-Length: {len(body)}")
                client.writer.write(body)
                assert (await client.read_answer())[0].status == 202

    asyncio.run(run())
    assert len(fetch(settings, "SELECT FROM flow_requests")) == 1


def test_a_client_that_leaves_before_its_answer_is_served_all_the_same(settings: Settings, path: str) -> None:
    async def run() -> None:
        async with hooks(settings) as app, serving(app, http="httptools") as url:
            database = await asyncpg.connect(settings.database_url)
            async with database.transaction(), _connected(url) as leaving:
                await database.execute("SELECT FROM klaviyo_connections FOR UPDATE")
                body = flow_body()
                leaving.send_head(path, f"Content-Length: {len(body)}")
                leaving.writer.write(body)
                while not await database.fetch(STUCK):
                    pass
            await database.close()

    asyncio.run(run())
    assert len(fetch(settings, "SELECT FROM queue")) == 1


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
