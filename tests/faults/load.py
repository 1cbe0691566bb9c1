"""Flow requests under way: posted at a steady rate as Klaviyo posts them, with what each of them was answered."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from threading import Event

from tests.factories import line_user_id
from tests.machines import Machine
from tests.processes import wait_until

_AT_ONCE = 24
_TRY_AGAIN_AFTER = 0.2  # seconds; Klaviyo takes longer
_GIVE_UP_AFTER = 90.0
_NO_ANSWER = 0


class Load:
    """Request number n goes to the n-th LINE user, its number is the text. `taken`: their deliveries' ids, by number.

    `padding` characters are stored with each request, and sent to nobody.
    """

    def __init__(self, machines: Sequence[Machine], flow_settings: Mapping[str, str], *, padding: int) -> None:
        self._machines, self._flow_settings, self._padding = machines, flow_settings, "x" * padding
        self._is_over = Event()
        self._statuses: list[int] = []
        self.taken: dict[int, int] = {}

    def answers(self) -> Counter[int]:
        """How often each status was answered; 0 stands for no answer."""
        return Counter(self._statuses)

    def wait_until_taken(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        wait_until(lambda: len(self.taken) >= count, seconds=60, why=self._describe)

    def wait_until_refused(self, count: int) -> None:
        """Wait for so many answers of 503 from now on."""
        wanted = self.answers()[503] + count
        wait_until(lambda: self.answers()[503] >= wanted, seconds=60, why=self._describe)

    def post(self, number: int, *, at: float) -> None:
        """Post a request at that time (monotonic), again while there is no answer or a 503, to the next machine."""
        self._is_over.wait(max(0.0, at - time.monotonic()))
        give_up_at = time.monotonic() + _GIVE_UP_AFTER
        attempt = number
        while not self._is_over.is_set() and not self._is_taken(number, self._machines[attempt % len(self._machines)]):
            assert time.monotonic() < give_up_at, f"Request {number} is not taken. {self._describe()}"
            attempt += 1
            self._is_over.wait(_TRY_AGAIN_AFTER)

    def stop(self) -> None:
        """Post nothing any more."""
        self._is_over.set()

    def _is_taken(self, number: int, machine: Machine) -> bool:
        body = {"to": line_user_id(number), "text": f"{number}", "event": f"{number}", "padding": self._padding}
        try:
            status, answer = machine.post(self._flow_settings, body)
        except (OSError, HTTPException):
            status, answer = _NO_ANSWER, {}
        self._statuses.append(status)
        assert status in {_NO_ANSWER, 200, 202, 503}, answer
        if "id" in answer:
            self.taken[number] = int(answer["id"])
        return number in self.taken

    def _describe(self) -> str:
        said = "\n".join(machine.said() for machine in self._machines)
        return f"{len(self.taken)} are taken, answers: {dict(self.answers())}\n{said}"


@contextmanager
def load(
    machines: Sequence[Machine],
    flow_settings: Mapping[str, str],
    *,
    count: int,
    per_second: float,
    padding: int = 0,
) -> Iterator[Load]:
    """Post `count` requests while the block runs; its end waits until all of them are acknowledged."""
    under_way = Load(machines, flow_settings, padding=padding)
    begun_at = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        posting = [pool.submit(under_way.post, number, at=begun_at + number / per_second) for number in range(count)]
        try:
            yield under_way
            for future in posting:
                future.result()
        finally:
            under_way.stop()
            pool.shutdown(cancel_futures=True)
