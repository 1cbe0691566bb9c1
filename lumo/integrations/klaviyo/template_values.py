"""The plain values that a template works on: looking into them, reading them as numbers, weighing them."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from lumo.integrations.klaviyo.template_limits import NUMBER_LIMIT, OUTPUT_LIMIT, TemplateFault

MISSING = object()
_DIGITS_LIMIT = 400  # of a number in text; floats end at 309


def look_up(value: object, key: object) -> object:
    """What `value` holds under a key of an object or an index of a list or text; MISSING when it holds nothing there.

    It never reaches a Python attribute: `{{ event.items }}` is a key named items or nothing.
    """
    if isinstance(value, dict):
        return value.get(str(key), MISSING)
    if not isinstance(value, (list, str)):
        return MISSING
    try:
        return value[int(str(key))]
    except (ValueError, IndexError):
        return MISSING


def read_number(value: object) -> Decimal | None:
    """A finite number, given as a number or as text, or None."""
    if not isinstance(value, (int, float, str)):
        return None
    text = str(value).strip()
    if len(text) > _DIGITS_LIMIT:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _DIGITS_LIMIT else None


def as_list(value: object) -> list[object]:
    """A list as it is; anything else is an empty one."""
    return value if isinstance(value, list) else []


def check_size(value: object) -> int:
    """The length of a text or list. Raises TemplateFault for one that is too long, and for a number too large."""
    if isinstance(value, int) and value.bit_length() > NUMBER_LIMIT:
        raise TemplateFault("A number grows too large.")
    size = len(value) if isinstance(value, (str, list)) else 0
    if size > OUTPUT_LIMIT:
        raise TemplateFault("A value grows longer than 1 MiB.")
    return size


def check_weight(values: Sequence[object]) -> None:
    """Refuse a list that would be too long once written out. Raises TemplateFault."""
    weight = 0
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        weight += 1 + (len(value) if isinstance(value, str) else 0)
        if weight + len(waiting) > OUTPUT_LIMIT:
            raise TemplateFault("A list grows longer than 1 MiB.")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
