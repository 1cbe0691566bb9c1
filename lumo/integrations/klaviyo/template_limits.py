"""What a template may cost, and the fault that says where it went wrong."""

import re

TEMPLATE_LIMIT = 256 * 1024  # characters; a Flow request is refused above 256 KiB (DESIGN §4)
OUTPUT_LIMIT = 1024 * 1024  # characters, of the output and of every value on the way to it
STEP_LIMIT = 100_000  # tags, filters and rounds of loops; the longest Get JSON takes under 2,000
NESTING_LIMIT = 50  # tags inside tags
TAG_LIMIT = 5_000  # more than Django's scanner can try within a second when none of them is closed
TAG_LENGTH_LIMIT = 4_000  # characters; Django's expression for filters takes quadratic time over spaces
NUMBER_LIMIT = 2048  # bits; above the largest float

_TAG_START = re.compile(r"\{[{%#]")


class TemplateFault(Exception):  # noqa: N818 - it speaks of the template, not of our code
    """A template that Klaviyo would refuse, or that Lumo will not render. Its words are a sentence to show.

    `line` counts from 1; None where the template as a whole is at fault.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def check_source(source: str) -> None:
    """Refuse a template that is too long to be read at all, or that is not text. Raises TemplateFault."""
    if len(source) > TEMPLATE_LIMIT:
        raise TemplateFault(f"The template is longer than {TEMPLATE_LIMIT // 1024} KiB.")
    check_text(source)
    if len(_TAG_START.findall(source)) > TAG_LIMIT:
        raise TemplateFault(f"The template has more than {TAG_LIMIT:,} tags.")


def check_text(text: str) -> None:
    """Refuse text that can't be written as UTF-8. Raises TemplateFault."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TemplateFault("Half of a surrogate pair stands alone in the text.") from None
