"""The door for foreign JSON: an object of which every property is read as one type, or is not there."""

import re
from collections.abc import Mapping

# NUL is no character in HTML, and half a surrogate pair none in UTF-8.
_UNSHOWABLE = re.compile("[\x00\ud800-\udfff]")


class Node:
    """An object of LINE's JSON. A property of another type than is asked for counts as missing, whatever it holds."""

    __slots__ = ("_raw",)

    def __init__(self, raw: object) -> None:
        self._raw: Mapping[object, object] = raw if isinstance(raw, Mapping) else {}

    def has(self, name: str) -> bool:
        """Whether there is such a property, null excepted."""
        return self._raw.get(name) is not None

    def text(self, name: str) -> str:
        """A string, with U+FFFD for what no page can hold; empty when it is missing."""
        value = self._raw.get(name)
        return _UNSHOWABLE.sub("\ufffd", value) if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        """A number between -99,999 and 99,999."""
        value = self._raw.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        return float(value) if -99_999 <= value <= 99_999 else None

    def flag(self, name: str) -> bool:
        """Whether the property is true."""
        return self._raw.get(name) is True

    def node(self, name: str) -> "Node":
        """An object; one without properties when it is missing."""
        return Node(self._raw.get(name))

    def nodes(self, name: str) -> "list[Node]":
        """A list of objects; what is no object in it is one without properties."""
        value = self._raw.get(name)
        return [Node(item) for item in value] if isinstance(value, list) else []
