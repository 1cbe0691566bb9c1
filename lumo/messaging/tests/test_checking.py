"""What can't be saved, by block and field."""

from typing import Any

import msgspec
import pytest

from lumo.messaging.checking import DocumentInvalidError, check
from lumo.messaging.documents import Document

MUG = {"name": "Mug", "url": "https://shop.example/mug"}
TEXT = {"type": "text", "text": "Hello"}
AS_LINE_COUNTS = "characters, as LINE counts: most emoji are two."
BOX = {"type": "box", "layout": "vertical", "contents": []}


def faults(*blocks: dict[str, Any], **fields: Any) -> list[str]:
    """What is said about a document with these blocks."""
    document = msgspec.convert({"blocks": list(blocks), **fields}, Document)
    try:
        check(document)
    except DocumentInvalidError as error:
        return str(error).split("\n")
    return []


def products(**fields: Any) -> dict[str, Any]:
    return {"type": "products", "trigger": "abandoned_cart", **fields}


def flex(contents: Any, alt_text: str = "Flex") -> dict[str, Any]:
    return {"type": "flex", "contents": contents, "alt_text": alt_text}


def text_in(**component: Any) -> dict[str, Any]:
    return flex({"type": "bubble", "body": {**BOX, "contents": [{"type": "text", "text": "x", **component}]}})


def button_in(uri: str, label: str | None = "Go") -> dict[str, Any]:
    action = {"type": "uri", "uri": uri} | ({} if label is None else {"label": label})
    return flex({"type": "bubble", "body": {**BOX, "contents": [{"type": "button", "action": action}]}})


