"""The products of an event, with all that real events do to them."""

from typing import Any

import msgspec
import pytest

from lumo.messaging.contract import FlowBody, ProductSlot
from lumo.messaging.documents import Document, PickedProduct, TextBlock
from lumo.messaging.products import Product, read_picked, read_products

DOCUMENT = Document(blocks=(TextBlock(text="–"),), language="en", currency="JPY", shop_url="https://shop.example")


def read(*slots: dict[str, Any], **fields: Any) -> list[Product]:
    body = FlowBody(products=[msgspec.convert(slot, ProductSlot) for slot in slots], **fields)
    return read_products(body, DOCUMENT, variables=body.values())


def one(**slot: Any) -> Product:
    [product] = read({"title": "Mug", **slot})
    return product


@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        ({"price": "3960.00"}, "¥3,960"),
        ({"price": "3960.0"}, "¥3,960"),
        ({"price": 3960}, "¥3,960"),
        ({"price": 3960.0}, "¥3,960"),
        ({"price": "$134"}, "$134"),
        ({"price": "¥3,200"}, "¥3,200"),
        ({"price": "3,200円"}, "3,200円"),
        ({"price": "3,200"}, "¥3,200"),
        ({"price": "100.00", "line_price": "300.00", "quantity": "3"}, "¥100"),
        ({"line_price": "300.00", "quantity": "3.0"}, "¥100"),
        ({"line_price": "300.00"}, "¥300"),
        ({"line_price": "300.00", "quantity": "0"}, "¥300"),
        ({"line_price": "100.00", "quantity": "3"}, "¥33"),
        ({"cents": "320000"}, "¥3,200"),
        ({"price": "None", "line_price": "300"}, "¥300"),
        ({"price": "call us"}, ""),
        ({"price": "-5"}, ""),
        ({"price": "1 coin of 5"}, ""),
        ({"price": "$" + "1" * 100}, ""),
        ({}, ""),
    ],
)
def test_the_price_is_that_of_a_unit(slot: dict[str, Any], shown: str) -> None:
    assert one(**slot).price == shown


def test_the_event_s_currency_comes_before_the_message_s() -> None:
    [usd] = read({"title": "Mug", "price": "9.5"}, variables={"currency": "usd"})
    [nonsense] = read({"title": "Mug", "price": "9.5"}, variables={"currency": "{{ x }}"})
    assert (usd.price, nonsense.price) == ("$9.50", "¥10")


@pytest.mark.parametrize(
    ("price", "compare_at", "shown"),
    [
        ("3000", "4000.00", "¥4,000"),
        ("3000", "3000", ""),
        ("3000", "0.00", ""),
        ("3000", "None", ""),
        ("¥3,000", "¥4,000", "¥4,000"),
        ("", "4000", ""),
    ],
)
def test_an_earlier_price_is_shown_where_it_was_higher(price: str, compare_at: str, shown: str) -> None:
    assert one(price=price, compare_at=compare_at).compare_at == shown


@pytest.mark.parametrize(("price", "is_free"), [("0.00", True), ("¥0", True), ("", False), ("x", False), ("1", False)])
def test_only_what_is_known_to_cost_nothing_is_free(price: str, is_free: bool) -> None:
    assert one(price=price).is_free is is_free


@pytest.mark.parametrize(
    ("slot", "field", "value"),
    [
        ({"variant_title": "Default Title"}, "variant", ""),
        ({"variant_title": "default title "}, "variant", ""),
        ({"variant_title": "白 / M"}, "variant", "白 / M"),
        ({"handle": "slim-bottle"}, "url", "https://shop.example/products/slim-bottle"),
        ({"url": "/products/x?variant=1"}, "url", "https://shop.example/products/x?variant=1"),
        ({"url": "http://shop.example/x"}, "url", "https://shop.example/x"),
        ({"url": "https://shop.example/x?" + "a" * 1500}, "url", "https://shop.example/x"),
        ({"url": "https://shop.example/" + "a" * 1500}, "url", ""),
        ({"url": "javascript:alert(1)"}, "url", ""),
        ({"url": "undefined"}, "url", ""),
        ({"image": "http://img.example/a.jpg"}, "image", "https://img.example/a.jpg"),
        ({"image": "None"}, "image", ""),
        ({"image": "data:image/png;base64,x"}, "image", ""),
        ({"title": ' ボトル "Slim" & <b>Light</b> 👨‍👩‍👧 '}, "name", 'ボトル "Slim" & <b>Light</b> 👨‍👩‍👧'),
        ({"title": "\u202eספר\u202c"}, "name", "\u202eספר\u202c"),
        ({"title": "x" * 255}, "name", "x" * 255),
        ({"title": "Nan"}, "name", "Nan"),
        ({"title": "日" * 255}, "name", "日" * 255),
        ({"title": "x" * 700}, "name", "x" * 599 + "…"),
    ],
)
def test_what_events_carry_as_cards_show_it(slot: dict[str, Any], field: str, value: str) -> None:
    assert getattr(one(**slot), field) == value


def test_empty_slots_and_lines_without_a_name_are_no_products() -> None:
    empty = {"title": "", "price": ""}
    assert read(empty, {"title": "None", "price": "3"}, {"id": "7"}, {"title": "Mug"}, empty) == [one()]


def test_one_product_comes_once_whatever_its_variants() -> None:
    slots = [
        {"id": "7", "title": "Mug", "variant_title": "Red"},
        {"id": "7.0", "title": "Mug", "variant_title": "Blue"},
        {"id": "8", "title": "Mug"},
        {"title": "Cup", "handle": "cup"},
        {"title": "Cup", "handle": "cup"},
        {"title": "Cup", "handle": "other-cup"},
    ]
    assert [(product.key, product.variant) for product in read(*slots)] == [
        ("7", "Red"),
        ("8", ""),
        ("Cup\nhttps://shop.example/products/cup", ""),
        ("Cup\nhttps://shop.example/products/other-cup", ""),
    ]


def test_a_body_may_carry_more_lines_than_slots_but_not_without_end() -> None:
    assert len(read(*({"title": f"Mug {number}"} for number in range(300)))) == 100


@pytest.mark.parametrize(
    ("enc", "esc", "title"),
    [
        ("urlencode", "A&B", "12%22%20Pan%20%26%20%3CLid%3E"),
        ("urlencode", "A&amp;B", "12%22%20Pan%20%26%20%3CLid%3E"),
        (None, "A&amp;B", "12&quot; Pan &amp; &lt;Lid&gt;"),
        (None, "A&B", '12" Pan & <Lid>'),
    ],
)
def test_values_are_decoded_as_the_body_says(enc: str | None, esc: str, title: str) -> None:
    [product] = read({"title": title}, enc=enc, esc=esc)
    assert product.name == '12" Pan & <Lid>'


def test_long_slots_are_read_but_not_remembered() -> None:
    [product] = read({"title": "x" * 100_000, "image": "https://x.example/" + "y" * 100_000})
    assert (len(product.name), product.image) == (600, "")


def test_products_chosen_by_hand() -> None:
    picked = PickedProduct(
        name="Mug", url="/products/mug", image="http://i.example/m.jpg", price=3960, compare_at="4500"
    )
    [product] = read_picked([picked], DOCUMENT)
    assert product == Product(
        key="Mug\n/products/mug",
        name="Mug",
        image="https://i.example/m.jpg",
        url="https://shop.example/products/mug",
        price="¥3,960",
        compare_at="¥4,500",
    )
