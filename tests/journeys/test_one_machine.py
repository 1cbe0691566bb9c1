"""Webhook in, push out, on one machine: `lumo up` as a person runs it."""

import os
import signal

from lumo.postgres.embedded import running
from lumo.sandbox.record import LineRecord
from tests.factories import line_user_id
from tests.machines import Machine, connect_all
from tests.processes import free_port, wait_until


def test_a_webhook_becomes_one_line_message_and_ctrl_c_leaves_nothing(sandbox: Machine) -> None:
    up = sandbox.start("up")
    sandbox.wait_until_ready()
    flow_settings = connect_all(sandbox)
    body = {"to": line_user_id(1), "text": "こんにちは 🌸", "event": "1"}
    status, answer = sandbox.post(flow_settings, body)
    assert (status, list(answer)) == (202, ["id"])
    assert sandbox.post(flow_settings, body) == (200, {"id": answer["id"], "duplicate": True})
    wait_until(lambda: (answer["id"], "delivered") in _states(sandbox), why=sandbox.said)
    assert [state for _, state in _states(sandbox)] == ["duplicate", "delivered"]
    assert _pushed(sandbox) == [(line_user_id(1), "こんにちは 🌸")]
    os.killpg(up.pid, signal.SIGINT)
    assert up.wait(30) == 0
    assert sandbox.find_processes() == set()
    assert not (sandbox.data_dir / "running.json").exists()


def test_kill_9_leaves_nothing_and_the_next_start_goes_on(sandbox: Machine) -> None:
    up = sandbox.start("up")
    sandbox.wait_until_ready()
    flow_settings = connect_all(sandbox)
    assert sandbox.post(flow_settings, {"to": line_user_id(1), "text": "First.", "event": "1"})[0] == 202
    up.kill()
    wait_until(lambda: not sandbox.find_processes(), why=sandbox.said)
    sandbox.start("up")
    sandbox.wait_until_ready()
    assert sandbox.post(flow_settings, {"to": line_user_id(1), "text": "Second.", "event": "2"})[0] == 202
    wait_until(lambda: len(_pushed(sandbox)) == 2, why=sandbox.said)
    assert sorted(text for _, text in _pushed(sandbox)) == ["First.", "Second."]


def test_whatever_dies_is_started_again(sandbox: Machine) -> None:
    up = sandbox.start("up")
    sandbox.wait_until_ready()
    flow_settings = connect_all(sandbox)
    for number, pid in enumerate(sorted(sandbox.find_processes() - {up.pid})):
        if sandbox.find_processes() >= {pid}:
            os.kill(pid, signal.SIGKILL)
        body = {"to": line_user_id(1), "text": f"After {number}", "event": str(number)}
        sandbox.post_until_taken(flow_settings, body)
    wait_until(lambda: len(_numbers(sandbox)) > number, seconds=60, why=sandbox.said)
    assert _numbers(sandbox) == list(range(number + 1))


def test_a_taken_address_is_one_sentence(sandbox: Machine) -> None:
    sandbox.start("up")
    sandbox.wait_until_ready()
    sandbox.environment["LUMO_DATA_DIR"] += "/second"
    second = sandbox.start("up")
    assert second.wait(30) == 1
    assert "another program listens there. Set LUMO_LISTEN to another address" in sandbox.said()
    assert "Traceback" not in sandbox.said()


def test_up_waits_for_a_command_that_runs_the_database_for_a_moment(sandbox: Machine) -> None:
    with running(sandbox.data_dir, say=lambda _: None):  # as every command does
        sandbox.start("up")
        wait_until(lambda: "Waiting for a command" in sandbox.said(), why=sandbox.said)
    sandbox.wait_until_ready()


def test_two_on_one_data_folder_are_refused(sandbox: Machine) -> None:
    sandbox.start("up")
    sandbox.wait_until_ready()
    sandbox.environment["LUMO_LISTEN"] = f"127.0.0.1:{free_port()}"
    second = sandbox.start("up")
    assert second.wait(30) == 1
    assert "Lumo is already running on this data folder" in sandbox.said()


def _states(one: Machine) -> list[tuple[str, str]]:
    return [(delivery["id"], delivery["state"]) for delivery in one.lumo("deliveries", "list")]


def _pushed(one: Machine) -> list[tuple[str, str]]:
    """Who got which text, by the emulator's own record."""
    with LineRecord(one.data_dir / "sandbox" / "line.sqlite3") as record:
        return [(push.user_id, push.decoded()["messages"][0]["text"]) for push in record.list_pushes()]


def _numbers(one: Machine) -> list[int]:
    return sorted(int(text.removeprefix("After ")) for _, text in _pushed(one))
