"""Delivery ids carry their time, and two sources rarely meet."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lumo.deliveries import ids
from lumo.flows.flusher import ROWS_PER_FLUSH
from lumo.lib import clock

MOMENTS = st.integers(0, 15 * 365 * 86_400_000).map(
    lambda ms: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)


def test_a_source_never_repeats_itself_within_a_millisecond() -> None:
    source = ids.IdSource()
    bases = [source.next_base() for _ in range(4000)]
    assert len(set(bases)) == 4000
    assert all(base % ids.ROWS_PER_FLUSH == 0 for base in bases)


def test_a_single_delivery_never_has_the_id_of_a_flushs_row() -> None:
    rows = {ids.IdSource().next_single() % ids.ROWS_PER_FLUSH for _ in range(100)}
    assert min(rows) >= ROWS_PER_FLUSH


def test_an_id_tells_when_it_was_made() -> None:
    before = clock.now() - timedelta(milliseconds=1)
    made = ids.IdSource().next_base()
    for delivery_id in (made, made + ids.ROWS_PER_FLUSH - 1):
        assert before <= ids.stored_at(delivery_id) <= clock.now()


@given(MOMENTS, st.integers(0, 2**22 - 1))
def test_ids_sort_by_time_and_fit_a_bigint(moment: datetime, rest: int) -> None:
    first = ids.first_id_at(moment)
    assert 0 < first + rest < ids.first_id_at(moment + timedelta(milliseconds=2)) < 2**63
    assert abs(ids.stored_at(first + rest) - moment) <= timedelta(milliseconds=1)


def test_a_retry_key_is_a_uuid_of_its_own_for_each_delivery() -> None:
    keys = [ids.retry_key(number) for number in range(1000)]
    assert len(set(keys)) == 1000
    assert ids.retry_key(7) == keys[7] == str(uuid.UUID(keys[7]))
