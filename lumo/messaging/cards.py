"""Product cards: a bubble of LINE's Flex Message for each product. Knows no Django.

https://developers.line.biz/en/reference/messaging-api/#bubble
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lumo.messaging.documents import OPENS_PRODUCT, Button, ProductsBlock
from lumo.messaging.limits import BUBBLE_SIZE, CAROUSEL_SIZE, PRODUCT_NAME, cut
from lumo.messaging.links import clean_link
from lumo.messaging.products import Product
from lumo.messaging.text import PLACEHOLDER, fill

CARD_PLACEHOLDERS = ("name", "variant", "price")

_SIZE = "kilo"
_INK, _QUIET, _REDUCED, _BUTTON = "#16201C", "#5A6661", "#B3261E", "#16201C"
_AROUND_BUBBLES = 200  # bytes of a carousel's own

_encode = msgspec.json.Encoder().encode

Json = dict[str, Any]


class Target(msgspec.Struct, frozen=True):
    """A card's button for one person, with addresses as LINE takes them; empty where there is none."""

    text: str
    opens_product: bool
    address: str
    otherwise: str

    def find_link(self, product: Product) -> str:
        """What the button of this product's card opens; empty when nothing is known, and then there is no button."""
        return (product.url if self.opens_product else self.address) or self.otherwise


def aim(button: Button, values: Mapping[str, str], *, http_origin: str = "") -> Target:
    """The button for one person: `values` are those of the message's placeholders."""
    opens_product = button.opens == OPENS_PRODUCT
    address = "" if opens_product else clean_link(fill(button.opens, values), http_origin=http_origin)
    otherwise = clean_link(button.otherwise, http_origin=http_origin)
    return Target(button.text, opens_product, address or "", otherwise or "")


def build_cards(
    block: ProductsBlock, products: Sequence[Product], *, target: Target | None, values: Mapping[str, str]
) -> Json | None:
    """A bubble for one product, a carousel for several, None for none.

    `values` are those of the message's placeholders. A button that would open nothing is left out; so is, from the
    end, what exceeds 50 KB of JSON.
    """
    bubbles: list[msgspec.Raw] = []
    room = CAROUSEL_SIZE.most - _AROUND_BUBBLES
    for product in products[: block.max]:
        bubble = _encode_fitting(_build_bubble(block, product, target, values))
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


def _build_bubble(block: ProductsBlock, product: Product, target: Target | None, values: Mapping[str, str]) -> Json:
    link = target.find_link(product) if target else ""
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
    if target and link:
        bubble["footer"] = {"type": "box", "layout": "vertical", "contents": [_build_button(target.text, link)]}
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


def _encode_fitting(bubble: Json) -> bytes:
    """A bubble as JSON of at most 30 KB: one that is larger keeps the beginning of its title only."""
    encoded = _encode(bubble)
    if len(encoded) > BUBBLE_SIZE.most:
        title = bubble["body"]["contents"][0]
        bubble["body"]["contents"] = [{**title, "text": cut(title["text"], PRODUCT_NAME)}]
        encoded = _encode(bubble)
    return encoded
