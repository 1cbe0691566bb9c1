"""Options that several commands take, and the types of their values."""

import errno
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from lumo.lib import clock

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

_SPAN = re.compile(r"(\d{1,5})([mhd])")
_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SECRET = re.compile(r"[!-~]+")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Off(Enum):
    """A setting that is turned off, as opposed to one that is left alone."""

    OFF = "off"


class OrOff(click.ParamType[Any]):
    """What `inner` takes, or the word off."""

    def __init__(self, inner: click.ParamType[Any]) -> None:
        self._inner = inner
        self.name = f"{inner.name}|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return Off.OFF if value == Off.OFF.value else self._inner.convert(value, param, ctx)


class Hours(click.ParamType[Any]):
    """Two local times, HH:MM-HH:MM; they may span midnight."""

    name = "HH:MM-HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[time, time]:
        begin, _, end = value.partition("-")
        try:
            return _clock_time(begin), _clock_time(end)
        except ValueError:
            self.fail(f"{value!r} is not like 22:00-08:00.", param, ctx)


class Moment(click.ParamType[Any]):
    """A time in the past: so long ago (90m, 24h, 7d), or ISO 8601, UTC unless it says otherwise."""

    name = "24h|2026-01-31"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        span = _SPAN.fullmatch(value)
        if span:
            return clock.now() - timedelta(**{_UNITS[span[2]]: int(span[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither like 24h nor like 2026-01-31T09:00.", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
workspace_option = click.option(
    "--workspace", "workspace_id", metavar="ws_…", help="Which Workspace; may be left out when there is one."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask where somebody can answer, unless `--yes` was given. Raises click.Abort."""
    if not yes and sys.stdin and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


def secret_option(name: str, text: str) -> Callable[[Command], Command]:
    """`--NAME VALUE`, `--NAME -` for standard input, or `--NAME-file PATH`; the command gets the text, else "".

    A person at a terminal is asked for it, and it is not shown.
    """
    parameter = name.replace("-", "_")

    def decorate(command: Command) -> Command:
        @click.option(f"--{name}", parameter, metavar="TEXT|-", help=f"{text}; - reads standard input.")
        @click.option(f"--{name}-file", f"{parameter}_file", metavar="PATH", help="The same from a file.")
        @wraps(command)
        def run(*arguments: Any, **options: Any) -> Any:
            value, path = options.pop(parameter), options.pop(f"{parameter}_file")
            if value is not None and path is not None:
                raise click.UsageError(f"Give --{name} or --{name}-file, not both.")
            is_given = value is not None or path is not None
            options[parameter] = _check(name, _find(name, value, path)) if is_given else ""
            return command(*arguments, **options)

        return run  # type: ignore[return-value]

    return decorate


def _find(name: str, value: str | None, path: str | None) -> str:
    """A secret as it was given: itself, on standard input (`-`) or in a file."""
    is_input = "-" in {value, path}
    if path is None and not is_input:
        return value or ""
    try:
        return _read_input(name) if is_input else Path(path or "").read_text(encoding="utf-8")
    except UnicodeDecodeError:
        why = "it is not text in UTF-8"
    except OSError as error:
        why = error.strerror or "it fails"
    raise click.UsageError(f"--{name} can't be read from {'standard input' if is_input else path}: {why}.")


def _read_input(name: str) -> str:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed")
    return str(click.prompt(name, hide_input=True, err=True)) if sys.stdin.isatty() else sys.stdin.read()


def _check(name: str, text: str) -> str:
    """The secret alone. Raises click.UsageError, which never shows it."""
    secret = text.strip()
    if not secret:
        raise click.UsageError(f"--{name} is empty.")
    if not _SECRET.fullmatch(secret):
        raise click.UsageError(f"--{name} must be one line of printable ASCII characters without spaces.")
    return secret


def _clock_time(text: str) -> time:
    found = _CLOCK_TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return time(int(found[1]), int(found[2]))
