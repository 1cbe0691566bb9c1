"""The small rules that every check is put together from.

A rule looks at one value and adds what it refuses to the findings, under the property's name as LINE writes it:
`messages[0].contents.body.contents[2].action.uri`. Properties without a rule pass, as they do at LINE. No rule raises,
whatever the JSON.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import regex

_GRAPHEME = regex.compile(r"\X")
_EMPTY = "May not be empty"


class Fault(msgspec.Struct, frozen=True):
    """A property that LINE refuses, and why."""

    message: str
    property: str


class Findings:
    """The faults found so far. http addresses below `http_origin` pass where LINE wants https; "" is none.

    `depth` is how many boxes the rule at work is inside.
    """

    def __init__(self, http_origin: str = "") -> None:
        self.http_origin = http_origin
        self.faults: list[Fault] = []
        self.depth = 0

    def add(self, place: str, message: str) -> None:
        self.faults.append(Fault(message, place))


Rule = Callable[[object, str, Findings], None]
ObjectRule = Callable[[dict[str, Any], str, Findings], None]


def utf16_units(text: str) -> int:
    """How long LINE takes a text to be: most emoji are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def graphemes(text: str) -> int:
    """The same where LINE counts what a person sees as one character.

    https://developers.line.biz/en/docs/messaging-api/text-character-count/
    """
    return len(text) if text.isascii() and "\r" not in text else len(_GRAPHEME.findall(text))


def text(least: int = 0, most: int | None = None, *, measure: Callable[[str], int] = utf16_units) -> Rule:
    """A string of so many units."""
    words = f"Length must be between {least} and {most}"

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, str):
            findings.add(place, "Must be a string")
        elif least and not value:
            findings.add(place, _EMPTY)
        elif most is not None and measure(value) > most:
            findings.add(place, words)

    return check


def matching(pattern: str, words: str) -> Rule:
    """A string that is wholly of this form."""
    form = re.compile(pattern)

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, str) or not form.fullmatch(value):
            findings.add(place, words)

    return check


def one_of(*values: str) -> Rule:
    """One of these strings."""
    allowed, words = frozenset(values), _one_of(values)

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, str) or value not in allowed:
            findings.add(place, words)

    return check


def integer(least: int, most: int = 2**31 - 1) -> Rule:
    """A whole number, written as one."""
    words = f"Must be an integer between {least} and {most}"

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            findings.add(place, words)

    return check


def number(value: object, place: str, findings: Findings) -> None:
    """Any number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        findings.add(place, "Must be a number")


def boolean(value: object, place: str, findings: Findings) -> None:
    """true or false."""
    if not isinstance(value, bool):
        findings.add(place, "Must be a boolean")


def items(rule: Rule, least: int, most: int | None = None) -> Rule:
    """An array of so many items; what has too many is not looked into."""
    words = f"Size must be between {least} and {most}"

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, list):
            findings.add(place, "Must be an array")
        elif least and not value:
            findings.add(place, _EMPTY)
        elif len(value) < least or (most is not None and len(value) > most):
            findings.add(place, words)
        else:
            for number, item in enumerate(value):
                rule(item, f"{place}[{number}]", findings)

    return check


def fields(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, *also: ObjectRule) -> Rule:
    """An object with these properties; `also` looks at how they fit together."""
    rules = {**required, **(optional or {})}

    def check(value: object, place: str, findings: Findings) -> None:
        if not isinstance(value, dict):
            findings.add(place, "Must be an object")
            return
        prefix = f"{place}." if place else ""
        for name in required:
            if name not in value:
                findings.add(prefix + name, _EMPTY)
        for name, content in value.items():
            rule = rules.get(name)
            if rule is not None:
                rule(content, prefix + name, findings)
        for fits in also:
            fits(value, place, findings)

    return check


def tagged(rules: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which rule is its."""
    words = _one_of(rules)

    def check(value: object, place: str, findings: Findings) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        rule = rules.get(kind) if isinstance(kind, str) else None
        if rule is None:
            findings.add(f"{place}.type", words)
        else:
            rule(value, place, findings)

    return check


def anything(_value: object, _place: str, _findings: Findings) -> None:
    """A property that must be there; another rule looks at it."""


def _one_of(values: Iterable[str]) -> str:
    return f"Must be one of the following values: [{', '.join(values)}]"
