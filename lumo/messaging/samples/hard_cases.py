"""Checkouts as they do come: too many lines, none, names and addresses that break careless code."""

import copy
from typing import Any

from lumo.messaging.samples.events import CHECKOUT_URL, SampleEvent, gettext_noop, make_checkout
from lumo.messaging.samples.goods import CANDLE, GOODS, MUG, SOAP, TOWEL, Line, make_line

_NASTY_NAMES = (
    '12" Pan & "Lid" – O\'Neil',
    "back\\slash \\n \\u0022 \\",
    "two\nlines\r\nand a\ttab",
    "</script><script>alert('x')</script>",
    "家族 👨‍👩‍👧‍👦 と 🏳️‍🌈 のマグ 👍🏽",
    "ספל חרס \u2067כחול\u2069 (300 מ״ל)",
    "كوب \u202eمقلوب\u202c من الفخار",
    "100% cotton, 50%OFF %20 %s %E3%81",
    "{{ person.email }} {% now 'Y' %}",
    "{name} {first_name} {cart_url}",
    "Salt &amp; Pepper &lt;b&gt; &#39;set&#39;",
    "null \u200b\u00a0 None undefined",
)
_LONG_JAPANESE = ("手仕事でひとつずつ焼きあげた" * 20)[:255]
_LONG_LATIN = ("Stoneware-" * 30)[:255]


def hard_events(pictures: str) -> list[SampleEvent]:
    """Checkouts that put a message to the test. `pictures` without a slash at its end."""
    lines = {good.handle: make_line(good, pictures) for good in GOODS}
    mug, candle, soap = (lines[good.handle] for good in (MUG, CANDLE, SOAP))
    return [
        make_checkout("one_product", gettext_noop("One product"), [mug]),
        make_checkout("twelve_products", gettext_noop("Twelve products"), _many(12, pictures)),
        make_checkout("forty_lines", gettext_noop("Forty lines"), _many(40, pictures)),
        make_checkout("no_products", gettext_noop("No products"), []),
        make_checkout(
            "long_names", gettext_noop("Names of 255 characters"), _named((_LONG_JAPANESE, _LONG_LATIN), mug)
        ),
        make_checkout(
            "nasty_names",
            gettext_noop("Names with quotes, line breaks, markup, emoji, Hebrew and Arabic"),
            _named(_NASTY_NAMES, mug),
        ),
        make_checkout("gift_first", gettext_noop("A gift at price 0 comes first"), [_gift(candle), mug]),
        make_checkout("missing_images", gettext_noop("Products without pictures"), _pictured(None, mug, candle)),
        make_checkout(
            "http_images",
            gettext_noop("Pictures by http"),
            _pictured("http://images.shop.example/cup.jpg", mug, candle),
        ),
        make_checkout("duplicates", gettext_noop("One product in three variants"), _variants(mug)),
        make_checkout("default_title", gettext_noop("A product without variants"), [soap]),
        make_checkout("line_price_only", gettext_noop("Three pieces, no unit price"), [_without_unit_price(pictures)]),
        make_checkout(
            "long_addresses",
            gettext_noop("Addresses of 1,500 characters"),
            _pictured(_lengthen(f"{pictures}/{TOWEL.picture}?v="), lines[TOWEL.handle]),
            checkout_url=_lengthen(f"{CHECKOUT_URL}&note="),
        ),
    ]


def _many(count: int, pictures: str) -> list[Line]:
    """So many different products: the four goods in turn, each time with other ids."""
    lines = []
    for number in range(count):
        line = make_line(GOODS[number % len(GOODS)], pictures)
        title = f"{line['title']} {number + 1}"
        lines.append(_renamed(line, title, number=100 + 10 * number))
    return lines


def _named(names: tuple[str, ...], line: Line) -> list[Line]:
    return [_renamed(line, name, number=200 + 10 * number) for number, name in enumerate(names)]


def _renamed(line: Line, title: str, *, number: int) -> Line:
    product_id = line["product_id"] + number
    changes = {"product_id": product_id, "variant_id": line["variant_id"] + number, "title": title}
    return _changed(line, {**changes, "presentment_title": title}, product={"id": product_id, "title": title})


def _gift(line: Line) -> Line:
    free = dict.fromkeys(("price", "line_price", "variant_price"), "0.00")
    return _changed(line, {**free, "title": "おまけのミニキャンドル"}, product={"title": "おまけのミニキャンドル"})


def _pictured(src: str | None, *lines: Line) -> list[Line]:
    images = [{"src": src}] if src else []
    variants = [{**line["product"]["variant"], "images": images} for line in lines]
    return [
        _changed(line, {}, product={"images": images, "variant": variant})
        for line, variant in zip(lines, variants, strict=True)
    ]


def _variants(line: Line) -> list[Line]:
    names = ("すな色 / 300ml", "藍 / 300ml", "すな色 / 450ml")
    return [
        _changed(line, {"variant_title": name, "variant_id": line["variant_id"] + 300 + number}, product={})
        for number, name in enumerate(names)
    ]


def _without_unit_price(pictures: str) -> Line:
    line = make_line(MUG, pictures, quantity=3)
    return {name: value for name, value in line.items() if name not in {"price", "variant_price"}}


def _lengthen(url: str) -> str:
    return url + "x" * (1500 - len(url))


def _changed(line: Line, changes: dict[str, Any], *, product: dict[str, Any]) -> Line:
    changed = {**copy.deepcopy(line), **changes}
    changed["product"].update(product)
    return changed
