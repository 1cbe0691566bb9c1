"""Amounts of money: read from what shops write, shown as readers of a language expect. Knows no Django."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, get_currency_precision

_LOCALES = {"ja": Locale("ja", "JP"), "en": Locale("en", "US")}
_CODE = re.compile(r"[A-Z]{3}")
_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?")
_NUMBER = re.compile(r"(?:[.,](?=[0-9]))?[0-9](?:[0-9.,'’]|[ \u202f](?=[0-9]{3}(?![0-9])))*")
_NEGATIVE = re.compile(r"[-\u2212]")
_MOST_CHARACTERS = 40
_MOST = Decimal(10) ** 15


def is_currency(code: str) -> bool:
    """Whether this looks like an ISO 4217 code, such as JPY."""
    return _CODE.fullmatch(code) is not None


def read_amount(text: str) -> Decimal | None:
    """The amount in a price as a person or a machine wrote it: `3200.0`, `$1,340.50`, `€ 1.234,56`, `３，２００円`.

    None when there is no number, or more than one, or a negative one, or more than 40 characters.
    """
    text = unicodedata.normalize("NFKC", text[: _MOST_CHARACTERS + 1]).strip()
    if _PLAIN.fullmatch(text):
        return _decimal(text)
    numbers = _NUMBER.findall(text)
    if len(numbers) != 1 or len(text) > _MOST_CHARACTERS or _NEGATIVE.search(text):
        return None
    return _decimal(_without_grouping(numbers[0].rstrip(".,'’")))


@lru_cache(maxsize=8192)
def format_money(amount: Decimal, currency: str, language: str) -> str:
    """An amount in a currency (ISO 4217) as a reader of this language (`ja`, `en`) expects it, rounded half up to the
    currency's own digits; without a sign when `currency` is empty.

    >>> format_money(Decimal("3960.00"), "JPY", "en")
    '¥3,960'
    """
    locale = _LOCALES.get(language, _LOCALES["en"])
    if not currency:
        return format_decimal(amount.normalize() + 0, locale=locale)
    try:
        rounded = amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)
        return format_currency(rounded, currency, locale=locale)
    except UnknownCurrencyError:
        return f"{currency} {format_decimal(amount, locale=locale)}"


def _without_grouping(number: str) -> str:
    """A number as people write it with its decimal sign, if any, as a point."""
    number = re.sub(r"['’ \u202f]", "", number)
    point, comma = number.rfind("."), number.rfind(",")
    if point >= 0 and comma >= 0:
        decimal_sign = "." if point > comma else ","
    else:
        sign = "." if point >= 0 else ","
        whole, _, rest = number.partition(sign)
        is_decimal = sign not in rest and (len(rest) != 3 or whole in {"", "0"})
        decimal_sign = sign if is_decimal else ""
    grouping = {".", ","} - {decimal_sign}
    for sign in grouping:
        number = number.replace(sign, "")
    number = number.replace(decimal_sign, ".") if decimal_sign else number
    return f"0{number}" if number.startswith(".") else number


def _decimal(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if 0 <= amount < _MOST else None
