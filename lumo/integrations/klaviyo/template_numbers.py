"""Klaviyo's filters on numbers, which also take numbers in text. None writes a number in a language's own way.

https://developers.klaviyo.com/en/docs/glossary_of_variable_filters
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from django.template import Library

from lumo.integrations.klaviyo.template_limits import TemplateFault
from lumo.integrations.klaviyo.template_values import as_list, read_number

register = Library()

_PLACES_LIMIT = 100
_FORMATTED_DIGITS = 200  # Django leaves a number with more as it is
_EXACT = Context(prec=1000)  # 400 digits each side of the point, and the places asked for


@register.filter
def floatformat(value: object, places: object = -1) -> str:
    """The number with so many decimals; with fewer than 0, none where the number is whole.

    `g` after the places groups thousands. https://docs.djangoproject.com/en/5.2/ref/templates/builtins/#floatformat
    """
    number = read_number(value)
    if number is None:
        return ""
    digits = str(places).rstrip("gu") or "-1"
    wanted = _read_places(digits)
    if wanted is None or _is_extreme(number):
        return str(value)
    decimals = 0 if wanted < 0 and number == number.to_integral_value() else abs(wanted)
    rounded = _round(number, decimals, ROUND_HALF_UP)
    grouping = "," if str(places).endswith(("g", "gu")) else ""
    return f"{rounded:{grouping}.{decimals}f}"


@register.filter
def percentize(value: object, places: object = 0) -> str:
    """A share as a percentage: .25 with 2 places is 25.00%."""
    number = read_number(value)
    return "" if number is None else f"{floatformat(str(number * 100), places)}%"


@register.filter("abs")
def absolute(value: object) -> object:
    """The number without its sign."""
    number = read_number(value)
    return "" if number is None else _as_given(abs(number), value)


@register.filter
def at_least(value: object, other: object) -> object:
    """The larger of two numbers."""
    return _pick(value, other, lambda left, right: left >= right)


@register.filter
def at_most(value: object, other: object) -> object:
    """The smaller of two numbers."""
    return _pick(value, other, lambda left, right: left <= right)


@register.filter("ceil")
def ceiling(value: object) -> object:
    """The next whole number above, as a float."""
    return _rounded(value, 0, ROUND_CEILING)


@register.filter
def floor(value: object) -> object:
    """The next whole number below, as a float."""
    return _rounded(value, 0, ROUND_FLOOR)


@register.filter("round")
def round_nearest(value: object, places: object = 0) -> object:
    """The nearest number of so many places, as a float; halves go up."""
    return _rounded(value, places, ROUND_HALF_UP)


@register.filter
def round_up(value: object, places: object = 0) -> object:
    """The next number of so many places above, as a float."""
    return _rounded(value, places, ROUND_CEILING)


@register.filter
def round_down(value: object, places: object = 0) -> object:
    """The next number of so many places below, as a float."""
    return _rounded(value, places, ROUND_FLOOR)


@register.filter
def multiply(value: object, other: object) -> float:
    """The product, as a float; 0.0 where either is no number."""
    return float(_number(value) * _number(other))


@register.filter
def divide(value: object, other: object) -> object:
    """The quotient, as a float; nothing for a division by zero."""
    divisor = _number(other)
    return float(_number(value) / divisor) if divisor else ""


@register.filter
def floatadd(value: object, other: object) -> float:
    """The sum, as a float."""
    return float(_number(value) + _number(other))


@register.filter
def floatsub(value: object, other: object) -> float:
    """The difference, as a float."""
    return float(_number(value) - _number(other))


@register.filter
def remainder(value: object, other: object) -> object:
    """The rest of a division, as a float with the divisor's sign; nothing for a division by zero."""
    left, right = float(_number(value)), float(_number(other))
    return left % right if right else ""


@register.filter
def sum_list(value: object) -> float:
    """The sum of a list's numbers, as a float."""
    return float(sum((_number(item) for item in as_list(value)), Decimal()))


@register.filter
def gt(value: object, other: object) -> bool:
    """Whether the number is greater."""
    return _number(value) > _number(other)


@register.filter
def gte(value: object, other: object) -> bool:
    """Whether the number is greater or equal."""
    return _number(value) >= _number(other)


@register.filter
def lt(value: object, other: object) -> bool:
    """Whether the number is smaller."""
    return _number(value) < _number(other)


@register.filter
def lte(value: object, other: object) -> bool:
    """Whether the number is smaller or equal."""
    return _number(value) <= _number(other)


register.filter("plus", floatadd)
register.filter("minus", floatsub)
register.filter("modulo", remainder)


def _is_extreme(number: Decimal) -> bool:
    _, digits, exponent = number.as_tuple()
    return len(digits) + abs(int(exponent)) > _FORMATTED_DIGITS


def _number(value: object) -> Decimal:
    return read_number(value) or Decimal()


def _as_given(number: Decimal, value: object) -> int | float:
    return int(number) if isinstance(value, int) else float(number)


def _pick(value: object, other: object, is_first: Callable[[Decimal, Decimal], bool]) -> object:
    left, right = read_number(value), read_number(other)
    if left is None or right is None:
        return ""
    return _as_given(left, value) if is_first(left, right) else _as_given(right, other)


def _rounded(value: object, places: object, rounding: str) -> object:
    number, wanted = read_number(value), _read_places(str(places))
    if number is None:
        return ""
    return float(_round(number, wanted or 0, rounding))


def _round(number: Decimal, places: int, rounding: str) -> Decimal:
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding, _EXACT)
    return rounded or abs(rounded)  # there is no -0


def _read_places(text: str) -> int | None:
    try:
        places = int(text)
    except ValueError:
        return None
    if abs(places) > _PLACES_LIMIT:
        raise TemplateFault(f"A number can't be written with more than {_PLACES_LIMIT} decimals.")
    return places
