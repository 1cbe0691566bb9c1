"""Klaviyo's filters on lists, and the ways to look into objects by name.

https://developers.klaviyo.com/en/docs/glossary_of_variable_filters
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from django.template import Library, defaultfilters

from lumo.integrations.klaviyo.template_limits import OUTPUT_LIMIT, TemplateFault
from lumo.integrations.klaviyo.template_values import MISSING, as_list, check_weight, look_up, read_number

register = Library()
for _name in ("first", "last", "length", "slice"):
    register.filter(_name, defaultfilters.register.filters[_name])
for _name in ("count", "size"):
    register.filter(_name, defaultfilters.length)

_CONDITION = re.compile(r"([^<>=!]+)(<=|=>|>=|==|!=|<|>|=)(.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    "=>": operator.ge,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@register.filter
def lookup(value: object, key: object) -> object:
    """What an object holds under a name that a dot can't reach, or a list at an index; empty when there is nothing."""
    found = look_up(value, key)
    return "" if found is MISSING else found


@register.filter("map")
def map_to(value: object, key: object) -> list[object]:
    """What each object of a list holds under a name."""
    return [lookup(item, key) for item in as_list(value)]


@register.filter
def compact(value: object) -> list[object]:
    """The list without nulls."""
    return [item for item in as_list(value) if item is not None]


@register.filter
def concat(value: object, other: object) -> object:
    """Two lists, or two texts, one after the other."""
    if not isinstance(value, list):
        return f"{value}{other}"
    joined = value + as_list(other)
    check_weight(joined)
    return joined


@register.filter
def add(value: object, other: object) -> object:
    """The sum of two whole numbers, decimals ignored; two texts or lists one after the other; else nothing."""
    left, right = read_number(value), read_number(other)
    if left is not None and right is not None:
        return int(left) + int(right)
    if isinstance(value, list) or (isinstance(value, str) and isinstance(other, str)):
        return concat(value, other)
    return ""


@register.filter(is_safe=True, needs_autoescape=True)
def join(value: object, separator: object, autoescape: bool = True) -> object:
    """The list's items as one text. Raises TemplateFault before it is built too long."""
    items = [item if isinstance(item, str) else str(item) for item in as_list(value)]
    if sum(map(len, items)) + len(items) * len(str(separator)) > OUTPUT_LIMIT:
        raise TemplateFault("A value grows longer than 1 MiB.")
    return defaultfilters.join(items, str(separator), autoescape) if isinstance(value, list) else value


@register.filter
def list_to_string(value: object) -> str:
    """The list as English says it: apple, banana and orange."""
    items = [str(item) for item in as_list(value)]
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


@register.filter
def list_where(value: object, condition: object) -> list[object]:
    """The objects of a list that hold a value under a name, such as 'Brand=Lumo'."""
    return _filtered(value, str(condition))


@register.filter
def dictfilter(value: object, condition: object) -> list[object]:
    """The objects of a list that meet a condition, such as 'Price>2'."""
    return _filtered(value, str(condition))


@register.filter
def reverse(value: object) -> object:
    """The list or text from its end."""
    return value[::-1] if isinstance(value, (list, str)) else value


@register.filter
def sort(value: object, key: object = None) -> object:
    """The list in order, or by what its objects hold under a name; nothing where values can't be compared."""
    return _sorted(value, key, lambda item: item)


@register.filter
def sort_natural(value: object, key: object = None) -> object:
    """The same for text, whatever its case."""
    return _sorted(value, key, lambda item: str(item).casefold())


@register.filter
def uniq(value: object, key: object = None) -> list[object]:
    """The list without repetitions, or without those of what its objects hold under a name."""
    seen: dict[str, object] = {}
    for item in as_list(value):
        seen.setdefault(repr(item if key is None else lookup(item, key)), item)
    return list(seen.values())


def _filtered(value: object, condition: str) -> list[object]:
    match = _CONDITION.fullmatch(condition)
    if match is None:
        raise TemplateFault("A list is filtered by a name, an operator and a value, such as 'Price>2'.")
    name, sign, wanted = (part.strip() for part in match.groups())
    return [item for item in as_list(value) if _meets(look_up(item, name), sign, wanted)]


def _meets(found: object, sign: str, wanted: str) -> bool:
    if found is MISSING:
        return False
    left, right = read_number(found), read_number(wanted)
    if left is None or right is None:
        return _OPERATORS[sign](str(found), wanted)
    return _OPERATORS[sign](left, right)


def _sorted(value: object, key: object, order: Callable[[object], object]) -> object:
    try:
        # mypy can't know that the items compare; those that don't are caught
        return sorted(as_list(value), key=lambda item: order(item if key is None else lookup(item, key)))  # type: ignore[arg-type, return-value]
    except TypeError:
        return ""
