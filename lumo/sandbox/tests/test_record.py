"""The record: one file, any number of users, nothing lost when one of them is killed."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumo.sandbox.faults import NO_FAULTS, Faults
from lumo.sandbox.record import LineRecord, NewPush
from tests.factories import line_user_id

CHANNEL = "1650000001"


def test_the_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    with LineRecord(tmp_path / "line.sqlite3") as record:
        record.register_channel(CHANNEL, secret="secret")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_any_number_may_make_and_fill_one_record_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "line.sqlite3"

    def add(number: int) -> None:
        with LineRecord(path) as record:
            record.register_channel(CHANNEL, secret="secret")
            record.add_push(_push(number), status=200)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with LineRecord(path) as record:
        assert record.stats().accepted == 40
        assert record.get_channel(CHANNEL).used == 40
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_one_retry_key_is_stored_once_a_channel(tmp_path: Path) -> None:
    with LineRecord(tmp_path / "line.sqlite3") as record:
        record.register_channel(CHANNEL)
        first = record.add_push(_push(1), status=200)
        with pytest.raises(sqlite3.IntegrityError):
            record.add_push(_push(1), status=200)
        assert record.stats().attempts == 1  # the second left nothing behind
        record.forget_retry_key(first)
        record.add_push(_push(1), status=200)


def test_a_chat_shows_what_reached_the_friend_newest_last(tmp_path: Path) -> None:
    with LineRecord(tmp_path / "line.sqlite3") as record:
        record.register_channel(CHANNEL)
        for number in range(4):
            record.add_push(_push(number, to=1, delivered=number != 2), status=200)
        shown = record.list_chat(CHANNEL, line_user_id(1), limit=2)
        assert [push.arrived_ms for push in shown] == [1, 3]


def test_a_reset_forgets_what_happened_but_no_channel(tmp_path: Path) -> None:
    with LineRecord(tmp_path / "line.sqlite3") as record:
        record.register_channel(CHANNEL, secret="secret")
        record.set_faults(Faults(status=403))
        record.set_quota(5, 5)
        last = record.add_push(_push(1), status=200)
        record.reset()
        assert record.faults() == NO_FAULTS
        assert (record.stats().accepted, record.list_friends(limit=9)) == (0, [])
        assert (record.get_channel(CHANNEL).secret, record.get_channel(CHANNEL).quota) == ("secret", None)
        assert record.add_push(_push(1), status=200) > last
        with pytest.raises(KeyError):
            record.get_channel("unknown")


def _push(number: int, *, to: int | None = None, delivered: bool = True) -> NewPush:
    return NewPush(
        channel_id=CHANNEL,
        user_id=line_user_id(number if to is None else to),
        retry_key=f"key {number}",
        arrived_ms=number,
        request_id=f"request {number}",
        delivered=delivered,
        body=b'{"messages":[{"type":"text","text":"Hello."}]}',
    )
