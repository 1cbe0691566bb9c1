"""Get JSON holds for every profile and event: JSON before and after Klaviyo renders it, the right words in the end."""

import json
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.integrations.klaviyo.templates import build_context, render
from lumo.messaging import contract
from lumo.messaging.builder import build_messages
from lumo.messaging.documents import Button, Document, ProductsBlock, TextBlock
from lumo.messaging.get_json import build_direct_text_body, build_message_body
from lumo.messaging.triggers import SLOTS, TRIGGERS
from tests.contracts import hostile
from tests.shared import specs

AUTOESCAPE = [True, False]
USER = "U" + "0af" * 10 + "12"
CART = "https://shop.example/checkouts/ac/e554/recover?key=k1&locale=ja-JP"
SLIM = 'ボトル 500ml "Slim" & Light'

_HOSTILE = hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
# Of names and titles: what a text field of a shop can hold. "None" and the like mean that there is no value.
_names = hostile.texts.filter(lambda text: len(text.encode("utf-16-le")) <= 2 * 255)


def message_of(trigger: str) -> Document:
    card = ProductsBlock(trigger=trigger, max=12, title="{name}", button=Button(text="Open"), skip_free=False)
    return Document(blocks=(TextBlock(text="Hi {first_name}!"), card), language="en", shop_url="https://shop.example")


def body_of(trigger: str, number: int = 1) -> str:
    return build_message_body(
        message_of(trigger), message="asm_1", placement="pl_1", account=f"oa_{number}", number=number
    )


def person(**fields: Any) -> dict[str, Any]:
    return {"KlaviyoID": "01HZY2E6T9W3Q5R7S8V0X1ABCD", "first_name": "Misaki", "LINE User ID": USER, **fields}


def rendered(template: str, event: dict[str, Any] | None, *, autoescape: bool, **fields: Any) -> contract.FlowBody:
    """The body that arrives. It must be JSON, strictly."""
    organization = {"name": "Tea Shop", "url": "https://shop.example/"}
    context = build_context(person=person(**fields), event=event, organization=organization)
    posted = render(template, context, autoescape=autoescape)
    json.loads(posted)
    return contract.read(posted.encode())


def titles(document: Document, body: contract.FlowBody) -> list[str]:
    """The names on the cards that are sent."""
    message = build_messages(document, body)[-1]
    if message["type"] != "flex":
        return []
    contents = msgspec.json.decode(msgspec.json.encode(message))["contents"]
    return [bubble["body"]["contents"][0]["text"] for bubble in contents.get("contents", [contents])]


