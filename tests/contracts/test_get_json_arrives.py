"""Get JSON from end to end: copied, rendered as Klaviyo does, posted to the real door, sent by the real worker."""

import asyncio
import json
from typing import Any

import pytest

from lumo.integrations.klaviyo.templates import build_context, render
from lumo.lib.settings import Settings
from lumo.messaging.documents import Button, ProductsBlock, TextBlock
from lumo.messaging.samples import ORGANIZATION, sample_events, sample_profiles
from lumo.messaging.services import place
from lumo.messaging.triggers import TRIGGERS
from tests.contracts.hostile import NASTY
from tests.factories import make_account, make_connection, make_message, make_workspace
from tests.posting import Answered, hooks, post
from tests.sending import Line, states, work

PICTURES = "https://lumo.example.com/static/messaging/samples"
ANN = sample_profiles()[1].person  # the one with quotes and an emoji in her name
NO_TITLE = {"", "none"}


def cards(push: dict[str, Any]) -> list[str]:
    """The titles of the cards of a push."""
    flex = [message["contents"] for message in push["messages"] if message["type"] == "flex"]
    bubbles = [bubble for contents in flex for bubble in contents.get("contents", [contents])]
    return [bubble["body"]["contents"][0]["text"] for bubble in bubbles]


def nasty_checkout() -> dict[str, Any]:
    """A checkout of products with all the names that break careless bodies."""
    names = [name for name in NASTY if len(name.encode("utf-16-le")) <= 2 * 255]
    lines = [{"product_id": number, "title": name, "quantity": 1.0} for number, name in enumerate(names)]
    return {"$event_id": "nasty", "$extra": {"line_items": lines, "responsive_checkout_url": "https://shop.example/c"}}


@pytest.mark.parametrize("autoescape", [True, False])
def test_the_cards_come_out_with_exactly_the_right_text(settings: Settings, autoescape: bool) -> None:
    workspace = make_workspace()
    account = make_account(settings, workspace)
    path = f"/hooks/klaviyo/{make_connection(settings, workspace).public_id}"
    events = [event for event in sample_events(pictures=PICTURES) if event.metric != "Checkout Started"]
    triggers = {template.metric: template.key for template in TRIGGERS.values()}
    posted: list[str] = []
    for trigger, properties in [
        *((triggers[event.metric], event.properties) for event in events),
        ("abandoned_cart", nasty_checkout()),
    ]:
        card = ProductsBlock(trigger=trigger, max=12, button=Button(text="Open"))
        message = make_message(workspace, TextBlock(text="{first_name}"), card, language="en")
        context = build_context(person=ANN, event=properties, organization=ORGANIZATION)
        posted.append(render(place(message, account).body, context, autoescape=autoescape))

    async def post_all() -> list[Answered]:
        async with hooks(settings) as app:
            return [await post(app, path, body.encode()) for body in posted]

    assert [json.loads(body)["to"] for body in posted] == [ANN["LINE User ID"]] * len(posted)
    assert [answered.status for answered in asyncio.run(post_all())] == [202] * len(posted)
    line = Line()
    work(settings, line, until=lambda: len(states(settings)) == len(posted))
    assert {push["messages"][0]["text"] for push in line.pushed} == {ANN["first_name"]}
    nasty = [line["title"].strip() for line in nasty_checkout()["$extra"]["line_items"]]
    assert (
        sorted(map(cards, line.pushed))
        == sorted(
            [
                ["土のマグカップ"],  # added to cart
                ["麻のタオル", "蜜ろうのキャンドル"],  # by the snippet: the one just added, then the rest of the cart
                ["土のマグカップ"],  # viewed
                ["蜜ろうのキャンドル"],  # nearly sold out
                [],  # back in stock: ids only
                ["麻のタオル"],  # cheaper
                ["麻のタオル", "柚子のせっけん"],  # ordered
                [name for name in nasty if name.lower() not in NO_TITLE][:12],
            ]
        )
    )
