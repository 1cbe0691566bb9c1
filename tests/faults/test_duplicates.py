"""The same request twice and at once, to two ingest processes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.factories import line_user_id
from tests.faults.installation import Installation
from tests.machines import Machine

_REQUESTS = 100
_AT_ONCE = 10  # each of them twice


def test_the_same_100_requests_twice_and_at_once_are_sent_once(two_machines: Installation) -> None:
    together = Barrier(2 * _AT_ONCE)

    def post(number: int, machine: Machine) -> tuple[int, int]:
        body = {"to": line_user_id(number), "text": f"{number}", "event": f"{number}"}
        together.wait(30)
        status, answer = machine.post(two_machines.flow_settings, body)
        return status, int(answer["id"])

    with ThreadPoolExecutor(2 * _AT_ONCE) as pool:
        posting = [
            [pool.submit(post, number, machine) for machine in two_machines.machines] for number in range(_REQUESTS)
        ]
        answers = [sorted(future.result() for future in twice) for twice in posting]
    taken = {number: delivery for number, [_, (_, delivery)] in enumerate(answers)}
    assert answers == [[(200, delivery), (202, delivery)] for delivery in taken.values()]
    two_machines.wait_until_sent(taken)