def fixture(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads(specs(f"klaviyo/fixtures/{name}.json").read_text())["event_properties"]
    return properties


@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_it_is_json_before_it_is_rendered(trigger: str, number: int) -> None:
    template = body_of(trigger, number)
    content = json.loads(template)
    suffix = "" if number == 1 else f" {number}"
    assert content["to"] == f"{{{{ person|lookup:'LINE User ID{suffix}' }}}}"
    assert list(content)[:3] == ["account", "message", "placement"]
    assert len(content["products"]) == (SLOTS if TRIGGERS[trigger].lines else 1)
    assert len(template.encode()) < 64 * 1024
    contract.read(template.encode())


@pytest.mark.parametrize("autoescape", AUTOESCAPE)
@pytest.mark.parametrize(
    ("trigger", "name", "shown"),
    [
        ("abandoned_cart", "checkout_started", [SLIM, "O'Neil タオル"]),
        ("post_purchase", "placed_order", [SLIM, "O'Neil タオル"]),
        ("added_to_cart", "added_to_cart", [SLIM]),
        ("added_to_cart", "added_to_cart_manual_snippet", ["Slim bottle"]),
        ("browse_reminder", "viewed_product", [SLIM]),
        ("low_stock", "low_inventory.UNVERIFIED", []),
        ("back_in_stock", "back_in_stock", []),
        ("price_drop", "price_drop.UNVERIFIED", ["?"]),
    ],
)
def test_the_cards_of_every_sample_event(trigger: str, name: str, shown: list[str], autoescape: bool) -> None:
    body = rendered(body_of(trigger), fixture(name), autoescape=autoescape)
    assert body.recipient() == USER
    assert titles(message_of(trigger), body) == shown


@pytest.mark.parametrize("autoescape", AUTOESCAPE)
def test_a_checkout_s_card_in_full(autoescape: bool) -> None:
    body = rendered(body_of("abandoned_cart"), fixture("checkout_started"), autoescape=autoescape)
    card = ProductsBlock(trigger="abandoned_cart", button=Button(text="Cart", opens="{cart_url}"), body="{variant}")
    document = Document(blocks=(card,), language="en")
    [message] = build_messages(document, body)
    first, second = msgspec.json.decode(msgspec.json.encode(message))["contents"]["contents"]
    image = "https://cdn.shopify.com/s/files/1/0000/0000/products/slim-bottle-v.jpg?v=1700000000&width=800"
    assert first["hero"]["url"] == image
    assert first["hero"]["action"]["uri"] == "https://shop.example/products/slim-bottle"
    assert [part["text"] for part in first["body"]["contents"][:2]] == [SLIM, "白 / M"]
    assert first["body"]["contents"][2]["contents"][0]["text"] == "¥3,200"
    assert first["footer"]["contents"][0]["action"]["uri"] == CART
    assert len(second["body"]["contents"]) == 2  # no variant, no body


@pytest.mark.parametrize("autoescape", AUTOESCAPE)
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_without_an_event_and_without_a_linkage_it_is_json_too(trigger: str, autoescape: bool) -> None:
    for event in (None, {}):
        body = rendered(body_of(trigger), event, autoescape=autoescape, **{"LINE User ID": None})
        assert contract.find_fault(body, accounts={"oa_1": 1}, messages=["asm_1"]) == "recipient_missing"
        assert titles(message_of(trigger), body) == []


@_HOSTILE
@given(st.lists(_names, max_size=16, unique_by=str.strip), _names, st.booleans())
def test_titles_and_names_come_out_exactly(names: list[str], first_name: str, autoescape: bool) -> None:
    lines = [{"product_id": number, "title": name, "quantity": 1.0} for number, name in enumerate(names)]
    event = {"$event_id": "1", "$extra": {"line_items": lines, "responsive_checkout_url": CART}}
    body = rendered(body_of("abandoned_cart"), event, autoescape=autoescape, first_name=first_name)
    wanted = [name.strip() for name in names if name.strip().lower() not in {"", "none"}]
    assert titles(message_of("abandoned_cart"), body) == wanted[:12]
    assert body.values()["first_name"] == first_name
    assert body.values()["cart_url"] == CART


@_HOSTILE
@given(
    st.dictionaries(
        st.sampled_from(("Product", "Product Name", "Name", "URL", "ImageURL", "Price", "ProductID", "items", "extra")),
        st.recursive(
            hostile.texts | st.integers() | st.floats() | st.none() | st.booleans(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile.texts, inner, max_size=3),
            max_leaves=8,
        ),
    ),
    st.sampled_from(list(TRIGGERS)),
    st.booleans(),
)
def test_events_of_any_shape_leave_it_json(event: dict[str, Any], trigger: str, autoescape: bool) -> None:
    rendered(body_of(trigger), event, autoescape=autoescape)


@pytest.mark.parametrize("autoescape", AUTOESCAPE)
@pytest.mark.parametrize("event_id", ["a\\d", "cart\\1", "x\\", 'a"b', "a\nb", "<1&2>", "日本"])
def test_whoever_sends_an_event_may_choose_its_id(event_id: str, autoescape: bool) -> None:
    body = rendered(body_of("abandoned_cart"), {"$event_id": event_id}, autoescape=autoescape)
    other = rendered(body_of("abandoned_cart"), {"$event_id": event_id + "2"}, autoescape=autoescape)
    assert contract.as_rendered(body.event) != contract.as_rendered(other.event)


@pytest.mark.parametrize(
    ("line", "price"),
    [
        ({"price": 0, "variant_price": 1200}, "¥0"),
        ({"price": 0.0, "line_price": "1500.00"}, "¥0"),
        ({"price": "0.00", "variant_price": "1200"}, "¥0"),
        ({"variant_price": 1200}, "¥1,200"),
        ({"price": None, "variant_price": 1200}, "¥1,200"),
        ({"line_price": "3600.00", "quantity": 3.0}, "¥1,200"),
        ({"price": "1200.0", "compare_at_price": 0}, "¥1,200"),
    ],
)
@pytest.mark.parametrize("autoescape", AUTOESCAPE)
def test_a_price_of_0_is_a_price(line: dict[str, Any], price: str, autoescape: bool) -> None:
    event = {"$currency_code": "JPY", "$extra": {"line_items": [{"title": "Mug", **line}]}}
    body = rendered(body_of("abandoned_cart"), event, autoescape=autoescape)
    contents = build_messages(message_of("abandoned_cart"), body)[-1]["contents"]
    assert contents["body"]["contents"][1]["contents"][0]["text"] == price


@pytest.mark.parametrize("autoescape", AUTOESCAPE)
def test_a_direct_text_s_body_too(autoescape: bool) -> None:
    template = build_direct_text_body(account="oa_1", number=1)
    for name in hostile.NASTY:
        body = rendered(template, {"$event_id": "1"}, autoescape=autoescape, first_name=name)
        assert body.values()["first_name"] == name
        assert body.direct_text() == "Thank you, {first_name}."
