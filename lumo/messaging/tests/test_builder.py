"""LINE's messages from a message and a request: what is shown, what is left out, and when nothing is sent."""

from typing import Any

import msgspec
import pytest

from lumo.messaging.builder import NotSendableError, build_messages
from lumo.messaging.contract import FlowBody, ProductSlot
from lumo.messaging.documents import (
    Block,
    Button,
    Document,
    Fallback,
    FlexBlock,
    ImageBlock,
    PickedProduct,
    ProductsBlock,
    TextBlock,
)

CART = "https://shop.example/cart?key=1"
MUG = {
    "id": "1",
    "title": "Mug",
    "image": "https://i.example/m.jpg",
    "url": "https://shop.example/mug",
    "price": "3960",
}
CUP = {"id": "2", "title": "Cup", "url": "https://shop.example/cup", "price": "0.00"}
TO_CART = Button(text="Back to cart", opens="{cart_url}")
CARD = ProductsBlock(trigger="abandoned_cart", body="Still here, {first_name}", button=TO_CART)
FALLBACK = Fallback(
    products=(PickedProduct(name="Soap", url="https://shop.example/soap", image="https://i.example/s.jpg"),),
    button=Button(text="Have a look"),
)


def build(*blocks: Block, products: list[dict[str, Any]] | None = None, **fields: Any) -> list[dict[str, Any]]:
    variables = fields.pop("variables", {"first_name": "Misaki", "cart_url": CART})
    slots = [msgspec.convert(slot, ProductSlot) for slot in [MUG] if products is None]
    slots += [msgspec.convert(slot, ProductSlot) for slot in products or []]
    document = Document(blocks=blocks, **{"language": "en", "currency": "JPY", **fields})
    messages = build_messages(document, FlowBody(variables=variables, products=slots), display_name="みさき")
    decoded: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(messages))
    return decoded


def reason(*blocks: Block, **fields: Any) -> tuple[str, str]:
    with pytest.raises(NotSendableError) as caught:
        build(*blocks, **fields)
    return caught.value.state, caught.value.reason


def test_a_text_has_its_placeholders_filled() -> None:
    [message] = build(TextBlock(text="Hi {first_name} ({display_name}): {cart_url}"))
    assert message == {"type": "text", "text": f"Hi Misaki (みさき): {CART}"}


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "Hi dear customer: https://shop.example/"),
        ({"first_name": " ", "cart_url": "None"}, "Hi dear customer: https://shop.example/"),
        ({"first_name": "{cart_url}", "cart_url": "javascript:alert(1)"}, "Hi {cart_url}: https://shop.example/"),
        ({"first_name": "Ann", "cart_url": "http://shop.example/c"}, "Hi Ann: https://shop.example/c"),
        ({"first_name": "Ann", "cart_url": "https://shop.example/" + "c" * 1000}, "Hi Ann: https://shop.example/"),
    ],
)
def test_a_default_stands_in_for_what_has_no_value(variables: dict[str, str], text: str) -> None:
    defaults = {"first_name": "dear customer", "cart_url": "https://shop.example/"}
    [message] = build(TextBlock(text="Hi {first_name}: {cart_url}"), variables=variables, defaults=defaults)
    assert message["text"] == text


def test_one_product_is_one_bubble() -> None:
    [message] = build(CARD, notification="{first_name}, your cart waits")
    assert message == {
        "type": "flex",
        "altText": "Misaki, your cart waits",
        "contents": {
            "type": "bubble",
            "size": "kilo",
            "hero": {
                "type": "image",
                "url": MUG["image"],
                "size": "full",
                "aspectRatio": "4:3",
                "aspectMode": "cover",
                "action": {"type": "uri", "uri": MUG["url"]},
            },
            "body": {
                "type": "box",
                "layout": "vertical",
                "spacing": "sm",
                "contents": [
                    {
                        "type": "text",
                        "text": "Mug",
                        "weight": "bold",
                        "size": "sm",
                        "color": "#16201C",
                        "wrap": True,
                        "maxLines": 3,
                    },
                    {
                        "type": "text",
                        "text": "Still here, Misaki",
                        "size": "xs",
                        "color": "#5A6661",
                        "wrap": True,
                        "maxLines": 4,
                    },
                    {
                        "type": "box",
                        "layout": "baseline",
                        "margin": "md",
                        "contents": [
                            {
                                "type": "text",
                                "text": "¥3,960",
                                "weight": "bold",
                                "size": "md",
                                "color": "#16201C",
                                "flex": 0,
                            }
                        ],
                    },
                ],
            },
            "footer": {
                "type": "box",
                "layout": "vertical",
                "contents": [
                    {
                        "type": "button",
                        "style": "primary",
                        "height": "sm",
                        "color": "#16201C",
                        "action": {"type": "uri", "label": "Back to cart", "uri": CART},
                    }
                ],
            },
        },
    }


