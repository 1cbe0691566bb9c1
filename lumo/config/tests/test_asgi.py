"""The dispatcher: which part answers what, and what the edge makes of the unforeseen."""

import asyncio
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import psycopg
import pytest

from lumo.config.asgi import Dispatcher, Part
from lumo.lib.settings import Settings
from tests.factories import make_account
from tests.serving import serving
from tests.waiting import queue_rows


@pytest.mark.parametrize(
    ("only", "path", "expected"),
    [
        (None, "/healthz", 200),
        (None, "/readyz", 200),
        (None, "/metrics", 200),
        (None, "/hooks/klaviyo/kc_unknown", 404),
        (None, "/no-such-page/", 404),
        ("hooks", "/healthz", 200),
        ("hooks", "/readyz", 200),
        ("hooks", "/no-such-page/", 404),
        ("console", "/readyz", 200),
        ("console", "/hooks/klaviyo/kc_unknown", 404),
    ],
)
def test_each_part_answers_its_own(settings: Settings, only: Part | None, path: str, expected: int) -> None:
    status, _ = _get(settings, path, only=only)
    assert status == expected


def test_the_hooks_are_only_where_they_are_served(settings: Settings) -> None:
    assert json.loads(_get(settings, "/hooks/klaviyo/kc_0")[1])["message"].startswith("This address is unknown")
    elsewhere = _get(settings, "/hooks/klaviyo/kc_0", only="console")[1]
    assert json.loads(elsewhere)["message"] == "Nothing is served at this address."


def test_a_process_is_not_ready_while_migrations_are_missing(settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'flows'")
    status, body = _get(settings, "/readyz")
    assert status == 503
    assert "Run: lumo migrate" in json.loads(body)["status"]


def test_a_process_is_alive_but_not_ready_while_its_database_is_away(settings: Settings) -> None:
    away = msgspec.structs.replace(settings, database_url="postgresql://lumo@/lumo?host=/nowhere")
    app = Dispatcher(away, only="console")  # the hooks would not start
    assert asyncio.run(_fetch(app, "/healthz"))[0] == 200
    status, body = asyncio.run(_fetch(app, "/readyz"))
    assert (status, json.loads(body)["status"]) == (503, "The database does not answer (FileNotFoundError).")
    assert "lumo_database_up 0.0" in asyncio.run(_fetch(app, "/metrics"))[1]


def test_the_figures_show_what_waits_and_which_accounts_are_paused(settings: Settings) -> None:
    queue_rows(settings, make_account(settings, paused_reason="quota"), count=3)
    status, body = _get(settings, "/metrics")
    assert status == 200
    figures = dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
    assert figures['lumo_waiting{table="queue"}'] == "3.0"
    assert figures['lumo_waiting{table="retries"}'] == "0.0"
    assert 0 < float(figures["lumo_oldest_waiting_seconds"]) < 60
    assert figures["lumo_paused_accounts"] == "1.0"
    assert "process_cpu_seconds_total" in figures


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_the_figures_are_not_for_those_who_come_by_a_proxy(settings: Settings, header: str) -> None:
    assert _get(settings, "/metrics", headers={header: "127.0.0.1"})[0] == 404


def test_the_figures_are_not_for_strangers(settings: Settings) -> None:
    app = Dispatcher(settings, only="hooks")
    for client, expected in [("93.184.215.14", 404), ("2606:2800::7", 404), ("10.0.0.7", 200), ("::1", 200)]:
        assert asyncio.run(_call(app, "/metrics", client=(client, 4711)))[0]["status"] == expected


def test_what_nobody_foresaw_is_a_500_with_a_trace_id_and_no_traceback(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    app = Dispatcher(settings)  # its hooks were never started
    start, body = asyncio.run(_call(app, "/hooks/klaviyo/kc_0"))
    answer = json.loads(body["body"])
    assert (start["status"], answer["error"]) == (500, "internal")
    assert answer["trace_id"] in "".join(capsys.readouterr())
    assert "Traceback" not in answer["message"]


def test_a_web_socket_is_closed(settings: Settings) -> None:
    app, sent = Dispatcher(settings, only="hooks"), []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/"}, _nothing, send))
    assert sent == [{"type": "websocket.close"}]


def _get(
    settings: Settings, path: str, *, only: Part | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    return asyncio.run(_fetch(Dispatcher(settings, only=only), path, lifespan="on", headers=headers))


async def _fetch(
    app: Dispatcher, path: str, *, lifespan: str = "off", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    async with serving(app, lifespan=lifespan) as url:
        return await asyncio.to_thread(_open, Request(url + path, headers=headers or {}))


def _open(request: Request) -> tuple[int, str]:
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def _call(app: Dispatcher, path: str, *, client: tuple[str, int] = ("127.0.0.1", 1)) -> list[Any]:
    """What the application sends for a GET from `client`."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": [], "client": client}, _nothing, send)
    return sent


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}
