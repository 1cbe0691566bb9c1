"""Keeps programs running: starts them again when they die, stops them all, leaves none behind.

Used by `lumo up` and `lumo work`.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from lumo.lib.settings import SettingsError
from lumo.postgres.processes import stops_with_parent

LUMO = (sys.executable, "-P", "-m", "lumo")  # -P: the folder one stands in may hold a `lumo` of its own

_LOOK_EVERY = 0.05  # seconds
_LONGEST_PAUSE = 10.0
_STABLE_AFTER = 10.0  # what lived as long dies of something new


class StoppedError(BaseException):
    """A person or the system asked the process to stop. Like KeyboardInterrupt no error that one may swallow."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """End the block at SIGTERM, SIGINT or SIGHUP, wherever it is; what cleans up after that is not disturbed again."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, lambda *_: None)
        raise StoppedError

    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup(1)
        numbers.append(signal.SIGHUP)
    earlier = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except StoppedError:
        pass
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class Program(Protocol):
    """Something that is to run all the time. `name` is what messages call it."""

    name: str

    def start(self) -> None:
        """Start it. Raises SettingsError when it can't be started now."""

    def is_running(self) -> bool:
        """Whether it lives."""

    def describe_end(self) -> str:
        """How it ended, in a few words."""


class Command:
    """A child process. The kernel kills it when its parent dies, kill -9 included.

    It has a session of its own, so that Ctrl-C at the terminal reaches the supervisor alone, and inherits our output,
    environment and `pass_fds`.
    """

    def __init__(self, name: str, command: Sequence[str], *, pass_fds: Sequence[int] = ()) -> None:
        self.name = name
        self._command, self._pass_fds = command, pass_fds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            pass_fds=self._pass_fds,
            start_new_session=True,
            preexec_fn=stops_with_parent(signal.SIGKILL),
        )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def describe_end(self) -> str:
        status = self._process.returncode if self._process else None
        if status is None:
            return "never started"
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process:
            self._process.terminate()

    def wait_or_kill(self, deadline: float) -> bool:
        """Wait for its end until `deadline` (monotonic), then kill it. Whether it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True


class _Kept:
    """A program and when to start it again: at once, then after pauses that grow while it dies quickly."""

    def __init__(self, program: Program, *, pause: float, say: Callable[[str], None]) -> None:
        self._program, self._say = program, say
        self._shortest_pause = self._pause = pause
        self._is_up = program.is_running()
        self._is_failing = False
        self._started_at = self._due_at = time.monotonic()

    def tend(self) -> None:
        """Note its end, start it when it is due, note that it recovered. Each is said once."""
        now = time.monotonic()
        if self._program.is_running():
            if self._is_failing and now - self._started_at > _STABLE_AFTER:
                self._is_failing, self._pause = False, self._shortest_pause
                self._say(f"{self._program.name} runs again.")
        elif self._is_up:
            self._note_end(now, self._program.describe_end())
        elif now >= self._due_at:
            self._start(now)

    def _start(self, now: float) -> None:
        self._started_at = now
        try:
            self._program.start()
            self._is_up = True
        except SettingsError as error:
            self._note_end(now, str(error))

    def _note_end(self, now: float, how: str) -> None:
        if not self._is_failing:
            self._say(f"{self._program.name} ended ({how}) and is started again.")
        self._is_up, self._is_failing = False, True
        self._due_at = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class Supervisor:
    """Looks after programs. Use it from the main thread: the kernel ends a child with the thread that started it."""

    def __init__(self, *, restart_pause: float, say: Callable[[str], None]) -> None:
        self._restart_pause, self._say = restart_pause, say
        self._kept: list[_Kept] = []
        self._commands: list[Command] = []

    def add(self, program: Program) -> None:
        """Keep it running from the next `tend` on, first after those added earlier. `stop` is for commands only."""
        self._kept.append(_Kept(program, pause=self._restart_pause, say=self._say))
        if isinstance(program, Command):
            self._commands.append(program)

    def tend(self, *, rest: float = _LOOK_EVERY) -> None:
        """Start what is not running and due, once; then rest for so many seconds."""
        for kept in self._kept:
            kept.tend()
        time.sleep(rest)

    def stop(self, *, within: float) -> None:
        """Ask all commands to stop and wait for them; those that take longer than `within` seconds are killed."""
        deadline = time.monotonic() + within
        for command in self._commands:
            command.ask_to_stop()
        for command in self._commands:
            if not command.wait_or_kill(deadline):
                self._say(f"{command.name} did not stop in {within:g} s and was killed.")