@pytest.mark.parametrize(
    "block",
    [
        TEXT,
        {"type": "text", "text": "{first_name} {display_name} {cart_url} { braces } {1}"},
        {"type": "text", "text": "😀" * 2500},
        {"type": "image", "url": "https://i.example/a.jpg"},
        products(title="{name} {variant} {price} {first_name}", body="", max=12),
        products(button={"text": "日" * 40, "opens": "{cart_url}"}),
        products(button={"text": "👨‍👩‍👧" * 40, "opens": "product", "otherwise": "https://shop.example/"}),
        products(fallback={"products": [{**MUG, "price": 3960}], "button": {"text": "Look"}}),
        {"type": "products", "trigger": "post_purchase", "button": {"text": "Order", "opens": "{order_url}"}},
        {"type": "products", "products": [{**MUG, "image": "http://i.example/a.jpg", "price": "39.60"}]},
        flex({"type": "bubble", "hero": {"type": "image", "url": "https://i.example/a.jpg"}}),
        text_in(text="{first_name}"),
        button_in("{cart_url}"),
        button_in("tel:0312345678"),
        button_in("line://ti/p/@shop"),
        flex({"type": "bubble", "contents": [1], "x": {"type": ["a"]}, "body": BOX}),
        flex({"type": "bubble", "body": BOX, "styles": {"body": {"backgroundColor": "#FFFFFF"}}}),
        products(button={"text": "Go", "opens": "https://shop.example/カート"}),
    ],
)
def test_what_can_be_saved(block: dict[str, Any]) -> None:
    assert faults(block) == []


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({**TEXT, "text": " \n"}, "Block 1 (text), text: This is needed."),
        (
            {**TEXT, "text": "😀" * 2500 + "x"},
            "Block 1 (text), text: This is too long: 5001 of at most 5000 " + AS_LINE_COUNTS,
        ),
        (
            {**TEXT, "text": "{frist_name}"},
            "Block 1 (text), text: {frist_name} has no meaning here."
            " Placeholders are: {first_name} {display_name} {cart_url}",
        ),
        (
            {**TEXT, "text": "{name}"},
            "Block 1 (text), text: {name} has no meaning here."
            " Placeholders are: {first_name} {display_name} {cart_url}",
        ),
        (
            {"type": "image", "url": "javascript:x"},
            "Block 1 (image), url: A picture needs an address that begins with https://, of at most 2000 characters.",
        ),
        (
            products(products=[MUG]),
            "Block 1 (products), trigger: Name a trigger, or list products: exactly one of the two.",
        ),
        (
            {"type": "products"},
            "Block 1 (products), trigger: Name a trigger, or list products: exactly one of the two.",
        ),
        (
            {"type": "products", "trigger": "abandoned_card"},
            "Block 1 (products), trigger: There is no such trigger. Triggers are: abandoned_cart, added_to_cart,"
            " browse_reminder, low_stock, back_in_stock, price_drop, post_purchase",
        ),
        (products(title=""), "Block 1 (products), title: This is needed."),
        (
            products(title="x" * 201),
            "Block 1 (products), title: This is too long: 201 of at most 200 " + AS_LINE_COUNTS,
        ),
        (products(max=13), "Block 1 (products), max: A card shows 1 to 12 products."),
        (products(max=0), "Block 1 (products), max: A card shows 1 to 12 products."),
        (products(button={"text": ""}), "Block 1 (products), button.text: This is needed."),
        (
            products(button={"text": "日" * 41}),
            "Block 1 (products), button.text: This is too long: 41 of at most 40 characters.",
        ),
        (
            products(button={"text": "{name}"}),
            "Block 1 (products), button.text: A button's text takes no placeholders.",
        ),
        (
            {"type": "products", "trigger": "browse_reminder", "button": {"text": "Go", "opens": "{cart_url}"}},
            "Block 1 (products), button.opens: This is no address that the trigger has."
            " Write an https address, or the whole of one of: –",
        ),
        (
            products(button={"text": "Go", "opens": "{order_url}"}),
            "Block 1 (products), button.opens: This is no address that the trigger has."
            " Write an https address, or the whole of one of: {cart_url}",
        ),
        (
            products(button={"text": "Go", "opens": "https://shop.example/{first_name}"}),
            "Block 1 (products), button.opens: This is no address that the trigger has."
            " Write an https address, or the whole of one of: {cart_url}",
        ),
        (
            products(button={"text": "Go", "otherwise": "https://shop.example/{first_name}"}),
            "Block 1 (products), button.otherwise: This must be an address that begins with https://,"
            " of at most 1000 characters.",
        ),
        (
            products(button={"text": "Go", "opens": "shop.example"}),
            "Block 1 (products), button.opens: This must be an address that begins with https://,"
            " of at most 1000 characters.",
        ),
        (
            products(button={"text": "Go", "otherwise": "https://shop.example/" + "x" * 1000}),
            "Block 1 (products), button.otherwise: This must be an address that begins with https://,"
            " of at most 1000 characters.",
        ),
        (
            {"type": "products", "products": [{"name": "Mug"}], "button": {"text": "Go"}},
            "Block 1 (products), products[1].url:"
            " The button opens the product's page, so the product needs its address.",
        ),
        (
            {"type": "products", "products": [{**MUG, "price": "cheap"}]},
            "Block 1 (products), products[1].price: A price is a number, such as 3960.",
        ),
        (
            {"type": "products", "products": [MUG] * 13},
            "Block 1 (products), products: Choose 1 to 12 products.",
        ),
        (
            products(fallback={"products": []}),
            "Block 1 (products), fallback.products: Choose 1 to 12 products.",
        ),
        (flex({"type": "bubble", "body": BOX}, ""), "Block 1 (flex), alt_text: This is needed."),
        (
            flex({"type": "bubble"}),
            "Block 1 (flex), contents: LINE would refuse this. Expected a header, hero, body or footer.",
        ),
        (
            flex({"type": "carousel", "contents": [{"type": "bubble", "body": BOX}] * 13}),
            "Block 1 (flex), contents.contents: LINE would refuse this. Expected array of length <= 12.",
        ),
        (
            text_in(text=""),
            "Block 1 (flex), contents.body.contents[0].text: LINE would refuse this. Expected str of length >= 1.",
        ),
        (
            text_in(text="{nobody}"),
            "Block 1 (flex), contents.text: {nobody} has no meaning here."
            " Placeholders are: {first_name} {display_name} {cart_url}",
        ),
        (
            text_in(color="red"),
            "Block 1 (flex), contents.body.contents[0].color: LINE would refuse this. Write a colour such as #06C755.",
        ),
        (
            text_in(size="huge"),
            "Block 1 (flex), contents.body.contents[0].size: LINE would refuse this."
            " Write one of LINE's words, such as md, or a length such as 12px.",
        ),
        (
            button_in("https://shop.example/a b"),
            "Block 1 (flex), contents.body.contents[0].action.uri: LINE would refuse this."
            " Write an address with https, http, line or tel, percent-encoded.",
        ),
        (
            button_in("https://shop.example/", None),
            "Block 1 (flex), contents.body.contents[0]: LINE would refuse this. Expected an action with a label.",
        ),
        (
            button_in("https://shop.example/", "日" * 41),
            "Block 1 (flex), contents.body.contents[0].action.label: LINE would refuse this."
            " Expected at most 40 graphemes.",
        ),
        (
            button_in("{order_url}"),
            "Block 1 (flex), contents.uri: This is no address that the trigger has."
            " Write an https address, or the whole of one of: {cart_url}",
        ),
        (
            flex(
                {
                    "type": "bubble",
                    "body": {
                        **BOX,
                        "contents": [
                            {"type": "text", "text": "x", "action": {"type": "message", "text": "{first_name}"}}
                        ],
                    },
                }
            ),
            "Block 1 (flex), contents.body.contents[0].action.text: Placeholders stand in the words of a text,"
            " or are the whole of a uri. Not so: {first_name}",
        ),
        (
            flex({"type": "bubble", "body": {**BOX, "contents": [{"type": "separator", "margin": None}]}}),
            "Block 1 (flex), contents.body.contents[0].margin: LINE would refuse this. Expected str, got null.",
        ),
        (
            text_in(margin="１０px"),
            "Block 1 (flex), contents.body.contents[0].margin: LINE would refuse this."
            " Write one of LINE's words, such as md, or a length such as 12px.",
        ),
        (
            flex(
                {
                    "type": "bubble",
                    "hero": {"type": "image", "url": "https://i.example/a.jpg", "action": {"uri": "https://x.example"}},
                }
            ),
            "Block 1 (flex), contents.hero.action: LINE would refuse this. Object missing required field type.",
        ),
        (
            text_in(contents=[{"text": "x"}]),
            "Block 1 (flex), contents.body.contents[0].contents: LINE would refuse this. Expected objects with a type.",
        ),
        (
            flex(
                {
                    "type": "carousel",
                    "contents": [
                        {
                            "type": "bubble",
                            "body": {
                                **BOX,
                                "contents": [{"type": "image", "url": "https://i.example/a.png", "animated": True}]
                                * 11,
                            },
                        }
                    ],
                }
            ),
            "Block 1 (flex), contents: LINE would refuse this. Expected at most 10 animated images.",
        ),
        (
            flex({"type": "bubble", "body": {**BOX, "contents": [{"type": "text", "text": "日" * 10_001}]}}),
            "Block 1 (flex), contents: LINE would refuse this. Expected at most 30000 bytes of JSON.",
        ),
    ],
)
def test_a_fault_names_block_and_field_and_says_what_to_do(block: dict[str, Any], said: str) -> None:
    assert faults(block) == [said]


