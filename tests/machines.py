"""A machine with Lumo on it: a data folder, an address and settings of its own; processes and commands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

from lumo.postgres.processes import find_processes, stops_with_parent
from tests.processes import MARK, find_marked, free_port, wait_until

_OPENER = build_opener(ProxyHandler({}))
_LUMO = [sys.executable, "-m", "lumo"]


class Machine:
    """One machine. `variables` are further settings, such as LUMO_DATABASE_URL."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir, self.mark, port = data_dir, uuid4().hex, free_port()
        self.url = f"http://127.0.0.1:{port}"
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("LUMO_", "DJANGO_"))}
        own = {"LUMO_DATA_DIR": str(data_dir), "LUMO_LISTEN": f"127.0.0.1:{port}", MARK: self.mark}
        self.environment = ours | own | variables
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, command: list[str] = _LUMO) -> subprocess.Popen[bytes]:
        """Start `lumo …` in the background, in a session of its own; what it says goes to `said`."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*command, *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=stops_with_parent(signal.SIGKILL),
            )
        self._started.append(process)
        return process

    def lumo(self, *arguments: str) -> Any:
        """Run `lumo … --json` to its end and return what it printed."""
        command = [*_LUMO, *arguments, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr.decode()}"
        return json.loads(done.stdout)

    def said(self) -> str:
        """What its background processes have said so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def is_ready(self) -> bool:
        """Whether its `/readyz` says so."""
        try:
            with _OPENER.open(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait_until_ready(self, *, seconds: float = 60.0) -> None:
        wait_until(self.is_ready, seconds=seconds, why=self.said)

    def post(self, flow_settings: Mapping[str, str], body: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
        """Post a Flow request to this machine; the status and the answer. Raises OSError when there is none."""
        path = "/" + flow_settings["destination_url"].split("/", 3)[3]
        headers = {flow_settings["header_name"]: flow_settings["header_value"], "Content-Type": "application/json"}
        request = Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with _OPENER.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def is_taken(self, flow_settings: Mapping[str, str], body: Mapping[str, object]) -> bool:
        """Post once; whether Klaviyo would be content, and not try again for want of an answer or for a 503."""
        try:
            status, answer = self.post(flow_settings, body)
        except (OSError, HTTPException):
            return False
        assert status in {200, 202, 503}, answer
        return status != 503

    def post_until_taken(self, flow_settings: Mapping[str, str], body: Mapping[str, object]) -> None:
        """Post as Klaviyo does: again and again while there is no answer, or a 503."""
        wait_until(lambda: self.is_taken(flow_settings, body), seconds=60, why=self.said)

    def forget_said(self) -> None:
        """Begin a new page."""
        self._log.unlink()

    def find_processes(self) -> set[int]:
        """What of it lives: its processes, and the PostgreSQL of its data folder."""
        return find_marked(self.mark) | find_processes(self.data_dir / "postgres" / "data")

    def stop(self) -> None:
        """Stop what was started as a service manager does, and see that nothing is left."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            process.wait(60)
        wait_until(lambda: not self.find_processes(), why=self.said)

    def kill(self) -> None:
        """Pull the plug: every process of the machine dies at once."""
        for pid in self.find_processes():
            with suppress(ProcessLookupError):  # it died with its parent
                os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait(30)

    @property
    def _log(self) -> Path:
        return self.data_dir / "said.log"


@contextmanager
def machine(data_dir: Path, **variables: str) -> Iterator[Machine]:
    """A machine that is gone after the block, also when the test failed."""
    data_dir.mkdir(exist_ok=True)
    one = Machine(data_dir, **variables)
    try:
        yield one
        one.stop()
    finally:
        one.kill()


def connect_all(one: Machine) -> dict[str, str]:
    """A workspace, a LINE account and Klaviyo, connected from the command line; the Flow Message Settings."""
    workspace = one.lumo("workspace", "create", "--name", "Tea Shop")["id"]
    here = ("--workspace", workspace)
    one.lumo("line", "connect", *here, "--channel-id", "1650000001", "--channel-secret", "5" * 32)
    one.lumo("klaviyo", "connect", *here, "--api-key", "pk_5a6d626f78")
    flow_settings: dict[str, str] = one.lumo("klaviyo", "flow-settings", *here)
    return flow_settings
