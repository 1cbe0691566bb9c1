"""The server's log stays short while the server goes on appending to it."""

import os
from pathlib import Path

from lumo.postgres.server_log import ServerLog


def test_a_long_log_is_set_aside_and_appending_goes_on(data_dir: Path) -> None:
    log = ServerLog(data_dir / "server.log", limit=1000)
    os.write(log.descriptor, b"a" * 1001)
    log.cut()
    os.write(log.descriptor, b"new")
    log.close()
    assert (data_dir / "server.log").read_bytes() == b"new"
    assert (data_dir / "server.log.1").read_bytes() == b"a" * 1001


def test_its_last_words_are_those_since_the_mark(data_dir: Path) -> None:
    log = ServerLog(data_dir / "server.log")
    os.write(log.descriptor, b"before")
    log.mark()
    os.write(log.descriptor, "最後の言葉\n".encode())
    assert log.tail() == "最後の言葉"
    log.close()
