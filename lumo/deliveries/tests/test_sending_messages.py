"""Auto Send Messages through the real sending process: which revision is sent, and what stops one."""

import json
from typing import Any

import pytest

from lumo.deliveries.log import SentMessage, find_message, list_deliveries
from lumo.deliveries.retry import retry
from lumo.lib.settings import Settings
from lumo.messaging.documents import Button, Document, ProductsBlock, TextBlock
from tests.factories import and_close, line_user_id, make_account, make_message, make_workspace
from tests.logged import receive
from tests.sending import Line, states, waiting, work
from tests.waiting import fetch, queue_rows

CARD = ProductsBlock(trigger="abandoned_cart", button=Button(text="Cart", opens="{cart_url}"))
MUG = {"id": "1", "title": "Mug%20%26%20more", "price": "3960.00", "url": "https%3A//shop.example/mug"}
CART: dict[str, Any] = {
    "variables": {"first_name": "%E8%8A%B1%E5%AD%90", "cart_url": "https%3A//shop.example/c"},
    "enc": "urlencode",
}


def _revision_of_the_delivery(settings: Settings) -> Any:
    [record] = fetch(settings, "SELECT revision_id FROM deliveries")
    return record[0]


def test_cards_fill_themselves_from_the_event(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace, TextBlock(text="{first_name}さん"), CARD, currency="JPY")
    queue_rows(settings, account, message=message.public_id, products=[MUG, {"title": ""}], **CART)
    line = Line()
    work(settings, line, until=lambda: states(settings) == [("delivered", None)])
    [push] = line.pushed
    text, card = push["messages"]
    assert (push["to"], text) == (line_user_id(0), {"type": "text", "text": "花子さん"})
    assert card["contents"]["body"]["contents"][0]["text"] == "Mug & more"
    assert card["contents"]["footer"]["contents"][0]["action"]["uri"] == "https://shop.example/c"
    assert _revision_of_the_delivery(settings) == message.newest().pk
    [line_of_the_log] = list_deliveries(account.workspace_id)
    assert find_message(line_of_the_log) == SentMessage(message.public_id, "Cart reminder", 1)


def test_a_placement_knows_when_it_was_last_used(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace)
    used = message.placements.create(account=account, placeholders=[], fields=[])
    message.placements.create(account=account, placeholders=[], fields=[])  # which nobody runs
    queue_rows(settings, account, count=3, message=message.public_id, placement=used.public_id)
    work(settings, Line(), until=lambda: len(states(settings)) == 3)
    [noted] = fetch(
        settings, "SELECT public_id, last_used_at >= created_at FROM placements WHERE last_used_at IS NOT NULL"
    )
    assert tuple(noted) == (used.public_id, True)


def test_a_placement_of_another_message_is_not_touched(settings: Settings) -> None:
    account = make_account(settings)
    message, foreign = make_message(account.workspace), make_message(make_workspace())
    named = foreign.placements.create(account=account, placeholders=[], fields=[])
    queue_rows(settings, account, message=message.public_id, placement=named.public_id)
    work(settings, Line(), until=lambda: states(settings) == [("delivered", None)])
    assert fetch(settings, "SELECT FROM placements WHERE last_used_at IS NOT NULL") == []


def test_the_newest_revision_is_sent_and_an_edit_needs_no_restart(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace, TextBlock(text="First"))
    queue_rows(settings, account, message=message.public_id)
    line = Line()
    edits = iter(["Second"])

    def edit_then_finish() -> bool:
        if len(states(settings)) == 1 and (text := next(edits, None)):
            document = Document(blocks=(TextBlock(text=text),))
            and_close(lambda: message.revise(document, name="x"))
            queue_rows(settings, account, message=message.public_id)
        return len(states(settings)) == 2

    work(settings, line, until=edit_then_finish)
    assert [push["messages"][0]["text"] for push in line.pushed] == ["First", "Second"]


@pytest.mark.parametrize(
    ("products", "block", "expected"),
    [
        ([], CARD, ("skipped", "no_products")),
        ([{"title": "Gift", "price": "0.00"}], CARD, ("skipped", "no_products")),
        ([], ProductsBlock(trigger="abandoned_cart", title="Your cart"), ("delivered", None)),
        ([], TextBlock(text="{cart_url}"), ("skipped", "text_empty")),
        ([], TextBlock(text="{first_name}" * 100), ("failed", "text_too_long")),
    ],
)
def test_what_an_event_can_leave_of_a_message(
    settings: Settings, products: list[dict[str, str]], block: Any, expected: tuple[str, str | None]
) -> None:
    account = make_account(settings)
    message = make_message(account.workspace, block)
    variables = {"first_name": "x" * 100}
    queue_rows(settings, account, message=message.public_id, products=products, variables=variables)
    work(settings, Line(), until=lambda: states(settings) == [expected])
    assert _revision_of_the_delivery(settings) == message.newest().pk


def test_what_was_archived_or_is_another_s_is_not_sent(settings: Settings) -> None:
    account = make_account(settings)
    archived, foreign = make_message(account.workspace), make_message(make_workspace())
    archived.archive()
    for message in (archived.public_id, foreign.public_id, "asm_0"):
        queue_rows(settings, account, message=message)
    line = Line()
    work(settings, line, until=lambda: len(states(settings)) == 3)
    assert states(settings) == [("failed", "message_unknown")] * 3
    assert line.pushed == []


def test_a_retry_sends_what_was_made_first_whatever_was_edited_since(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace, TextBlock(text="First"))
    first = message.newest().pk
    queue_rows(settings, account, message=message.public_id)
    work(settings, Line(seconds=3.0), until=lambda: bool(waiting(settings)))
    message.revise(Document(blocks=(TextBlock(text="Second"),)), name="x")
    [kept] = fetch(settings, "SELECT convert_from(payload, 'UTF8'), revision_id FROM retries")
    assert "First" in kept[0]
    assert kept[1] == first


def test_what_a_newer_version_saved_waits_for_a_newer_worker(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace)
    message.revisions.create(number=2, content={"blocks": [{"type": "hologram"}]})
    queue_rows(settings, account, message=message.public_id)
    queue_rows(settings, account)
    line = Line()
    work(settings, line, until=lambda: bool(waiting(settings)) and bool(states(settings)))
    assert (waiting(settings), states(settings)) == ([("internal", False)], [("delivered", None)])


def test_a_request_that_was_refused_unread_can_be_sent_again_with_its_message(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace, TextBlock(text="Again"))
    body = json.dumps({"to": line_user_id(0), "message": message.public_id, "event": "1"}).encode()
    request = receive(settings, account, code="type_unsupported", body=body)
    retry(account.workspace_id, request)
    line = Line()
    work(settings, line, until=lambda: states(settings) == [("delivered", None)])
    assert [push["messages"][0]["text"] for push in line.pushed] == ["Again"]
    assert _revision_of_the_delivery(settings) == message.newest().pk
