"""`lumo profile …`"""

import pytest

from lumo.accounts.models import OfficialAccount
from lumo.config.tests.conftest import Lumo
from lumo.lib.settings import Settings
from lumo.workspaces.models import Workspace
from tests.factories import line_user_id, make_account
from tests.logged import finish, receive

_BY_LINE_USER = ("profile", "erase", "--line-user-id", line_user_id(1))
_BY_PROFILE = ("profile", "erase", "--klaviyo-profile", "P1")


@pytest.fixture
def account(settings: Settings, shop: str) -> OfficialAccount:
    """An account that one person was sent a message of, and waits for another."""
    made = make_account(settings, Workspace.objects.get())
    finish(settings, receive(settings, made, 1, profile="P1"))
    receive(settings, made, 1, profile="P1")
    return made


@pytest.mark.parametrize("command", [_BY_LINE_USER, _BY_PROFILE])
def test_erasing_prints_how_much_went(lumo: Lumo, shop: str, account: OfficialAccount, command: tuple[str]) -> None:
    counts = {"waiting": 1, "requests": 2, "deliveries": 1, "friends": 1}
    assert lumo.json(*command, "--workspace", shop, "--yes") == counts
    [left] = lumo.json("deliveries", "list")
    assert (left["state"], left["line_user_id"]) == ("delivered", "")
    said = lumo.run(*command).stdout
    assert said == "waiting: 0\nrequests: 0\ndeliveries: 0\nfriends: 0\n"


def test_another_workspace_erases_nothing(lumo: Lumo, account: OfficialAccount) -> None:
    other = lumo.json("workspace", "create", "--name", "Coffee Shop")["id"]
    assert set(lumo.json(*_BY_LINE_USER, "--workspace", other).values()) == {0}
    assert "There are several workspaces" in lumo.fail(*_BY_LINE_USER)
    assert account.friends.count() == 1


def test_a_person_is_named_once_and_rightly(lumo: Lumo, shop: str) -> None:
    for options, code, said in [
        ([], 2, "Give --line-user-id or --klaviyo-profile: one of them."),
        (["--line-user-id", line_user_id(1), "--klaviyo-profile", "P1"], 2, "one of them."),
        (["--line-user-id", "U1"], 1, "A LINE User ID is U and 32 digits and letters from a to f."),
        (["--line-user-id", ""], 1, "A LINE User ID is U and 32 digits and letters from a to f."),
        (["--klaviyo-profile", " "], 1, "The id of the Klaviyo profile is empty."),
    ]:
        assert said in lumo.fail("profile", "erase", *options, code=code)
