"""The products of an event: what Klaviyo's events say about them, with their hazards, as cards can show it.

Knows no Django. Carts of one shop repeat its products, so each is worked out once and remembered.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec

from lumo.lib.money import format_money, is_currency, read_amount
from lumo.messaging.contract import FlowBody, ProductSlot, as_text
from lumo.messaging.documents import Document, PickedProduct
from lumo.messaging.limits import PRODUCT_NAME, cut
from lumo.messaging.links import clean_image, clean_link, clean_page

_MOST_SLOTS = 100  # more than any body of ours has
_CURRENCY_SIGN = re.compile(r"[^\d.,'’\s-]")
_LONGEST_PRICE = 30  # characters; longer ones are formatted anew
_LONGEST_REMEMBERED = 4000  # characters of a slot
_NO_VARIANT = "default title"  # what Shopify calls the only variant of a product without any
_NOTHING = {"", "none", "null", "undefined", "nan"}  # what templates and scripts write for a value that is missing
_NO_NAME = {"", "none"}  # the others could be names


class Product(msgspec.Struct, frozen=True):
    """What a card shows: texts as they are to be read, addresses as LINE takes them; empty where there is none.

    `key` is equal for what is the same product. `is_free` is true only for a price that is known to be 0.
    """

    key: str
    name: str
    variant: str = ""
    image: str = ""
    url: str = ""
    price: str = ""
    compare_at: str = ""
    is_free: bool = False


class Shop(msgspec.Struct, frozen=True):
    """What is the same for all products of a message. `http_origin`: see `links`."""

    url: str
    currency: str
    language: str
    http_origin: str


def read_products(
    body: FlowBody, document: Document, *, variables: Mapping[str, str], http_origin: str = ""
) -> list[Product]:
    """The products of a Flow body in their order, each once; slots without a name are no products.

    `variables` are the body's, decoded: `currency` and `shop_url` among them.
    """
    if not body.products:
        return []
    decode = body.decoder()
    shop = _shop(variables, document, http_origin)
    products: dict[str, Product] = {}
    for slot in body.products[:_MOST_SLOTS]:
        if slot.title:
            product = _read_remembered(slot, decode, shop) if _is_short(slot) else _read(slot, decode, shop)
            if product and (product.key not in products or products[product.key].is_free):
                products[product.key] = product  # a paid line counts more than the same product as a gift
    return list(products.values())


def read_picked(picked: Sequence[PickedProduct], document: Document, *, http_origin: str = "") -> list[Product]:
    """Products chosen by hand."""
    shop = _shop({}, document, http_origin)
    return [_read_picked(product, shop) for product in picked]


def _shop(variables: Mapping[str, str], document: Document, http_origin: str) -> Shop:
    currency = variables.get("currency", "").strip().upper()
    address = clean_link(document.shop_url or variables.get("shop_url", ""), http_origin=http_origin) or ""
    return Shop(address, currency if is_currency(currency) else document.currency, document.language, http_origin)


def _is_short(slot: ProductSlot) -> bool:
    """Whether it may be remembered: the memory is counted in slots, and a body may hold one of 256 KiB."""
    texts = f"{slot.id}{slot.title}{slot.variant_title}{slot.image}{slot.url}{slot.handle}{slot.price}{slot.cents}"
    return len(texts) + len(f"{slot.variant}{slot.line_price}{slot.quantity}{slot.compare_at}") < _LONGEST_REMEMBERED


def _read(slot: ProductSlot, decode: Callable[[str], str], shop: Shop) -> Product | None:
    def text(value: object) -> str:
        found = decode(as_text(value)).strip()  # type: ignore[arg-type]
        return "" if found.lower() in _NOTHING else found

    name = decode(as_text(slot.title)).strip()
    if name.lower() in _NO_NAME:
        return None
    page = text(slot.url) or (f"/products/{text(slot.handle)}" if text(slot.handle) else "")
    url = clean_page(page, base=shop.url, http_origin=shop.http_origin) or ""
    price, amount = _unit_price(slot, text, shop)
    variant = text(slot.variant_title)
    product_id = text(slot.id).removesuffix(".0")
    return Product(
        key=product_id or f"{name}\n{url}",
        name=cut(name, PRODUCT_NAME),
        variant="" if variant.lower() == _NO_VARIANT else cut(variant, PRODUCT_NAME),
        image=clean_image(text(slot.image), base=shop.url, http_origin=shop.http_origin) or "",
        url=url,
        price=price,
        compare_at=_compare_at(text(slot.compare_at), amount, shop),
        is_free=amount == 0,
    )


_read_remembered = lru_cache(maxsize=4096)(_read)


@lru_cache(maxsize=1024)
def _read_picked(picked: PickedProduct, shop: Shop) -> Product:
    price, amount = _shown(as_text(picked.price), shop)
    return Product(
        key=f"{picked.name}\n{picked.url}",
        name=picked.name,
        variant=picked.variant,
        image=clean_image(picked.image, base=shop.url, http_origin=shop.http_origin) or "",
        url=clean_page(picked.url, base=shop.url, http_origin=shop.http_origin) or "",
        price=price,
        compare_at=_compare_at(as_text(picked.compare_at), amount, shop),
    )


def _unit_price(slot: ProductSlot, text: Callable[[object], str], shop: Shop) -> tuple[str, Decimal | None]:
    """A unit's price as it is shown, and its amount: what the event says of one, else the line's by its quantity."""
    if price := text(slot.price):
        return _shown(price, shop)
    cents, line = read_amount(text(slot.cents)), read_amount(text(slot.line_price))
    if cents is not None:
        amount = cents / 100
    elif line is not None:
        amount = line / max(Decimal(1), read_amount(text(slot.quantity)) or Decimal(1))
    else:
        return "", None
    return format_money(amount, shop.currency, shop.language), amount


def _shown(price: str, shop: Shop) -> tuple[str, Decimal | None]:
    """A price as it is shown, and its amount. One with a currency sign was formatted by the shop, and stays so."""
    amount = read_amount(price)
    if amount is None:
        return "", None
    if len(price) <= _LONGEST_PRICE and _CURRENCY_SIGN.search(price):
        return price, amount
    return format_money(amount, shop.currency, shop.language), amount


def _compare_at(price: str, amount: Decimal | None, shop: Shop) -> str:
    """The earlier price, where it was higher."""
    shown, earlier = _shown(price, shop)
    return shown if amount is not None and earlier is not None and earlier > amount else ""
