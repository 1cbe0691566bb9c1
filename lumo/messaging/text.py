"""Text with single-brace placeholders, and how they are filled. Knows no Django."""

import re
from collections.abc import Mapping

from lumo.messaging.limits import TEXT

BUILT_IN = ("display_name", "first_name", "cart_url")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class TextTooLongError(Exception):
    """There is more text than LINE takes."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of `{name}`, in one pass.

    An unknown name stays as typed; a known but empty one, or one of `BUILT_IN` without a value, becomes nothing.
    Raises TextTooLongError once the values alone exceed LINE's limit: a few short names could ask for gigabytes.
    """
    if "{" not in text:
        return text
    left = TEXT.most

    def value(match: re.Match[str]) -> str:
        nonlocal left
        name = match[1]
        found = values.get(name, "" if name in BUILT_IN else match[0])
        left -= len(found)
        if left < 0:
            raise TextTooLongError
        return found

    return PLACEHOLDER.sub(value, text)
