"""Text as LINE counts and Lumo fills it: UTF-16 units, single-brace placeholders."""

import re
from collections.abc import Mapping

TEXT_LIMIT = 5000  # UTF-16 units: https://developers.line.biz/en/reference/messaging-api/#text-message
BUILT_IN = ("display_name", "first_name", "cart_url")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def utf16_length(text: str) -> int:
    """How many units LINE counts: most emoji are two.

    https://developers.line.biz/en/docs/messaging-api/text-character-count/
    """
    return len(text) + sum(character > "\uffff" for character in text)


class TextTooLongError(Exception):
    """There is more text than LINE takes."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `{name}`, in one pass.

    An unknown name stays as typed; a known but empty one, or one of `BUILT_IN` without a value, becomes nothing.
    Raises TextTooLongError once the values alone exceed LINE's limit: a few short names could ask for gigabytes.
    """
    left = TEXT_LIMIT

    def value(match: re.Match[str]) -> str:
        nonlocal left
        name = match[1]
        found = values.get(name, "" if name in BUILT_IN else match[0])
        left -= len(found)
        if left < 0:
            raise TextTooLongError
        return found

    return _PLACEHOLDER.sub(value, text)
