"""Product cards: a bubble of LINE's Flex Message for each product. Knows no Django.

https://developers.line.biz/en/reference/messaging-api/#bubble. Looks are those of `docs/guides/messages.md`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lumo.messaging.documents import OPENS_PRODUCT, Button, ProductsBlock
from lumo.messaging.limits import BUBBLE_SIZE, CAROUSEL_SIZE, PRODUCT_NAME, cut
from lumo.messaging.products import Product
from lumo.messaging.text import PLACEHOLDER, fill

CARD_PLACEHOLDERS = ("name", "variant", "price")

_SIZE = "kilo"
_INK, _QUIET, _REDUCED, _BUTTON = "#16201C", "#5A6661", "#B3261E", "#16201C"
_AROUND_BUBBLES = 200  # bytes of a carousel's own

_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]


def build_cards(
    block: ProductsBlock, products: Sequence[Product], *, button: Button | None, values: Mapping[str, str]
) -> Json | None:
    """A bubble for one product, a carousel for several, None for none.

    `values` are those of the message's placeholders. What exceeds 50 KB of JSON is left out from the end.
    """
    bubbles: list[msgspec.Raw] = []
    room = CAROUSEL_SIZE.most - _AROUND_BUBBLES
    for product in products[: block.max]:
        bubble = _encode_fitting(_build_bubble(block, product, button, values))
        room -= len(bubble) + 1
        if room < 0:
            break
        bubbles.append(msgspec.Raw(bubble))
    if len(bubbles) > 1:
        return {"type": "carousel", "contents": bubbles}
    return msgspec.json.decode(bubbles[0]) if bubbles else None


def build_text(block: ProductsBlock, values: Mapping[str, str]) -> str:
    """The card's title and body as far as they need no product, filled; empty when nothing is left."""
    parts = (part for part in (block.title, block.body) if not _needs_product(part))
    return "\n".join(text for text in (fill(part, values).strip() for part in parts) if text)


def _needs_product(text: str) -> bool:
    return any(name in CARD_PLACEHOLDERS for name in PLACEHOLDER.findall(text))


def _build_bubble(block: ProductsBlock, product: Product, button: Button | None, values: Mapping[str, str]) -> Json:
    link = _find_link(button, product, values) if button else None
    page = product.url or link
    bubble: Json = {"type": "bubble", "size": _SIZE}
    if product.image:
        bubble["hero"] = {
            "type": "image",
            "url": product.image,
            "size": "full",
            "aspectRatio": block.image_shape,
            "aspectMode": "cover",
        }
        if page:
            bubble["hero"]["action"] = {"type": "uri", "uri": page}
    bubble["body"] = {
        "type": "box",
        "layout": "vertical",
        "spacing": "sm",
        "contents": _build_body(block, product, values),
    }
    if button and link:
        bubble["footer"] = {"type": "box", "layout": "vertical", "contents": [_build_button(button.text, link)]}
    return bubble


def _build_body(block: ProductsBlock, product: Product, values: Mapping[str, str]) -> list[Json]:
    known = {**values, "name": product.name, "variant": product.variant, "price": product.price}
    title = fill(block.title, known).strip() or product.name
    contents: list[Json] = [
        {"type": "text", "text": title, "weight": "bold", "size": "sm", "color": _INK, "wrap": True, "maxLines": 3}
    ]
    body = fill(block.body, known).strip()
    if body:
        contents.append({"type": "text", "text": body, "size": "xs", "color": _QUIET, "wrap": True, "maxLines": 4})
    if block.show_price and product.price:
        contents.append(_build_price(product))
    return contents


def _build_price(product: Product) -> Json:
    price: Json = {"type": "text", "text": product.price, "weight": "bold", "size": "md", "color": _INK, "flex": 0}
    contents = [price]
    if product.compare_at:
        price["color"] = _REDUCED
        contents.append(
            {
                "type": "text",
                "text": product.compare_at,
                "size": "xs",
                "color": _QUIET,
                "decoration": "line-through",
                "margin": "md",
                "flex": 0,
            }
        )
    return {"type": "box", "layout": "baseline", "margin": "md", "contents": contents}


def _build_button(text: str, link: str) -> Json:
    return {
        "type": "button",
        "style": "primary",
        "height": "sm",
        "color": _BUTTON,
        "action": {"type": "uri", "label": text, "uri": link},
    }


def _find_link(button: Button, product: Product, values: Mapping[str, str]) -> str | None:
    """What the button opens; None when nothing is known, and then there is no button."""
    if button.opens == OPENS_PRODUCT:
        return product.url or button.otherwise or None
    return fill(button.opens, values) or button.otherwise or None


def _encode_fitting(bubble: Json) -> bytes:
    """A bubble as JSON of at most 30 KB: one that is larger keeps the beginning of its title only."""
    encoded = _encode(bubble)
    if len(encoded) > BUBBLE_SIZE.most:
        title = bubble["body"]["contents"][0]
        bubble["body"]["contents"] = [{**title, "text": cut(title["text"], PRODUCT_NAME)}]
        encoded = _encode(bubble)
    return encoded
