"""Renders templates in a process of its own, which is killed when it takes too long.

A template may be anybody's: it is rendered away from the secrets, the database and the memory of Lumo.
"""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import msgspec

from lumo.integrations.klaviyo.template_limits import TemplateFault, check_source

MEMORY_LIMIT = 256 * 1024 * 1024  # bytes of address space; Python and Django take 40 MiB
_REQUEST_LIMIT = 8 * 1024 * 1024  # bytes; an event has 5 MB at most
_ANSWER_LIMIT = 8 * 1024 * 1024  # bytes, of all jobs together
_START_SECONDS = 30.0  # a quarter of a second, were the machine not busy
_CHUNK = 65536
_STOPPED = "The template takes more memory or time than a template may."


class Job(msgspec.Struct, frozen=True):
    """The data to render the template over, as `templates.build_context` makes it, and whether HTML is escaped."""

    context: dict[str, Any]
    autoescape: bool


class Request(msgspec.Struct, frozen=True):
    """What the process reads."""

    source: str
    jobs: list[Job]


class Outcome(msgspec.Struct, frozen=True):
    """A line of what it answers: the text, or the fault's words and line."""

    text: str | None = None
    message: str = ""
    line: int | None = None


def render_bounded(source: str, jobs: Sequence[Job], *, seconds: float = 1.0) -> list[str | TemplateFault]:
    """The template rendered for each job, in one process that has so many seconds for all once it is ready.

    A fault takes the place of a text: of the template, or that it took too much. Safe in threads.
    Raises OSError when no process can be started.
    """
    try:
        check_source(source)
        request = _encode(source, jobs)
    except TemplateFault as fault:
        return [fault for _ in jobs]
    if not jobs:
        return []
    with _child(seconds) as child:
        answer, missing = _exchange(child, request, seconds)
    lines = answer.split(b"\n")[:-1]  # what follows the last line feed is a line cut short
    outcomes = [_decode(line) for line in lines[: len(jobs)]]
    return outcomes + [missing for _ in jobs[len(outcomes) :]]


def _encode(source: str, jobs: Sequence[Job]) -> bytes:
    try:
        request = msgspec.json.encode(Request(source, list(jobs)))
    except (RecursionError, TypeError, UnicodeEncodeError):
        raise TemplateFault("The data is no JSON object, or is nested too deeply.") from None
    if len(request) > _REQUEST_LIMIT:
        raise TemplateFault(f"The template and its data are longer than {_REQUEST_LIMIT // 1024 // 1024} MiB.")
    return request


def _decode(line: bytes) -> str | TemplateFault:
    outcome = msgspec.json.decode(line, type=Outcome)
    return TemplateFault(outcome.message, line=outcome.line) if outcome.text is None else outcome.text


@contextmanager
def _child(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ready, alone with its two pipes; dead and reaped at the end."""
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", "-m", "lumo.integrations.klaviyo.bounded_child", str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )
    try:
        _wait_until_ready(child)
        yield child
    finally:
        child.kill()
        for pipe in (_stdin(child), _stdout(child)):
            pipe.close()
        child.wait()


def _wait_until_ready(child: subprocess.Popen[bytes]) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(_stdout(child), selectors.EVENT_READ)
        if not selector.select(_START_SECONDS) or not os.read(_stdout(child).fileno(), 1):
            raise OSError("The process that renders templates does not start.")


def _exchange(child: subprocess.Popen[bytes], request: bytes, seconds: float) -> tuple[bytes, TemplateFault]:
    """What the process answers to the request, and the fault of the jobs that it did not come to."""
    deadline = time.monotonic() + seconds
    rest, answer = memoryview(request), bytearray()
    os.set_blocking(_stdin(child).fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(_stdin(child), selectors.EVENT_WRITE)
        selector.register(_stdout(child), selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.fileobj is child.stdin:
                    rest = _write_some(selector, _stdin(child), rest)
                    continue
                chunk = os.read(key.fd, _CHUNK)
                answer += chunk
                if not chunk:
                    return bytes(answer), TemplateFault(_STOPPED)
                if len(answer) > _ANSWER_LIMIT:
                    return b"", TemplateFault(f"The output grows longer than {_ANSWER_LIMIT // 1024 // 1024} MiB.")
    return bytes(answer), TemplateFault(f"The template takes longer than {seconds:g} s to render.")


def _write_some(selector: selectors.BaseSelector, pipe: IO[bytes], rest: memoryview) -> memoryview:
    """What is left to write; the pipe is closed when that is nothing, or nobody reads any more."""
    try:
        rest = rest[os.write(pipe.fileno(), rest[:_CHUNK]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        rest = rest[:0]
    if not rest:
        selector.unregister(pipe)
        pipe.close()
    return rest


def _stdin(child: subprocess.Popen[bytes]) -> IO[bytes]:
    assert child.stdin
    return child.stdin


def _stdout(child: subprocess.Popen[bytes]) -> IO[bytes]:
    assert child.stdout
    return child.stdout
