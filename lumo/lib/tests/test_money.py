"""Prices as shops write them, and as readers expect them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.lib.money import format_money, read_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("3200.0", "3200.0"),
        ("3200.00", "3200.00"),
        ("3200", "3200"),
        (" 3200 ", "3200"),
        ("12.500", "12.500"),
        ("0.00", "0.00"),
        ("¥3,200", "3200"),
        ("￥3,200", "3200"),
        ("３，２００円", "3200"),
        ("$134", "134"),
        ("$1,340.50", "1340.50"),
        ("€ 1.234,56", "1234.56"),
        ("€3.200", "3200"),
        ("1 234,56 kr", "1234.56"),
        ("CHF 1’234.50", "1234.50"),
        ("12,5", "12.5"),
        ("1,234,567", "1234567"),
        ("JPY 500", "500"),
        ("", None),
        ("free", None),
        ("-3", None),
        ("$-3", None),
        ("3 for 2", None),
        ("9" * 30, None),
        ("NaN", None),
        ("1e9", None),
        (".99", "0.99"),
        ("$.99", "0.99"),
        ("0,999", "0.999"),
        ("0.5 KWD", "0.5"),
        ("10 20", None),
        ("1 234 567 kr", "1234567"),
        ("12 34", None),
        ("−500", None),
        ("¥3,200.", "3200"),
        ("Regular price for members of our club: 39600", None),
        ("٣٢٠٠", None),
    ],
)
def test_the_amount_in_what_shops_write(text: str, amount: str | None) -> None:
    assert read_amount(text) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "currency", "language", "shown"),
    [
        ("3960.00", "JPY", "ja", "￥3,960"),
        ("3960.00", "JPY", "en", "¥3,960"),
        ("3960.50", "JPY", "en", "¥3,961"),
        ("3333.3333", "JPY", "en", "¥3,333"),
        ("3960.00", "KRW", "ja", "₩3,960"),
        ("134.5", "USD", "en", "$134.50"),
        ("0.125", "USD", "en", "$0.13"),
        ("1.2345", "KWD", "en", "KWD1.235"),
        ("1234.50", "", "en", "1,234.5"),
        ("3200.00", "", "ja", "3,200"),
        ("5", "XXQ", "en", "XXQ5.00"),
    ],
)
def test_money_as_a_reader_expects_it(amount: str, currency: str, language: str, shown: str) -> None:
    assert format_money(Decimal(amount), currency, language) == shown


@given(st.text(max_size=60))
def test_whatever_is_written_as_a_price_is_read_or_is_none(text: str) -> None:
    amount = read_amount(text)
    assert amount is None or amount >= 0
    if amount is not None:
        assert format_money(amount, "JPY", "ja")
