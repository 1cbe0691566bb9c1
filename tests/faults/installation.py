"""An installation of Lumo beside a stand-in for LINE that keeps its own books."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from lumo.deliveries.ids import retry_key
from lumo.sandbox.record import LineRecord
from tests.emulators import emulating
from tests.faults.load import Load, load
from tests.machines import Machine, connect_all
from tests.processes import free_port, wait_until


class LineStandIn:
    """LINE as the emulator plays it, on one port all the time; `record` is what it remembers."""

    def __init__(self, path: Path) -> None:
        self.record, self.port = LineRecord(path), free_port()
        self.url = f"http://127.0.0.1:{self.port}/sandbox"
        self._path, self._stack = path, ExitStack()

    def appear(self) -> None:
        """Answer from now on."""
        self._stack.enter_context(emulating(self._path, port=self.port))

    def vanish(self) -> None:
        """Be unreachable from now on."""
        self._stack.close()

    def accepted(self) -> Counter[str | None]:
        """How often it accepted a push under each retry key."""
        return Counter(push.retry_key for push in self.record.list_pushes())

    def texts(self) -> Counter[str]:
        """How often it accepted each text."""
        return Counter(push.decoded()["messages"][0]["text"] for push in self.record.list_pushes())


class Installation:
    """Machines that share a database, the first of which runs the commands, and LINE."""

    def __init__(self, machines: Sequence[Machine], line: LineStandIn) -> None:
        self.machines, self.line = machines, line
        self.machine = machines[0]
        self.flow_settings = connect_all(self.machine)

    def load(self, *, count: int, per_second: float, padding: int = 0) -> AbstractContextManager[Load]:
        """Post `count` requests while a block runs; its end waits until all of them are acknowledged."""
        return load(self.machines, self.flow_settings, count=count, per_second=per_second, padding=padding)

    def wait_until_sent(self, taken: Mapping[int, int], *, seconds: float = 60.0) -> None:
        """What was acknowledged comes to be accepted by LINE, each once and nothing else, and is logged as delivered.

        `taken`: the id of each request's delivery by the request's number, which is its text.
        """
        wait_until(lambda: self.line.record.stats().accepted >= len(taken), seconds=seconds, why=self.machine.said)
        assert self.line.accepted() == {retry_key(delivery): 1 for delivery in taken.values()}
        assert self.line.texts() == {f"{number}": 1 for number in taken}
        delivered = dict.fromkeys(taken.values(), "delivered")
        wait_until(lambda: self.list_states() == delivered, seconds=seconds, why=self.machine.said)

    def check_books(self, taken: Mapping[int, int]) -> Counter[str | None]:
        """What was acknowledged was accepted by LINE once, or is listed as waiting, or as failed with a reason.

        Returns for what how many wait. `taken` as above; the list is asked first, because what is listed may be
        accepted meanwhile, and never the other way round.
        """
        deliveries = set(taken.values())
        listed = self.list_deliveries()
        waiting = [one for one in listed if one["state"] == "waiting"]
        failed = [one for one in listed if one["state"] == "failed" and one["reason"]]
        accepted = self.line.accepted()
        assert set(accepted.values()) <= {1}
        explained = {int(one["id"]) for one in (*waiting, *failed)}
        lost = {one for one in deliveries - explained if retry_key(one) not in accepted}
        assert lost == set(), self.machine.said()
        return Counter(one["reason"] for one in waiting)

    def list_deliveries(self) -> list[dict[str, Any]]:
        """What the log lists, repeated requests left out."""
        listed = self.machine.lumo("deliveries", "list", "--limit", "1000")
        return [one for one in listed if one["state"] != "duplicate"]

    def list_states(self) -> dict[int, str]:
        """The state of each delivery."""
        return {int(one["id"]): one["state"] for one in self.list_deliveries()}

    def wait_until_paused(self, reason: str) -> None:
        """Wait until the LINE account is paused for this reason."""
        wait_until(lambda: self._account()["paused_reason"] == reason, why=self.machine.said)

    def was_paused(self) -> bool:
        """Whether the account ever was."""
        return "account paused" in self.machine.said()

    def resume(self) -> None:
        """End the account's pause, as the operator does."""
        self.machine.lumo("line", "resume", self._account()["id"])

    def _account(self) -> dict[str, Any]:
        [account] = self.machine.lumo("line", "list")
        return dict(account)
