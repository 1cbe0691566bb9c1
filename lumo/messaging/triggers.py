"""The one table of trigger templates: where the events that start a Flow carry products and addresses.

Each field lists paths in the order of preference: the first that has a value is taken. `{n}` is the number of a line.
Facts: https://help.klaviyo.com/hc/en-us/articles/115005080447 (top level); what is deeper is seen in public templates.
Names of price drops and low inventory are undocumented: theirs are the likely ones. Knows no Django.
"""

from collections.abc import Mapping

import msgspec

Paths = tuple[str, ...]
Fields = Mapping[str, Paths]

SLOTS = 16  # products in a body, always
NUMBERS = {"price", "cents", "line_price", "quantity", "compare_at"}  # fields in which 0 is a value


class TriggerTemplate(msgspec.Struct, frozen=True):
    """One use of Trigger products.

    `flat` are the fields of an event about one product, which is slot 0; `lines` those of its list of lines, which
    fill the slots after it. `addresses` are the placeholders that it offers beside those of every message.
    """

    key: str
    metric: str
    flat: Fields
    lines: Fields
    currency: Paths
    addresses: Fields

    def slots(self) -> list[dict[str, Paths]]:
        """The paths of each of the 16 product slots."""
        first = [dict(self.flat)] if self.flat else []
        count = SLOTS - len(first) if self.lines else 0
        return first + [
            {name: tuple(path.replace("{n}", str(line)) for path in paths) for name, paths in self.lines.items()}
            for line in range(count)
        ]


# Checkouts and orders of Shopify: https://help.klaviyo.com/hc/en-us/articles/115005080447
_SHOPIFY_LINES: Fields = {
    "id": ("extra.line_items.{n}.product_id",),
    "variant": ("extra.line_items.{n}.variant_id",),
    "title": ("extra.line_items.{n}.product.title", "extra.line_items.{n}.title"),
    "variant_title": ("extra.line_items.{n}.variant_title",),
    "image": ("extra.line_items.{n}.product.variant.images.0.src", "extra.line_items.{n}.product.images.0.src"),
    "handle": ("extra.line_items.{n}.product.handle",),
    "price": ("extra.line_items.{n}.price", "extra.line_items.{n}.variant_price"),
    "line_price": ("extra.line_items.{n}.line_price",),
    "quantity": ("extra.line_items.{n}.quantity",),
    "compare_at": ("extra.line_items.{n}.compare_at_price",),
}
_CURRENCY = ("$currency_code", "$currency", "extra.presentment_currency")

# Lines of /cart.js in the manual Added to Cart snippet, prices in hundredths:
# https://help.klaviyo.com/hc/en-us/articles/115001396711
_CART_LINES: Fields = {
    "id": ("items.{n}.product_id",),
    "variant": ("items.{n}.variant_id",),
    "title": ("items.{n}.product_title", "items.{n}.title"),
    "variant_title": ("items.{n}.variant_title",),
    "image": ("items.{n}.image",),
    "url": ("items.{n}.url",),
    "cents": ("items.{n}.price",),
}
_ADDED: Fields = {
    "id": ("ProductID",),
    "variant": ("VariantID",),
    "title": ("Product Name", "Name"),
    "variant_title": ("Variant Name",),
    "image": ("ImageURL",),
    "url": ("URL",),
    "price": ("Price",),
    "compare_at": ("CompareAtPrice",),
}
_VIEWED: Fields = {**_ADDED, "title": ("Product", "Name", "Product Name")}
# Events about stock and prices carry little, and under names that vary.
_ONE_PRODUCT: Fields = {
    "id": ("ProductID", "ProductId", "Product ID"),
    "variant": ("VariantId", "VariantID", "Variant ID"),
    "title": ("Product Name", "ProductName", "Title", "Name", "Product"),
    "variant_title": ("Variant Name", "VariantName"),
    "image": ("ImageURL", "Image URL", "ProductImageURL"),
    "url": ("URL", "ProductURL", "Product URL"),
    "price": ("Price", "Product Price"),
    "compare_at": ("CompareAtPrice",),
}

TRIGGERS: dict[str, TriggerTemplate] = {
    template.key: template
    for template in (
        TriggerTemplate(
            key="abandoned_cart",
            metric="Checkout Started",
            flat={},
            lines=_SHOPIFY_LINES,
            currency=_CURRENCY,
            addresses={"cart_url": ("extra.responsive_checkout_url", "extra.checkout_url")},
        ),
        TriggerTemplate(
            key="added_to_cart",
            metric="Added to Cart",
            flat=_ADDED,
            lines=_CART_LINES,
            currency=_CURRENCY,
            addresses={},
        ),
        TriggerTemplate(
            key="browse_reminder",
            metric="Viewed Product",
            flat=_VIEWED,
            lines={},
            currency=_CURRENCY,
            addresses={},
        ),
        TriggerTemplate(
            key="low_stock",
            metric="Low inventory",
            flat=_ONE_PRODUCT,
            lines={},
            currency=_CURRENCY,
            addresses={},
        ),
        TriggerTemplate(
            key="back_in_stock",
            metric="Subscribed to Back in Stock",
            flat=_ONE_PRODUCT,
            lines={},
            currency=_CURRENCY,
            addresses={},
        ),
        TriggerTemplate(
            key="price_drop",
            metric="Price drop",
            flat={
                **_ONE_PRODUCT,
                "price": ("ReducedPrice", "Reduced Price", "Price"),
                "compare_at": ("OriginalPrice", "Original Price", "CompareAtPrice"),
            },
            lines={},
            currency=_CURRENCY,
            addresses={},
        ),
        TriggerTemplate(
            key="post_purchase",
            metric="Placed Order",
            flat={},
            lines=_SHOPIFY_LINES,
            currency=_CURRENCY,
            addresses={"order_url": ("extra.order_status_url",)},
        ),
    )
}
# A message without Trigger products may be pasted into any Flow; most that carry an address are about carts.
NO_TRIGGER_ADDRESSES: Fields = TRIGGERS["abandoned_cart"].addresses


def find_addresses(trigger: str) -> Fields:
    """The placeholders that hold an address, with their paths; `trigger` is empty where no card shows its products."""
    return TRIGGERS[trigger].addresses if trigger else NO_TRIGGER_ADDRESSES
