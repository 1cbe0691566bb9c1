"""What is measured: the real system on its own embedded PostgreSQL, or the floor."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import msgspec
import psycopg

from benchmarks.bodies import CARD_FILE
from benchmarks.processes import BenchError, free_ports, is_listening, running, wait_until
from lumo.postgres.cluster import Cluster
from lumo.postgres.embedded import EmbeddedServer

ACCOUNTS = 3
_LUMO = str(Path(sys.executable).with_name("lumo"))
_SET_UP_SECONDS = 120.0
_START_SECONDS = 60.0
_SENDING_PROCESSES = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lumo-jobs'"


class Target(msgspec.Struct, frozen=True):
    """Where to post, as whom, and which process trees (root ids by kind) do the work.

    `message` is the Auto Send Message to name, empty where a text is sent.
    """

    ports: list[int]
    path: str
    headers: dict[str, str]
    accounts: list[str]
    roots: dict[str, list[int]]
    database_url: str = ""
    message: str = ""


class _Connected(msgspec.Struct, frozen=True):
    id: str


class _FlowSettings(msgspec.Struct, frozen=True):
    destination_url: str
    header_name: str
    header_value: str


@contextmanager
def system(
    folder: Path,
    *,
    line_url: str,
    ca_file: Path,
    workers: int,
    server_settings: Mapping[str, str],
    with_card: bool,
) -> Iterator[Target]:
    """Lumo as an operator runs it: `lumo serve` and `lumo work` on one database, three LINE accounts connected.

    The sandbox is on for its pages only: LINE's address is set, so that the stand-in is what gets the pushes.
    """
    data_dir = folder / "data"
    data_dir.mkdir()
    [port] = free_ports(1)
    server = EmbeddedServer(data_dir, say=_Log(folder / "postgresql.log"), settings=server_settings)
    try:
        env = _environment(server.start(), data_dir, port) | {
            "LUMO_WORKERS": str(workers),
            "LUMO_LINE_API_URL": line_url,
            "LUMO_CA_FILE": str(ca_file),
        }
        accounts, flow_settings = _set_up(env)
        headers = {flow_settings.header_name: flow_settings.header_value, "X-Klaviyo-Flow-ID": "VbXqR9"}
        path = urlsplit(flow_settings.destination_url).path
        message = _import_card(env, folder) if with_card else ""
        with _serving(folder, env, port=port) as roots:
            roots["PostgreSQL"] = [_postmaster(data_dir)]
            yield Target([port], path, headers, accounts, roots, env["LUMO_DATABASE_URL"], message)
    finally:
        server.stop()


@contextmanager
def floor(folder: Path, *, line_url: str, ca_file: Path, processes: int, with_card: bool) -> Iterator[Target]:
    """The floor in that many processes."""
    document = {name: value for name, value in CARD_FILE.items() if name != "name"} if with_card else None
    ports = free_ports(processes)
    with ExitStack() as stack:
        roots = []
        for port in ports:
            env = _clean_environment() | {
                "FLOOR_PORT": str(port),
                "FLOOR_LINE_URL": line_url,
                "FLOOR_CA_FILE": str(ca_file),
                "FLOOR_DOCUMENT": msgspec.json.encode(document).decode(),
            }
            log = folder / f"floor-{port}.log"
            command = [sys.executable, "-m", "benchmarks.floor"]
            process = stack.enter_context(running(command, log=log, env=env))
            listens = partial(is_listening, port)
            wait_until(listens, what="The start of the floor", seconds=_START_SECONDS, log=log)
            roots.append(process.pid)
        message = "asm_0" if with_card else ""
        yield Target(ports, "/", {}, ["oa_0000000000000000"], {"floor": roots}, message=message)


class _Log:
    """Appends what is said to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as output:
            output.write(f"{text}\n")


def _environment(database_url: str, data_dir: Path, port: int) -> dict[str, str]:
    return _clean_environment() | {
        "LUMO_DATABASE_URL": database_url,
        "LUMO_DATA_DIR": str(data_dir),
        "LUMO_SECRET_KEY": secrets.token_urlsafe(32),
        "LUMO_LISTEN": f"127.0.0.1:{port}",
        "LUMO_SANDBOX": "1",
    }


def _clean_environment() -> dict[str, str]:
    """Ours without any Lumo setting of the person who runs the benchmark."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LUMO_")}


def _set_up(env: Mapping[str, str]) -> tuple[list[str], _FlowSettings]:
    """Make the tables and connect everything from the command line, as a person does."""
    _lumo(env, "migrate")
    workspace = msgspec.json.decode(_lumo(env, "workspace", "create", "--name", "Bench", "--json"), type=_Connected).id
    within = ("--workspace", workspace, "--json")
    accounts = []
    for number in range(ACCOUNTS):
        credentials = ("--channel-id", f"200000000{number}", "--channel-secret", secrets.token_hex(16))
        accounts.append(msgspec.json.decode(_lumo(env, "line", "connect", *credentials, *within), type=_Connected).id)
    _lumo(env, "klaviyo", "connect", "--api-key", "pk_bench", "--no-check", *within)
    return accounts, msgspec.json.decode(_lumo(env, "klaviyo", "flow-settings", *within), type=_FlowSettings)


def _import_card(env: Mapping[str, str], folder: Path) -> str:
    file = folder / "card.json"
    file.write_bytes(msgspec.json.encode(CARD_FILE))
    return msgspec.json.decode(_lumo(env, "message", "import", str(file), "--json"), type=_Connected).id


def _lumo(env: Mapping[str, str], *arguments: str) -> bytes:
    command = [_LUMO, *arguments]
    done = subprocess.run(command, env=dict(env), capture_output=True, timeout=_SET_UP_SECONDS, check=False)
    if done.returncode:
        raise BenchError(f"lumo {' '.join(arguments[:2])} failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


@contextmanager
def _serving(folder: Path, env: Mapping[str, str], *, port: int) -> Iterator[dict[str, list[int]]]:
    """Run both; yields their process ids by kind."""
    serve_log, work_log = folder / "serve.log", folder / "work.log"
    with (
        running([_LUMO, "serve"], log=serve_log, env=env) as serve,
        running([_LUMO, "work"], log=work_log, env=env) as work,
    ):
        wait_until(lambda: _is_ready(port), what="The start of lumo serve", seconds=_START_SECONDS, log=serve_log)
        wait_until(lambda: _is_sending(env), what="The start of lumo work", seconds=_START_SECONDS, log=work_log)
        yield {"ingest": [serve.pid], "worker": [work.pid]}


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def _is_sending(env: Mapping[str, str]) -> bool:
    """Whether every sending process has come to fetch jobs: it does so last of all."""
    with psycopg.connect(env["LUMO_DATABASE_URL"]) as connection:
        [count] = connection.execute(_SENDING_PROCESSES).fetchone() or [0]
    return int(count) >= int(env["LUMO_WORKERS"])


def _postmaster(data_dir: Path) -> int:
    found = Cluster(data_dir).postmaster()
    assert found is not None
    return found