@pytest.mark.parametrize(("count", "most", "bubbles"), [(2, 5, 2), (7, 5, 5), (16, 12, 12), (40, 12, 12)])
def test_several_products_are_a_carousel_of_so_many_at_most(count: int, most: int, bubbles: int) -> None:
    slots = [{"id": str(number), "title": f"Mug {number}"} for number in range(count)]
    [message] = build(ProductsBlock(trigger="abandoned_cart", max=most), products=slots)
    contents = message["contents"]
    assert contents["type"] == "carousel"
    titles = [bubble["body"]["contents"][0]["text"] for bubble in contents["contents"]]
    assert titles == [f"Mug {number}" for number in range(bubbles)]
    assert message["altText"] == "Mug 0"


@pytest.mark.parametrize(
    ("button", "slot", "cart_url", "opened"),
    [
        (TO_CART, MUG, CART, CART),
        (TO_CART, MUG, "", None),
        (TO_CART, MUG, "https://shop.example/" + "c" * 1000, None),
        (Button(text="Go", opens="{cart_url}", otherwise="https://shop.example/"), MUG, "", "https://shop.example/"),
        (Button(text="Go"), MUG, CART, MUG["url"]),
        (Button(text="Go"), {"title": "Mug"}, CART, None),
        (Button(text="Go", otherwise="https://shop.example/"), {"title": "Mug"}, CART, "https://shop.example/"),
        (Button(text="Go", opens="https://shop.example/sale"), MUG, CART, "https://shop.example/sale"),
        (Button(text="Go", opens="http://shop.example/花"), MUG, CART, "https://shop.example/%E8%8A%B1"),
        (
            Button(text="Go", opens="{cart_url}", otherwise="//shop.example/花"),
            MUG,
            "",
            "https://shop.example/%E8%8A%B1",
        ),
        (None, MUG, CART, None),
    ],
)
def test_a_button_that_would_open_nothing_is_left_out(
    button: Button | None, slot: dict[str, str], cart_url: str, opened: str | None
) -> None:
    block = ProductsBlock(trigger="abandoned_cart", button=button)
    [message] = build(block, products=[slot], variables={"cart_url": cart_url})
    footer = message["contents"].get("footer")
    assert (footer["contents"][0]["action"]["uri"] if footer else None) == opened


def test_settings_of_a_card() -> None:
    block = ProductsBlock(
        trigger="abandoned_cart", title="{name} – {variant}", body="{price}", show_price=False, image_shape="1:1"
    )
    [message] = build(block, products=[{**MUG, "variant_title": "White"}])
    bubble = message["contents"]
    assert bubble["hero"]["aspectRatio"] == "1:1"
    assert [part["text"] for part in bubble["body"]["contents"]] == ["Mug – White", "¥3,960"]


def test_a_product_without_picture_has_none() -> None:
    [message] = build(ProductsBlock(trigger="abandoned_cart", skip_free=False), products=[CUP])
    assert "hero" not in message["contents"]


def test_gifts_are_left_out_unless_they_are_wanted() -> None:
    for skip_free, names in ((True, ["Mug"]), (False, ["Cup", "Mug"])):
        block = ProductsBlock(trigger="abandoned_cart", skip_free=skip_free)
        [message] = build(block, products=[CUP, MUG])
        bubbles = message["contents"].get("contents", [message["contents"]])
        assert [bubble["body"]["contents"][0]["text"] for bubble in bubbles] == names


def test_a_gift_does_not_hide_the_same_product_at_its_price() -> None:
    block = ProductsBlock(trigger="abandoned_cart")
    [message] = build(block, products=[{**MUG, "price": "0.00"}, MUG, {**MUG, "price": "0"}])
    assert message["contents"]["body"]["contents"][1]["contents"][0]["text"] == "¥3,960"


def test_without_products_the_fallback_is_shown_with_its_own_button() -> None:
    block = ProductsBlock(trigger="abandoned_cart", button=TO_CART, fallback=FALLBACK)
    [message] = build(block, products=[CUP])
    assert message["contents"]["body"]["contents"][0]["text"] == "Soap"
    action = message["contents"]["footer"]["contents"][0]["action"]
    assert action == {"type": "uri", "label": "Have a look", "uri": "https://shop.example/soap"}
    [message] = build(block)
    assert message["contents"]["body"]["contents"][0]["text"] == "Mug"


def test_without_products_the_rest_of_the_message_is_sent() -> None:
    assert build(TextBlock(text="Your cart waits."), CARD, products=[]) == [
        {"type": "text", "text": "Your cart waits."}
    ]


