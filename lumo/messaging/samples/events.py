"""An everyday event for each trigger template.

Shapes: https://help.klaviyo.com/hc/en-us/articles/115005080447, and for the manual snippet
https://help.klaviyo.com/hc/en-us/articles/115001396711. What Klaviyo calls the properties of price drops and low
inventory is undocumented: theirs are the likely names.
"""

from typing import Any

import msgspec

from lumo.messaging.samples.goods import CANDLE, MUG, SHOP, SOAP, TOWEL, Good, Line, make_line, money

CHECKOUT_URL = f"{SHOP}/checkouts/ac/5a3b1e/recover?key=sample&locale=ja-JP"


class SampleEvent(msgspec.Struct, frozen=True):
    """An event that starts a Flow. `properties` are its `event_properties`, plain JSON; `title` says what it shows."""

    key: str
    metric: str
    title: str
    properties: dict[str, Any]


def gettext_noop(message: str) -> str:
    """Marks a message id for the catalogues."""
    return message


def everyday_events(pictures: str) -> list[SampleEvent]:
    """One event for each trigger, two for Added to Cart. `pictures` without a slash at its end."""
    return [
        make_checkout(
            "abandoned_cart",
            gettext_noop("A cart with three products"),
            [make_line(MUG, pictures, quantity=2), make_line(CANDLE, pictures), make_line(SOAP, pictures)],
        ),
        _added_to_cart(pictures),
        _added_by_snippet(pictures),
        _viewed_product(pictures),
        _low_inventory(pictures),
        _back_in_stock(),
        _price_drop(pictures),
        _placed_order(pictures),
    ]


def make_checkout(key: str, title: str, lines: list[Line], *, checkout_url: str = CHECKOUT_URL) -> SampleEvent:
    """A Checkout Started with these lines."""
    extra = {
        "token": "5a3b1e",
        "checkout_url": checkout_url,
        "responsive_checkout_url": checkout_url,
        "full_landing_site": f"{SHOP}/collections/all",
        "referring_site": "",
        "presentment_currency": "JPY",
        "note_attributes": [],
        "customer": {"id": 7_300_000_000_001},
    }
    return SampleEvent(key, "Checkout Started", title, _sale(f"checkout-{key}", lines, extra))


def _placed_order(pictures: str) -> SampleEvent:
    extra = {
        "order_number": 1042,
        "order_status_url": f"{SHOP}/orders/sample/authenticate?key=sample",
        "presentment_currency": "JPY",
        "customer": {"id": 7_300_000_000_001},
        "shipping_address": {"country_code": "JP"},
        "fulfillments": [],
    }
    properties = _sale("order-1042", [make_line(TOWEL, pictures), make_line(SOAP, pictures, quantity=3)], extra)
    properties["OptedInToSmsOrderUpdates"] = False
    return SampleEvent("post_purchase", "Placed Order", gettext_noop("An order of two products"), properties)


def _sale(event_id: str, lines: list[Line], extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "$event_id": event_id,
        "$value": sum(float(line["line_price"]) for line in lines),
        "$currency_code": "JPY",
        "Items": [line["title"] for line in lines],
        "Collections": ["すべて"],
        "Item Count": len(lines),
        "Discount Codes": [],
        "Total Discounts": "0.00",
        "Source Name": "web",
        "Customer Locale": "ja-JP",
        "$extra": {**extra, "line_items": lines},
    }


def _added_to_cart(pictures: str) -> SampleEvent:
    properties = {
        "$event_id": "added-1",
        "$value": float(MUG.price),
        "$currency": "JPY",
        "Product Name": MUG.title,
        "ProductID": MUG.product_id(),
        "VariantID": MUG.variant_id(),
        "Variant Name": MUG.variant,
        "Variant SKU": "SAMPLE-1",
        "Product Type": "うつわ",
        "Categories": ["すべて"],
        "ImageURL": f"{pictures}/{MUG.picture}",
        "URL": MUG.url(),
        "Brand": "Sample Shop",
        "Price": money(MUG.price),
        "CompareAtPrice": "0.00",
        "Quantity": 1,
    }
    return SampleEvent("added_to_cart", "Added to Cart", gettext_noop("One product, by Klaviyo’s app"), properties)


def _added_by_snippet(pictures: str) -> SampleEvent:
    """Lines of /cart.js, whose prices are in hundredths; the product last viewed stands beside them."""
    goods = (CANDLE, TOWEL)
    total = float(sum(good.price for good in goods))
    properties = {
        "$event_id": "added-2",
        "$value": total,
        "total_price": total,
        "total_discount": 0,
        "original_total_price": total,
        "items": [_cart_line(good, pictures) for good in goods],
        "Name": TOWEL.title,
        "ProductID": TOWEL.product_id(),
        "ImageURL": f"{pictures}/{TOWEL.picture}",
        "URL": TOWEL.url(),
        "Brand": "Sample Shop",
        "Price": money(TOWEL.price),
    }
    title = gettext_noop("Two products, by the manual snippet")
    return SampleEvent("added_by_snippet", "Added to Cart", title, properties)


def _cart_line(good: Good, pictures: str) -> Line:
    return {
        "id": good.variant_id(),
        "quantity": 1,
        "title": f"{good.title} - {good.variant}",
        "price": good.price * 100,
        "product_id": good.product_id(),
        "variant_id": good.variant_id(),
        "url": f"/products/{good.handle}?variant={good.variant_id()}",
        "image": f"{pictures}/{good.picture}",
        "handle": good.handle,
        "product_title": good.title,
        "variant_title": good.variant,
    }


def _viewed_product(pictures: str) -> SampleEvent:
    properties = {
        "$event_id": "viewed-1",
        "Product": MUG.title,
        "Name": MUG.title,
        "ProductID": MUG.product_id(),
        "Categories": ["すべて"],
        "ImageURL": f"{pictures}/{MUG.picture}",
        "URL": MUG.url(),
        "Brand": "Sample Shop",
        "Price": "¥3,960",
        "CompareAtPrice": "¥0",
    }
    return SampleEvent("browse_reminder", "Viewed Product", gettext_noop("A product that was looked at"), properties)


def _low_inventory(pictures: str) -> SampleEvent:
    properties = {
        "$event_id": "low-1",
        "ProductID": CANDLE.product_id(),
        "Product Name": CANDLE.title,
        "ImageURL": f"{pictures}/{CANDLE.picture}",
        "URL": CANDLE.url(),
        "Price": money(CANDLE.price),
        "Collections": ["すべて"],
    }
    return SampleEvent("low_stock", "Low inventory", gettext_noop("A product that is nearly sold out"), properties)


def _back_in_stock() -> SampleEvent:
    properties = {"$event_id": "back-1", "VariantId": SOAP.variant_id(), "ProductID": SOAP.product_id()}
    title = gettext_noop("A product that is back, by its ids only")
    return SampleEvent("back_in_stock", "Subscribed to Back in Stock", title, properties)


def _price_drop(pictures: str) -> SampleEvent:
    properties = {
        "$event_id": "drop-1",
        "ProductID": TOWEL.product_id(),
        "Title": TOWEL.title,
        "ImageURL": f"{pictures}/{TOWEL.picture}",
        "URL": TOWEL.url(),
        "OriginalPrice": TOWEL.price,
        "ReducedPrice": 3300,
    }
    return SampleEvent("price_drop", "Price drop", gettext_noop("A product that became cheaper"), properties)
