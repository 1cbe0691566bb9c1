"""Connecting LINE accounts, as far as one command at a time does not show it."""

from collections.abc import Iterator
from functools import partial

import msgspec
import pytest

from lumo.accounts.models import OfficialAccount
from lumo.accounts.services import connect
from lumo.lib.settings import Settings
from tests.contention import at_once
from tests.factories import make_workspace
from tests.providers import Providers, providers

_HOLD = "SELECT FROM workspaces FOR UPDATE"


@pytest.fixture
def known() -> Iterator[Providers]:
    with providers() as both:
        for channel_id in ("1", "2"):
            both.add_channel(channel_id, "s")
        yield both


@pytest.mark.parametrize(("channel_ids", "numbers"), [(("1", "2"), [1, 2]), (("1", "1"), [1])])
def test_numbers_are_given_out_one_at_a_time(
    settings: Settings, known: Providers, channel_ids: tuple[str, str], numbers: list[int]
) -> None:
    settings = msgspec.structs.replace(settings, line_api_url=known.url)
    here = partial(connect, make_workspace(), channel_secret="s", settings=settings)
    connected = at_once(settings, *(partial(here, channel_id=one) for one in channel_ids), lock=_HOLD)
    assert all(isinstance(account, OfficialAccount) for account in connected)
    kept = OfficialAccount.objects.order_by("number").values_list("number", flat=True)
    assert list(kept) == numbers