def test_with_nothing_else_the_card_s_own_words_are_sent_as_far_as_they_need_no_product() -> None:
    assert build(CARD, products=[]) == [{"type": "text", "text": "Still here, Misaki"}]
    whole = ProductsBlock(trigger="abandoned_cart", title="Your cart", body="Only {price}!")
    assert build(TextBlock(text="{cart_url}"), whole, products=[], variables={}) == [
        {"type": "text", "text": "Your cart"}
    ]


def test_without_products_and_words_nothing_is_sent() -> None:
    bare = ProductsBlock(trigger="abandoned_cart")
    assert reason(bare, products=[]) == ("skipped", "no_products")
    assert reason(TextBlock(text="{cart_url}"), bare, products=[], variables={}) == ("skipped", "no_products")
    assert reason(TextBlock(text="{cart_url}"), variables={}) == ("skipped", "text_empty")


def test_a_card_may_stop_the_whole_message_when_it_is_empty() -> None:
    block = ProductsBlock(trigger="abandoned_cart", body="Words", when_empty="skip")
    assert reason(TextBlock(text="Hello"), block, products=[]) == ("skipped", "no_products")


def test_picked_products_need_no_event() -> None:
    [message] = build(ProductsBlock(products=FALLBACK.products), products=[MUG])
    assert message["contents"]["body"]["contents"][0]["text"] == "Soap"


def test_a_text_that_became_too_long_is_not_cut_but_refused() -> None:
    block = TextBlock(text="{first_name}" * 50)
    assert reason(block, variables={"first_name": "x" * 200}) == ("failed", "text_too_long")
    assert len(build(block, variables={"first_name": "x" * 100})[0]["text"]) == 5000


def test_a_picture() -> None:
    image = ImageBlock(url="https://i.example/a.jpg", preview_url="https://i.example/small.jpg")
    assert build(image) == [
        {
            "type": "image",
            "originalContentUrl": "https://i.example/a.jpg",
            "previewImageUrl": "https://i.example/small.jpg",
        }
    ]
    [message] = build(ImageBlock(url="/a.jpg"), shop_url="https://shop.example/")
    assert message["originalContentUrl"] == message["previewImageUrl"] == "https://shop.example/a.jpg"


def _flex(*contents: dict[str, Any], **bubble: Any) -> FlexBlock:
    box = {"type": "box", "layout": "vertical", "contents": list(contents)}
    return FlexBlock(contents={"type": "bubble", "body": box, **bubble}, alt_text="For {first_name}")


def test_flex_json_is_sent_as_it_is_with_its_placeholders_filled() -> None:
    button = {"type": "button", "action": {"type": "uri", "label": "Cart", "uri": "{cart_url}"}}
    block = _flex({"type": "text", "text": "{first_name}!", "x-unknown": [1]}, button)
    [message] = build(block)
    assert message["altText"] == "For Misaki"
    assert message["contents"]["body"]["contents"] == [
        {"type": "text", "text": "Misaki!", "x-unknown": [1]},
        {"type": "button", "action": {"type": "uri", "label": "Cart", "uri": CART}},
    ]


def test_in_flex_json_what_has_no_value_is_left_out() -> None:
    tappable = {"type": "text", "text": "Cart", "action": {"type": "uri", "uri": "{cart_url}"}}
    button = {"type": "button", "action": {"type": "uri", "label": "Cart", "uri": "{cart_url}"}}
    block = _flex({"type": "text", "text": "{first_name}"}, tappable, button)
    [message] = build(block, variables={})
    assert message["contents"]["body"]["contents"] == [{"type": "text", "text": "Cart"}]
    spans = {"type": "text", "text": "{first_name}", "contents": [{"type": "span", "text": "Hi"}]}
    [message] = build(_flex(spans), variables={})
    assert message["contents"]["body"]["contents"] == [{"type": "text", "contents": [{"type": "span", "text": "Hi"}]}]


def test_flex_json_of_which_nothing_is_left_is_not_sent() -> None:
    block = _flex({"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": "{first_name}"}]})
    assert reason(block, variables={}) == ("skipped", "text_empty")
    assert build(TextBlock(text="Hello"), block, variables={}) == [{"type": "text", "text": "Hello"}]


def test_flex_json_that_became_too_large_is_refused() -> None:
    texts = [{"type": "text", "text": "{first_name}"}] * 120
    assert reason(_flex(*texts), variables={"first_name": "日" * 290}) == ("failed", "text_too_long")


def test_a_carousel_of_long_products_keeps_what_fits_in_50_kb() -> None:
    slot = {"title": "日" * 255, "url": "https://shop.example/" + "u" * 900, "image": "https://i.example/" + "i" * 1900}
    block = ProductsBlock(trigger="abandoned_cart", max=12, body="日" * 500, button=Button(text="Go"))
    [message] = build(block, products=[{**slot, "id": str(number)} for number in range(12)])
    assert 6 < len(message["contents"]["contents"]) < 12
    assert len(msgspec.json.encode(message["contents"])) <= 50_000