@pytest.mark.parametrize(
    ("blocks", "fields", "said"),
    [
        ([], {}, "blocks: A message has 1 to 5 blocks."),
        ([TEXT] * 6, {}, "blocks: A message has 1 to 5 blocks."),
        (
            [products(), products(trigger="price_drop")],
            {},
            "blocks: All cards must show the products of one trigger: a Flow has one.",
        ),
        ([TEXT], {"currency": "yen"}, "currency: A currency has a code of three letters, such as JPY."),
        (
            [TEXT],
            {"notification": "x" * 401},
            "notification: This is too long: 401 of at most 400 characters, as LINE counts: most emoji are two.",
        ),
        (
            [TEXT],
            {"defaults": {"cart_url": "shop"}},
            "defaults.cart_url: This must be an address that begins with https://, of at most 1000 characters.",
        ),
        (
            [TEXT],
            {"defaults": {"nick_name": "you"}},
            "defaults.nick_name: There is no such placeholder. Placeholders are: first_name display_name cart_url",
        ),
    ],
)
def test_faults_of_the_whole(blocks: list[dict[str, Any]], fields: dict[str, Any], said: str) -> None:
    assert faults(*blocks, **fields) == [said]


def test_all_faults_are_told_at_once() -> None:
    assert len(faults({**TEXT, "text": ""}, products(max=0, title=""), currency="?")) == 4


def test_flex_json_without_end_is_refused_and_not_walked() -> None:
    deep: Any = {"type": "text", "text": "x"}
    for _ in range(400):
        deep = {**BOX, "contents": [deep]}
    assert faults(flex({"type": "bubble", "body": deep})) == [
        "Block 1 (flex), contents: LINE would refuse this. Expected at most 20 boxes in one another."
    ]
