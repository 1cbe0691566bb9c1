"""Dates as Klaviyo's tags and filters write them: always in English, whatever language Lumo speaks.

https://help.klaviyo.com/hc/en-us/articles/115005257788
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
from django.template import Library
from django.utils.dateformat import DateFormat

from lumo.integrations.klaviyo.template_limits import TemplateFault
from lumo.integrations.klaviyo.template_values import read_number

register = Library()

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS_AP = ("Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.")
_UNREADABLE = "This is not a date that Klaviyo reads: {!r:.40}."
_OWN_FORMATS = ("%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%y %H:%M", "%m/%d/%Y", "%m-%d-%Y")
_SHIFTED_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%m-%d-%Y")
_LETTER = re.compile(r"\\(.)|([aAbcdDeEfFgGhHiIjlLmMnNoOPrsStTuUwWyYzZ])", re.DOTALL)
_DIRECTIVE = re.compile(r"%([-#]?)(.)", re.DOTALL)
_DIRECTIVES = "aAbBdHIjmMpSUwWyYzZ%"
_PATTERN_LIMIT = 200


class Moment(msgspec.Struct, frozen=True):
    """A date that a template holds. Not a datetime: Django would write that in the language of the settings."""

    at: datetime

    def __str__(self) -> str:
        return format_date(self.at, "N j, Y, P")


def format_date(at: datetime, pattern: str) -> str:
    """`at`, which is aware, by a pattern of Django's `date` filter."""
    letters = DateFormat(at)

    def write(match: re.Match[str]) -> str:
        escaped, letter = match.groups()
        if escaped:
            return str(escaped)
        return str(_ENGLISH[letter](at) if letter in _ENGLISH else getattr(letters, letter)())

    return _LETTER.sub(write, pattern[:_PATTERN_LIMIT])


def format_directives(at: datetime, pattern: str) -> str:
    """`at` by a pattern of `{% today %}`, such as %Y-%m-%d. Raises TemplateFault for a directive it does not know."""

    def write(match: re.Match[str]) -> str:
        if match[2] not in _DIRECTIVES:
            raise TemplateFault(f"{{% today %}} can't read {match[0]} in its pattern.")
        text = at.strftime(f"%{match[2]}")
        return text.lstrip("0") or "0" if match[1] else text

    return _DIRECTIVE.sub(write, pattern[:_PATTERN_LIMIT])


def read_moment(value: object) -> datetime | None:
    """A date out of text, seconds since 1970 or a Moment; UTC where no zone is given; None when it is none.

    https://developers.klaviyo.com/en/docs/acceptable_date_and_timestamp_formats_for_profile_and_event_properties
    """
    if isinstance(value, Moment):
        return value.at
    text = str(value).strip()
    found = _read_seconds(text) or _read_iso(text) or _read_by(text, _OWN_FORMATS)
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


@register.filter
def format_date_string(value: object) -> object:
    """The text as a date, for `date` to write; nothing stays nothing. Raises TemplateFault for other text."""
    if value in ("", None):
        return ""
    at = read_moment(value)
    if at is None:
        raise TemplateFault(_UNREADABLE.format(value))
    return Moment(at)


register.filter("datetime_from_string", format_date_string)


@register.filter
def date(value: object, pattern: str = "N j, Y") -> str:
    """A date by a pattern of Django's. Text is no date, as in Klaviyo: it needs format_date_string first."""
    return format_date(value.at, str(pattern)) if isinstance(value, Moment) else ""


@register.filter
def days_later(value: object, days: object) -> object:
    """The day that many days later, written as it was given; nothing for what is no day."""
    step = read_number(days)
    if step is None or abs(step) > 100_000:
        raise TemplateFault("days_later takes a number of days up to 100,000.")
    if isinstance(value, Moment):
        return Moment(value.at + timedelta(days=int(step)))
    for pattern in _SHIFTED_FORMATS:
        at = _read_by(str(value), (pattern,))
        if at:
            return (at + timedelta(days=int(step))).strftime(pattern)
    return ""


@register.filter
def weeks_since(value: object, other: object = None) -> object:
    """Whole weeks from `value` until `other`, or until now."""
    start, end = read_moment(value), datetime.now(UTC) if other is None else read_moment(other)
    return "" if start is None or end is None else (end - start).days // 7


def _read_seconds(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if re.fullmatch(r"[0-9]{9,10}", text) else None


def _read_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _read_by(text: str, patterns: tuple[str, ...]) -> datetime | None:
    for pattern in patterns:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - read_moment gives it its zone
        except ValueError:
            continue
    return None


def _clock(at: datetime) -> str:
    if (at.hour, at.minute) in {(0, 0), (12, 0)}:
        return "noon" if at.hour else "midnight"
    return f"{DateFormat(at).f()} {_half(at)}"


def _half(at: datetime) -> str:
    return "p.m." if at.hour > 11 else "a.m."


_ENGLISH: dict[str, Callable[[datetime], str]] = {
    "a": _half,
    "A": lambda at: "PM" if at.hour > 11 else "AM",
    "b": lambda at: MONTHS[at.month - 1][:3].lower(),
    "D": lambda at: WEEKDAYS[at.weekday()][:3],
    "E": lambda at: MONTHS[at.month - 1],
    "F": lambda at: MONTHS[at.month - 1],
    "l": lambda at: WEEKDAYS[at.weekday()],
    "M": lambda at: MONTHS[at.month - 1][:3],
    "N": lambda at: _MONTHS_AP[at.month - 1],
    "P": _clock,
}
