"""Which Webhook actions need a new paste."""

from datetime import timedelta

import pytest

from lumo.lib.settings import Settings
from lumo.messaging.documents import Document, TextBlock
from lumo.messaging.models import Placement
from lumo.messaging.services import find_outdated
from tests.factories import make_account, make_message

CARRIED = {"trigger": "abandoned_cart", "placeholders": ["cart_url", "first_name"], "fields": ["title"]}
LITTLE = {"trigger": "", "placeholders": [], "fields": []}
NEEDS_CART = Document(blocks=(TextBlock(text="{cart_url}"),))


# Placements in the order of their making: what the body carries, whether it was used after the last was made.
@pytest.mark.parametrize(
    ("copies", "outdated"),
    [
        ([(CARRIED, False)], []),
        ([(LITTLE, False)], [0]),
        ([(LITTLE, True), (LITTLE, False)], [0, 1]),
        ([(LITTLE, False), (CARRIED, False)], []),
        ([(LITTLE, True), (CARRIED, False)], [0]),
        ([(LITTLE, False), (CARRIED, False), (LITTLE, False)], [2]),
    ],
)
def test_a_copy_that_was_replaced_needs_no_new_paste(
    settings: Settings, copies: list[tuple[dict[str, object], bool]], outdated: list[int]
) -> None:
    account = make_account(settings)
    message = make_message(account.workspace)
    placements = [message.placements.create(account=account, **carried) for carried, _ in copies]
    for placement, (_, is_used) in zip(placements, copies, strict=True):
        if is_used:
            placement.last_used_at = placements[-1].created_at + timedelta(minutes=1)
            placement.save()
    assert [placements.index(one) for one in find_outdated(message, NEEDS_CART)] == outdated


def test_a_copy_for_one_account_replaces_none_of_another(settings: Settings) -> None:
    account = make_account(settings)
    message = make_message(account.workspace)
    old = message.placements.create(account=account, **LITTLE)
    message.placements.create(account=make_account(settings, account.workspace), **CARRIED)
    assert find_outdated(message, NEEDS_CART) == [old]
    assert Placement.objects.count() == 2
