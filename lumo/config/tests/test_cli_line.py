"""`lumo line …`"""

from pathlib import Path

import pytest

from lumo.accounts.models import OfficialAccount
from lumo.config.tests.conftest import CHANNEL, SECRET, Lumo
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from tests.providers import Providers

_CONNECT = ("line", "connect", "--channel-id", CHANNEL)


def test_connecting_prints_id_and_number_and_nothing_else(lumo: Lumo, shop: str) -> None:
    connected = lumo.json(*_CONNECT, "--workspace", shop, "--channel-secret", SECRET)
    assert list(connected) == ["id", "number"]
    assert connected["id"].startswith("oa_")
    assert connected["number"] == 1
    [listed] = lumo.json("line", "list")
    assert (listed["id"], listed["name"], listed["paused_reason"]) == (connected["id"], "Tea Shop", None)


def test_accounts_are_numbered_in_the_order_of_their_connection(lumo: Lumo, known: Providers, shop: str) -> None:
    for number in (1, 2, 3):
        known.add_channel(str(number), "s")
        assert lumo.json("line", "connect", "--channel-id", str(number), "--channel-secret", "s")["number"] == number
    OfficialAccount.objects.get(number=2).delete()
    known.add_channel("4", "s")
    assert lumo.json("line", "connect", "--channel-id", "4", "--channel-secret", "s")["number"] == 4


def test_connecting_again_changes_the_credentials_and_ends_the_pause(
    lumo: Lumo, known: Providers, settings: Settings, shop: str
) -> None:
    first = lumo.json(*_CONNECT, "--channel-secret", SECRET)
    OfficialAccount.objects.update(paused_reason="line_token", paused_detail="Old", paused_at="2026-01-01T00:00Z")
    known.secrets[CHANNEL] = "a-new-secret"
    assert lumo.json(*_CONNECT, "--channel-secret", "a-new-secret") == first
    account = OfficialAccount.objects.get()
    assert (account.paused_reason, account.paused_detail, account.paused_at) == ("", "", None)
    assert _decrypted(account.channel_secret_encrypted, settings) == "a-new-secret"
    assert lumo.json(*_CONNECT, "--access-token", f"token-of-{CHANNEL}") == first
    account = OfficialAccount.objects.get()
    assert account.channel_secret_encrypted is None
    assert _decrypted(account.access_token_encrypted, settings) == f"token-of-{CHANNEL}"


@pytest.mark.parametrize("source", ["argument", "standard input", "file"])
def test_a_secret_comes_from_an_argument_standard_input_or_a_file(
    lumo: Lumo, shop: str, tmp_path: Path, source: str
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    options = {
        "argument": ("--channel-secret", SECRET),
        "standard input": ("--channel-secret", "-"),
        "file": ("--channel-secret-file", str(tmp_path / "secret")),
    }[source]
    assert lumo.json(*_CONNECT, *options, stdin=f"{SECRET}\n")["number"] == 1


def test_wrong_credentials_connect_nothing(lumo: Lumo, known: Providers, shop: str) -> None:
    said = lumo.fail(*_CONNECT, "--channel-secret", "wrong-secret")
    assert said.startswith("LINE refuses these credentials (invalid client_secret).")
    assert "LINE refuses these credentials (Authentication failed)" in lumo.fail(*_CONNECT, "--access-token", "wrong")
    known.is_down = True
    assert lumo.fail(*_CONNECT, "--channel-secret", SECRET).endswith("Try again.\n")
    assert not OfficialAccount.objects.exists()


def test_credentials_of_another_account_are_refused(lumo: Lumo, known: Providers, shop: str) -> None:
    known.add_channel("2", "s", name="Coffee Shop")
    lumo.json(*_CONNECT, "--channel-secret", SECRET)
    lumo.json("line", "connect", "--channel-id", "2", "--channel-secret", "s")
    for channel_id in (CHANNEL, "3"):
        said = lumo.fail("line", "connect", "--channel-id", channel_id, "--access-token", "token-of-2")
        assert said == "LINE says that these credentials are those of Coffee Shop (@2). Check the channel ID.\n"
    assert OfficialAccount.objects.count() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give --channel-secret or --access-token"),
        (["--channel-secret", "a", "--access-token", "b"], "Give --channel-secret or --access-token"),
        (["--channel-secret", "-"], "--channel-secret is empty."),
        (["--channel-secret", "a", "--channel-secret-file", "-"], "not both"),
    ],
)
def test_credentials_are_given_once(lumo: Lumo, shop: str, options: list[str], said: str) -> None:
    assert said in lumo.fail(*_CONNECT, *options, code=2, stdin="")


def test_resuming_ends_a_pause_and_may_be_repeated(lumo: Lumo, shop: str) -> None:
    account_id = lumo.json(*_CONNECT, "--channel-secret", SECRET)["id"]
    OfficialAccount.objects.update(paused_reason="quota")
    assert lumo.json("line", "resume", account_id) == {"id": account_id, "was_paused_for": "quota"}
    assert lumo.json("line", "resume", account_id) == {"id": account_id, "was_paused_for": None}
    assert f"{account_id}  Tea Shop" in lumo.fail("line", "resume", "oa_0")


def test_no_secret_is_ever_printed(lumo: Lumo, known: Providers, shop: str) -> None:
    lumo.json(*_CONNECT, "--channel-secret", SECRET)
    lumo.run("line", "list")
    lumo.run("check")
    lumo.fail(*_CONNECT, "--channel-secret", "wrong-secret")
    lumo.fail(*_CONNECT, "--access-token", "wrong-token")
    for secret in (SECRET, "wrong-secret", "wrong-token", f"token-of-{CHANNEL}", lumo.environment["LUMO_SECRET_KEY"]):
        assert secret not in lumo.printed


def _decrypted(token: object, settings: Settings) -> str:
    assert isinstance(token, bytes | memoryview)
    return Keyring(settings.secret_keys).decrypt(bytes(token))
