"""A process that runs an embedded server, to be killed: `python -m lumo.postgres.tests.holder`.

It prints the URL, or `refused:` and why, and stops the server when its standard input ends.
"""

import argparse
import asyncio
import os
import pwd
import sys
from pathlib import Path
from typing import TextIO

import psycopg

from lumo.lib.settings import SettingsError
from lumo.postgres.connect import wait_until_ready
from lumo.postgres.embedded import EmbeddedServer, running


def main() -> None:
    """Start, print, wait, stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--major", type=int)
    parser.add_argument("--user", help="become this user first; only as root")
    parser.add_argument("--shared", action="store_true", help="run it as a command does that finds none running")
    options = parser.parse_args()
    if options.user:
        _become(options.user)
    try:
        if options.shared:
            with running(options.data_dir, say=_say) as url:
                _hold(url)
        else:
            server = EmbeddedServer(options.data_dir, say=_say, major=options.major)
            _hold(server.start())
            server.stop()
    except SettingsError as error:
        _say(f"refused: {error}", to=sys.stdout)


def _hold(url: str) -> None:
    asyncio.run(wait_until_ready(url, say=_say))
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1")
    _say(url, to=sys.stdout)
    sys.stdin.read()


def _say(words: str, *, to: TextIO = sys.stderr) -> None:
    to.write(f"{words}\n")
    to.flush()


def _become(name: str) -> None:
    """Drop root's rights for good. The interpreter may be closed to that user: everything is imported by now."""
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir


if __name__ == "__main__":
    main()
