"""LINE's messages from an Auto Send Message and what one Flow request brings. Knows no Django.

The one builder: what is sent and what is previewed come from here, so that the two can't differ.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from lumo.messaging.cards import aim, build_cards, build_text
from lumo.messaging.contract import FlowBody
from lumo.messaging.documents import Block, Document, FlexBlock, ImageBlock, ProductsBlock, TextBlock
from lumo.messaging.flex_filling import fill_flex
from lumo.messaging.limits import ALT_TEXT, BUBBLE_SIZE, CAROUSEL_SIZE, PERSON_NAME, TEXT, Limit, cut
from lumo.messaging.links import clean_image, clean_link
from lumo.messaging.products import Product, read_picked, read_products
from lumo.messaging.text import TextTooLongError, fill
from lumo.messaging.triggers import find_addresses

Json = dict[str, Any]

PERSON_PLACEHOLDERS = ("first_name", "display_name")


class NotSendableError(Exception):
    """Nothing can be sent. `state` is what the delivery becomes, `reason` a code of the catalogue."""

    def __init__(self, state: Literal["failed", "skipped"], reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.detail = detail


class _Given(msgspec.Struct, frozen=True):
    """What every block is built from: the values of the placeholders, and the products of the event."""

    document: Document
    values: Mapping[str, str]
    products: Sequence[Product]
    notification: str
    http_origin: str


def build_messages(document: Document, body: FlowBody, *, display_name: str = "", http_origin: str = "") -> list[Json]:
    """One to five of LINE's message objects for the person and the event of a Flow body.

    A text, or a card without products, that has nothing to show is left out; when all are, a card's own words are sent
    as far as they need no product. `http_origin`: the one address at which LINE may be given http, see `links`.

    Raises NotSendableError: `text_empty` and `no_products` (skipped) when nothing is left, `text_too_long` (failed).
    """
    try:
        given = _gather(document, body, display_name, http_origin)
        messages = [_BUILDERS[type(block)](block, given) for block in document.blocks]
        sent = [message for message in messages if message is not None]
        return sent or _build_words(given)
    except TextTooLongError:
        raise NotSendableError("failed", "text_too_long", f"more than {TEXT.most} characters") from None


def build_text_message(text: str) -> Json | None:
    """A text message; None for a blank text. Raises NotSendableError for one that LINE refuses as too long.

    https://developers.line.biz/en/reference/messaging-api/#text-message
    """
    if not text.strip():
        return None
    length = TEXT.measure(text)
    if length > TEXT.most:
        raise NotSendableError("failed", "text_too_long", f"{length} of {TEXT.most} characters")
    return {"type": "text", "text": text}


def find_values(
    document: Document, variables: Mapping[str, str], *, display_name: str, http_origin: str = ""
) -> dict[str, str]:
    """What stands for each placeholder of the message: the request's value, else the document's default, else nothing.

    `variables` are the request's, decoded. An address that LINE would refuse counts as missing.
    """
    given = {"display_name": display_name} | {name: _meant(value) for name, value in variables.items()}
    values = {
        name: cut(given.get(name, ""), PERSON_NAME) or document.defaults.get(name, "") for name in PERSON_PLACEHOLDERS
    }
    for name in find_addresses(document.trigger()):
        addresses = (given.get(name, ""), document.defaults.get(name, ""))
        links = (clean_link(address, http_origin=http_origin) for address in addresses)
        values[name] = next((link for link in links if link), "")
    return values


def _meant(value: str) -> str:
    """A value, stripped; nothing for the None of a template."""
    value = value.strip()
    return "" if value == "None" else value


def _gather(document: Document, body: FlowBody, display_name: str, http_origin: str) -> _Given:
    variables = body.values()
    values = find_values(document, variables, display_name=display_name, http_origin=http_origin)
    products = []
    if document.trigger():
        products = read_products(body, document, variables=variables, http_origin=http_origin)
    notification = cut(fill(document.notification, values).strip(), ALT_TEXT)
    return _Given(document, values, products, notification, http_origin)


def _build_text(block: TextBlock, given: _Given) -> Json | None:
    return build_text_message(fill(block.text, given.values).rstrip())  # what a file's block ends with


def _build_image(block: ImageBlock, given: _Given) -> Json | None:
    """https://developers.line.biz/en/reference/messaging-api/#image-message"""
    base = given.document.shop_url
    url = clean_image(block.url, base=base, http_origin=given.http_origin)
    preview = clean_image(block.preview_url, base=base, http_origin=given.http_origin) or url
    return {"type": "image", "originalContentUrl": url, "previewImageUrl": preview} if url else None


def _build_products(block: ProductsBlock, given: _Given) -> Json | None:
    if block.trigger:
        products = [product for product in given.products if not (block.skip_free and product.is_free)]
    else:
        products = read_picked(block.products, given.document, http_origin=given.http_origin)
    button = block.button
    if not products and block.fallback:
        products = read_picked(block.fallback.products, given.document, http_origin=given.http_origin)
        button = block.fallback.button
    target = aim(button, given.values, http_origin=given.http_origin) if button else None
    contents = build_cards(block, products, target=target, values=given.values)
    if contents is None:
        if block.when_empty == "skip":
            raise NotSendableError("skipped", "no_products")
        return None
    return _flex(given.notification or cut(products[0].name, ALT_TEXT), contents)


def _build_flex(block: FlexBlock, given: _Given) -> Json | None:
    contents = fill_flex(block.contents, given.values)
    if contents is None:
        return None
    bubbles = contents["contents"] if contents["type"] == "carousel" else []
    for part in (contents, *bubbles):
        _check_size(part, CAROUSEL_SIZE if part["type"] == "carousel" else BUBBLE_SIZE)
    alt_text = cut(fill(block.alt_text, given.values).strip(), ALT_TEXT)
    return _flex(alt_text or given.notification or "…", contents)


def _flex(alt_text: str, contents: Json) -> Json:
    """https://developers.line.biz/en/reference/messaging-api/#flex-message"""
    return {"type": "flex", "altText": alt_text, "contents": contents}


def _check_size(part: Json, limit: Limit) -> None:
    size = len(msgspec.json.encode(part))
    if size > limit.most:
        raise NotSendableError("failed", "text_too_long", f"Flex JSON of {size} of {limit.most} bytes")


def _build_words(given: _Given) -> list[Json]:
    """The words of cards that had no products, when nothing else is left to send."""
    cards = given.document.product_blocks()
    texts = [build_text_message(build_text(card, given.values)) for card in cards]
    messages = [message for message in texts if message is not None]
    if not messages:
        raise NotSendableError("skipped", "no_products" if cards else "text_empty")
    return messages


_BUILDERS: dict[type[Block], Callable[[Any, _Given], Json | None]] = {
    TextBlock: _build_text,
    ImageBlock: _build_image,
    ProductsBlock: _build_products,
    FlexBlock: _build_flex,
}
