"""What the sample shop sells, and how a line of a checkout or an order shows it.

Keys of a line are those of Shopify's data in Klaviyo: https://help.klaviyo.com/hc/en-us/articles/115005080447.
"""

from typing import Any

import msgspec

SHOP = "https://shop.example"

Line = dict[str, Any]


class Good(msgspec.Struct, frozen=True):
    """A product in one variant; the price in yen, `picture` the name of its file."""

    number: int
    title: str
    variant: str
    handle: str
    picture: str
    price: int

    def product_id(self) -> int:
        return 8_100_000_000_000 + self.number

    def variant_id(self) -> int:
        return 45_200_000_000_000 + self.number

    def url(self) -> str:
        return f"{SHOP}/products/{self.handle}"


MUG = Good(1, "土のマグカップ", "すな色 / 300ml", "clay-mug", "mug.jpg", 3960)
CANDLE = Good(2, "蜜ろうのキャンドル", "大", "beeswax-candle", "candle.jpg", 2750)
SOAP = Good(3, "柚子のせっけん", "Default Title", "yuzu-soap", "soap.jpg", 1320)
TOWEL = Good(4, "麻のタオル", "藍", "linen-towel", "towel.jpg", 4400)
GOODS = (MUG, CANDLE, SOAP, TOWEL)


def make_line(good: Good, pictures: str, *, quantity: int = 1) -> Line:
    """A line of a checkout or an order, whole and well-formed."""
    price, picture = money(good.price), [{"src": f"{pictures}/{good.picture}"}]
    return {
        "key": f"{good.variant_id()}:sample",
        "product_id": good.product_id(),
        "variant_id": good.variant_id(),
        "sku": f"SAMPLE-{good.number}",
        "title": good.title,
        "variant_title": good.variant,
        "presentment_title": good.title,
        "presentment_variant_title": good.variant,
        "vendor": "Sample Shop",
        "quantity": float(quantity),
        "price": price,
        "line_price": money(good.price * quantity),
        "variant_price": price,
        "compare_at_price": None,
        "gift_card": False,
        "requires_shipping": True,
        "taxable": True,
        "product": {
            "id": good.product_id(),
            "title": good.title,
            "handle": good.handle,
            "vendor": "Sample Shop",
            "tags": "",
            "images": picture,
            "variant": {"sku": f"SAMPLE-{good.number}", "title": good.variant, "images": picture},
        },
    }


def money(yen: int) -> str:
    """A price as Shopify writes it."""
    return f"{yen}.00"
