"""Text with single-brace placeholders, and how they are filled. Knows no Django."""

import re
from collections.abc import Mapping
from functools import lru_cache

from lumo.messaging.limits import TEXT

BUILT_IN = ("display_name", "first_name", "cart_url")
_LONGEST_REMEMBERED = 600  # characters
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class TextTooLongError(Exception):
    """There is more text than LINE takes."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `{name}`, in one pass.

    An unknown name stays as typed; a known but empty one, or one of `BUILT_IN` without a value, becomes nothing.
    Raises TextTooLongError once the values alone exceed LINE's limit: a few short names could ask for gigabytes.
    """
    pieces = _split(text) if len(text) <= _LONGEST_REMEMBERED else PLACEHOLDER.split(text)
    if len(pieces) == 1:
        return text
    filled, left = list(pieces), TEXT.most
    for position in range(1, len(pieces), 2):
        name = pieces[position]
        found = values.get(name)
        if found is None:
            found = "" if name in BUILT_IN else f"{{{name}}}"
        left -= len(found)
        if left < 0:
            raise TextTooLongError
        filled[position] = found
    return "".join(filled)


@lru_cache(maxsize=1024)
def _split(text: str) -> tuple[str, ...]:
    """What is between placeholders and their names, in turn. Messages have few texts, and each is filled often."""
    return tuple(PLACEHOLDER.split(text))
