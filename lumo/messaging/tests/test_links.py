"""Addresses: what events carry, as LINE takes them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumo.messaging.links import clean_image, clean_link, clean_page

ORIGIN = "http://127.0.0.1:8000"
_URI = re.compile(r"https?://[a-z0-9.-]+(:\d+)?(/[!$&-;=@-Z_a-z~%]*)?(\?[!$&-;=?@-Z_a-z~%]*)?(#[!$&-;=?@-Z_a-z~%]*)?")


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://shop.example/a?b=1&c=2#d", "https://shop.example/a?b=1&c=2#d"),
        ("  https://shop.example/a\n", "https://shop.example/a"),
        ("http://shop.example/a", "https://shop.example/a"),
        ("http://shop.example:80/a", "https://shop.example/a"),
        ("HTTPS://Shop.Example/A", "https://shop.example/A"),
        ("//cdn.shop.example/a", "https://cdn.shop.example/a"),
        ("/products/x?variant=1", "https://shop.example/products/x?variant=1"),
        ("products/x", "https://shop.example/products/x"),
        ('https://shop.example/日本 語?q="x"', "https://shop.example/%E6%97%A5%E6%9C%AC%20%E8%AA%9E?q=%22x%22"),
        ("https://shop.example/%zz%20", "https://shop.example/%25zz%20"),
        ("https://shop.example/a#b#c", "https://shop.example/a#b%23c"),
        ("https://日本.example/", "https://xn--wgv71a.example/"),
        ("https://shop.example/{name}\\", "https://shop.example/%7Bname%7D%5C"),
        (f"{ORIGIN}/static/x.jpg", f"{ORIGIN}/static/x.jpg"),
        ("http://127.0.0.1:8001/x", "https://127.0.0.1:8001/x"),
        ("https://shop.example/" + "a" * 979, "https://shop.example/" + "a" * 979),
        ("https://shop.example/" + "a" * 980, None),
        ("https://shop.example/" + "日" * 330, None),
        ("https://shop.example:99999/", None),
        ("https://user:secret@shop.example/", None),
        ("https://-shop.example/", None),
        ("https://shop..example/", None),
        ("https://[::1]/", None),
        ("https://", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://shop.example/", None),
        ("mailto:a@shop.example", None),
        ("", None),
    ],
)
def test_a_link_is_https_and_percent_encoded_or_none(text: str, link: str | None) -> None:
    assert clean_link(text, base="https://shop.example", http_origin=ORIGIN) == link


def test_without_a_base_a_relative_address_is_none() -> None:
    assert clean_link("/products/x") is None


def test_a_products_page_that_is_too_long_loses_its_query() -> None:
    assert clean_page("https://shop.example/p?" + "a" * 1500) == "https://shop.example/p"
    assert clean_page("https://shop.example/p?variant=1") == "https://shop.example/p?variant=1"
    assert clean_page("https://shop.example/" + "a" * 1500) is None


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("http://img.example/a.png", "https://img.example/a.png"),
        ("https://cdn.shopify.com/s/a.jpg?v=17", "https://cdn.shopify.com/s/a.jpg?v=17&width=800"),
        ("//cdn.shopify.com/s/a.jpg?width=3000&v=17", "https://cdn.shopify.com/s/a.jpg?v=17&width=800"),
        ("https://tea.example/cdn/shop/a.jpg", "https://tea.example/cdn/shop/a.jpg?width=800"),
        ("https://img.example/" + "a" * 1980, "https://img.example/" + "a" * 1980),
        ("https://img.example/" + "a" * 1981, None),
        ("None", None),
    ],
)
def test_a_picture_is_https_and_not_larger_than_line_takes(text: str, image: str | None) -> None:
    assert clean_image(text) == image


@given(st.text(max_size=80) | st.text(max_size=60).map("https://shop.example/".__add__) | st.text().map("//".__add__))
@example("https://shop.example/a b")
@example("https://x.example:+8/")
def test_whatever_comes_is_an_address_for_line_or_none(text: str) -> None:
    link = clean_link(text, base="https://shop.example")
    assert link is None or (
        len(link) <= 1000 and _URI.fullmatch(link) and "%" not in re.sub("%[0-9A-Fa-f]{2}", "", link)
    )
    if link:
        assert clean_link(link) == link
