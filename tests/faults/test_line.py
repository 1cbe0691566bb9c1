"""LINE in every mood, under load: what it did not take is tried again, what it took is not sent twice."""

import socket
import time
from contextlib import nullcontext

import pytest

from lumo.sandbox.faults import NO_FAULTS, Faults
from tests.faults.installation import Installation
from tests.processes import wait_until


@pytest.mark.parametrize(
    ("faults", "answered"),
    [
        (Faults(error_every=10), 500),
        (Faults(pushes_per_second=50), 429),
        (Faults(lost_every=10), 409),
    ],
    ids=["500 at every 10th call", "429 above 50 a second", "every 10th answer is lost"],
)
def test_what_line_did_not_take_is_tried_again_and_what_it_took_is_not_sent_twice(
    lean_machine: Installation, faults: Faults, answered: int
) -> None:
    record = lean_machine.line.record
    record.set_faults(faults)
    with lean_machine.load(count=300, per_second=100) as under_way:
        pass
    lean_machine.wait_until_sent(under_way.taken)
    assert {attempt.status for attempt in record.list_attempts()} == {200, answered}
    assert under_way.answers() == {202: 300}
    assert not lean_machine.was_paused()


@pytest.mark.parametrize("is_silent", [False, True], ids=["it refuses connections", "it says nothing"])
def test_what_comes_while_line_is_unreachable_is_sent_when_it_is_back(
    lean_machine: Installation, is_silent: bool
) -> None:
    line = lean_machine.line
    with lean_machine.load(count=400, per_second=30) as under_way:
        under_way.wait_until_taken(50)
        line.vanish()
        back_at = time.monotonic() + 15
        accepted = line.record.stats().accepted
        with socket.create_server(("127.0.0.1", line.port)) if is_silent else nullcontext():
            under_way.wait_until_taken(300)
            assert lean_machine.check_books(under_way.taken)["line_busy"] > 0
            wait_until(lambda: time.monotonic() >= back_at)
        assert line.record.stats().accepted == accepted
        line.appear()
    lean_machine.wait_until_sent(under_way.taken)
    assert under_way.answers() == {202: 400}
    assert not lean_machine.was_paused()


def test_what_comes_while_line_refuses_the_account_waits_for_the_end_of_its_pause(lean_machine: Installation) -> None:
    record = lean_machine.line.record
    with lean_machine.load(count=500, per_second=30) as under_way:
        under_way.wait_until_taken(50)
        record.set_faults(Faults(status=401))
        mended_at = time.monotonic() + 10
        lean_machine.wait_until_paused("line_token")
        under_way.wait_until_taken(200)
        assert lean_machine.check_books(under_way.taken)["line_token"] > 0
        wait_until(lambda: time.monotonic() >= mended_at)

        accepted = record.stats().accepted
        record.set_quota(accepted + 40, accepted)
        record.set_faults(NO_FAULTS)
        lean_machine.resume()
        lean_machine.wait_until_paused("quota")
        assert record.stats().accepted == accepted + 40
        assert lean_machine.check_books(under_way.taken)["quota"] > 0

        record.set_quota(None, 0)  # and nobody resumes the account: the quota check does
    lean_machine.wait_until_sent(under_way.taken)
    assert under_way.answers() == {202: 500}
    assert lean_machine.was_paused()
