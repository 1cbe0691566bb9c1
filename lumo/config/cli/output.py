"""What commands print: JSON for scripts, aligned columns for people."""

from collections.abc import Sequence
from datetime import datetime
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

import click
import msgspec

_GAP = "  "


def print_json(content: object) -> None:
    """Structs, dictionaries and lists as JSON; times in UTC."""
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def print_columns(heads: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A table with a line of heads; the sentence `empty` when it has no rows."""
    if not rows:
        click.echo(empty)
        return
    lines = [list(heads), *([_cell(value) for value in row] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo(_GAP.join(padded).rstrip())


def local_time(moment: datetime | None, zone: str) -> str:
    """A time in a workspace's zone; empty when there is none."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" if moment else ""


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())


def _width(text: str) -> int:
    """Columns on a terminal: Japanese characters take two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
