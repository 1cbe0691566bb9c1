"""LINE's three ways of counting, and cutting by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.messaging.limits import Limit, Unit, cut

FAMILY = "👨‍👩‍👧"  # five code points, eight UTF-16 units, one grapheme


@pytest.mark.parametrize(
    ("unit", "length"), [("UTF-16 units", 8 + 2), ("graphemes", 3), ("characters", 5 + 2), ("bytes", 18 + 4)]
)
def test_each_unit_counts_in_its_own_way(unit: Unit, length: int) -> None:
    assert Limit(1, unit).measure(f"{FAMILY}日a") == length


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("abc", Limit(3, "graphemes"), "abc"),
        ("abcd", Limit(3, "graphemes"), "ab…"),
        (FAMILY * 4, Limit(3, "graphemes"), FAMILY * 2 + "…"),
        (FAMILY * 4, Limit(17, "UTF-16 units"), FAMILY * 2 + "…"),
        ("e\u0301" * 3, Limit(4, "UTF-16 units"), "e\u0301…"),
        ("😀😀", Limit(3, "UTF-16 units"), "😀…"),
    ],
)
def test_a_cut_keeps_whole_graphemes(text: str, limit: Limit, kept: str) -> None:
    assert cut(text, limit) == kept


@given(st.text(max_size=50), st.integers(1, 30), st.sampled_from(["UTF-16 units", "graphemes"]))
def test_what_was_cut_fits(text: str, most: int, unit: Unit) -> None:
    limit = Limit(most, unit)
    assert limit.allows(cut(text, limit))
