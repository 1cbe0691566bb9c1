"""`lumo line …`"""

import os
import subprocess
import sys
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


@pytest.mark.parametrize("bad", ["two\nlines", "two words", "全角", "tab\tbed", "\x7f"])
def test_a_secret_that_can_be_none_is_refused_without_being_shown(lumo: Lumo, shop: str, bad: str) -> None:
    for options, stdin in [(("--channel-secret", bad), None), (("--access-token", "-"), bad)]:
        said = lumo.fail(*_CONNECT, *options, code=2, stdin=stdin)
        assert said.splitlines()[-1].endswith("must be one line of printable ASCII characters without spaces.")
        assert bad not in said


def test_a_secret_file_that_cannot_be_read_is_told(lumo: Lumo, shop: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path, why in [
        (tmp_path / "binary", "it is not text in UTF-8"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ]:
        said = lumo.fail(*_CONNECT, "--channel-secret-file", str(path), code=2)
        assert said.splitlines()[-1] == f"Error: --channel-secret can't be read from {path}: {why}."


def test_a_closed_standard_input_is_no_secret_and_no_person(lumo: Lumo, shop: str) -> None:
    closed = "Error: --channel-secret can't be read from standard input: it is closed."
    for option in ("--channel-secret", "--channel-secret-file"):
        done = _run_with_closed_input(lumo, *_CONNECT, option, "-")
        assert (done.returncode, done.stderr.splitlines()[-1]) == (2, closed)
    lumo.json("klaviyo", "connect", "--api-key", "pk_x", "--no-check")
    assert _run_with_closed_input(lumo, "klaviyo", "reissue-key").returncode == 0
    assert not OfficialAccount.objects.exists()


@pytest.mark.parametrize("channel_id", ["1" * 33, "16500000a1", "１６５", ""])
def test_a_channel_id_is_a_number_that_fits(lumo: Lumo, shop: str, channel_id: str) -> None:
    said = lumo.fail("line", "connect", "--channel-id", channel_id, "--channel-secret", "s")
    assert said == "A channel ID is a number. Copy it from the channel's Basic settings.\n"


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


def _run_with_closed_input(lumo: Lumo, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "lumo", *arguments]
    return subprocess.run(command, env=os.environ | lumo.environment, capture_output=True, text=True, check=False)


def _decrypted(token: object, settings: Settings) -> str:
    assert isinstance(token, bytes | memoryview)
    return Keyring(settings.secret_keys).decrypt(bytes(token))
