"""What an Auto Send Message says: a typed document, stored whole with each revision. Knows no Django.

The same shapes are the file format of `lumo message import` (docs/guides/messages.md); `lumo.messaging.checking` finds
what the types can't say.
"""

from typing import Any, Literal

import msgspec

Language = Literal["ja", "en"]
ImageShape = Literal["4:3", "1:1", "3:4"]
Price = str | int | float  # as typed; numbers too, so that a file may say 3960
OPENS_PRODUCT = "product"


class Button(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A card's button: up to 40 graphemes of text, and what it opens.

    `opens` is `product` (the product's page), a placeholder that holds an address, such as `{cart_url}`, or an https
    address. Where that has no value, `otherwise` is opened; without it the button is left out.
    """

    text: str
    opens: str = OPENS_PRODUCT
    otherwise: str = ""


class PickedProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A product chosen by hand. `price` and `compare_at` are numbers in the document's currency, such as 3960."""

    name: str
    url: str = ""
    image: str = ""
    price: Price = ""
    compare_at: Price = ""
    variant: str = ""


class Fallback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a card shows when its source has no product, with a button of its own."""

    products: tuple[PickedProduct, ...]
    button: Button | None = None


class TextBlock(msgspec.Struct, frozen=True, kw_only=True, tag="text", forbid_unknown_fields=True, omit_defaults=True):
    """A text message of up to 5,000 UTF-16 units, with placeholders."""

    text: str


class ImageBlock(
    msgspec.Struct, frozen=True, kw_only=True, tag="image", forbid_unknown_fields=True, omit_defaults=True
):
    """A picture: https addresses of a JPEG or PNG of at most 10 MB, and of a preview of at most 1 MB if any."""

    url: str
    preview_url: str = ""


class ProductsBlock(
    msgspec.Struct, frozen=True, kw_only=True, tag="products", forbid_unknown_fields=True, omit_defaults=True
):
    """A Card Type Message "Products": a card for each product of its one source.

    The source is `trigger`, a trigger template's key, or `products`, chosen by hand. In title and body stand `{name}`,
    `{variant}` and `{price}` of the card's product, beside what every text has. `skip_free` leaves out lines at price
    0, which are mostly gifts. `when_empty`: with no product anywhere and nothing else to send, `text` sends title and
    body as far as they need no product, `skip` sends nothing of the whole message whatever else is in it.
    """

    trigger: str = ""
    products: tuple[PickedProduct, ...] = ()
    title: str = "{name}"
    body: str = ""
    button: Button | None = None
    max: int = 5
    show_price: bool = True
    image_shape: ImageShape = "4:3"
    skip_free: bool = True
    fallback: Fallback | None = None
    when_empty: Literal["text", "skip"] = "text"


class FlexBlock(msgspec.Struct, frozen=True, kw_only=True, tag="flex", forbid_unknown_fields=True, omit_defaults=True):
    """A Flex Message as LINE's own JSON: a bubble or a carousel.

    Placeholders stand in `text`; as the whole of an action's `uri`, one that holds an address.
    https://developers.line.biz/en/reference/messaging-api/#flex-message
    """

    contents: dict[str, Any]
    alt_text: str = ""


Block = TextBlock | ImageBlock | ProductsBlock | FlexBlock

# What a fault calls a block; as in files.
KINDS = {TextBlock: "text", ImageBlock: "image", ProductsBlock: "products", FlexBlock: "flex"}


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One to five blocks, sent in this order as one delivery.

    `notification` is what the phone's notification and the list of chats show of cards. `currency` (ISO 4217) is that
    of prices whose event names none; `shop_url` the shop's address, to which relative addresses are joined; `defaults`
    holds what stands in for a placeholder without a value.
    """

    blocks: tuple[Block, ...]
    notification: str = ""
    language: Language = "ja"
    currency: str = ""
    shop_url: str = ""
    defaults: dict[str, str] = {}

    def trigger(self) -> str:
        """The key of the trigger template whose products are shown; empty when no card shows any."""
        return next((block.trigger for block in self.product_blocks() if block.trigger), "")

    def product_blocks(self) -> list[ProductsBlock]:
        """The cards that show products."""
        return [block for block in self.blocks if isinstance(block, ProductsBlock)]


_decoder = msgspec.json.Decoder(Document)


def decode(stored: bytes | str) -> Document:
    """A stored document. Raises msgspec.ValidationError for one that this version does not know."""
    return _decoder.decode(stored)


def to_builtins(document: Document) -> Any:
    """A document as JSON has it, without what is as by default."""
    return msgspec.json.decode(msgspec.json.encode(document))
