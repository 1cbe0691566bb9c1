"""`lumo klaviyo …`"""

import json
from hashlib import sha256

from lumo.config.tests.conftest import API_KEY, CHANNEL, SECRET, Lumo
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.profiles.models import KlaviyoConnection, RetiredKey
from tests.providers import Providers

_CONNECT = ("klaviyo", "connect", "--api-key", API_KEY)


def test_connecting_prints_the_id_and_nothing_else(lumo: Lumo, shop: str) -> None:
    connected = lumo.json(*_CONNECT, "--workspace", shop)
    assert list(connected) == ["id"]
    connection = KlaviyoConnection.objects.get(public_id=connected["id"])
    assert (connection.klaviyo_account_id, connection.account_name) == ("AbCdEf", "Shop AbCdEf")


def test_a_refused_key_connects_nothing_unless_it_is_not_checked(lumo: Lumo, known: Providers, shop: str) -> None:
    said = lumo.fail("klaviyo", "connect", "--api-key", "pk_wrong")
    assert said.startswith("Klaviyo refuses this key (Incorrect authentication credentials.).")
    known.is_down = True
    assert "add --no-check" in lumo.fail(*_CONNECT)
    assert not KlaviyoConnection.objects.exists()
    assert lumo.json("klaviyo", "connect", "--api-key", "-", "--no-check", stdin="pk_wrong")["id"].startswith("kc_")


def test_connecting_again_replaces_the_api_key_only(
    lumo: Lumo, known: Providers, settings: Settings, shop: str
) -> None:
    first = lumo.json(*_CONNECT)
    before = lumo.json("klaviyo", "flow-settings")
    known.api_keys["pk_second"] = "AbCdEf"
    assert lumo.json("klaviyo", "connect", "--api-key", "pk_second") == first
    assert lumo.json("klaviyo", "flow-settings") == before
    connection = KlaviyoConnection.objects.get()
    assert Keyring(settings.secret_keys).decrypt(bytes(connection.api_key_encrypted)) == "pk_second"


def test_flow_settings_are_what_a_webhook_action_needs(lumo: Lumo, shop: str) -> None:
    assert "Klaviyo is not connected to Tea Shop yet." in lumo.fail("klaviyo", "flow-settings")
    connection_id = lumo.json(*_CONNECT)["id"]
    found = lumo.json("klaviyo", "flow-settings", "--workspace", shop)
    assert list(found) == ["destination_url", "header_name", "header_value"]
    assert found["destination_url"] == f"https://lumo.example.com/hooks/klaviyo/{connection_id}"
    assert found["header_name"] == "X-Lumo-Authentication-Key"
    assert len(found["header_value"]) == 43


def test_people_also_get_a_body_to_paste_for_each_account(lumo: Lumo, known: Providers, shop: str) -> None:
    known.add_channel("2", "s")
    lumo.json(*_CONNECT)
    assert "Connect LINE to see a request body" in lumo.run("klaviyo", "flow-settings").stdout
    first = lumo.json("line", "connect", "--channel-id", CHANNEL, "--channel-secret", SECRET)
    second = lumo.json("line", "connect", "--channel-id", "2", "--channel-secret", "s")
    _, one, two = lumo.run("klaviyo", "flow-settings").stdout.split("Request body for a direct text from")
    for said, account, recipient in [(one, first, "LINE User ID"), (two, second, "LINE User ID 2")]:
        body = json.loads(said[said.index("{") :])
        assert (body["account"], body["to"]) == (account["id"], f"{{{{ person|lookup:'{recipient}' }}}}")


def test_a_reissued_key_is_another_and_the_old_one_is_known_as_retired(lumo: Lumo, shop: str) -> None:
    lumo.json(*_CONNECT)
    old = lumo.json("klaviyo", "flow-settings")
    new = lumo.json("klaviyo", "reissue-key", "--workspace", shop)
    assert list(new) == ["destination_url", "header_name", "header_value"]
    assert new == lumo.json("klaviyo", "flow-settings")
    assert new == old | {"header_value": new["header_value"]}
    assert new != old
    assert KlaviyoConnection.objects.get().key_version == 2
    assert bytes(RetiredKey.objects.get().digest) == sha256(old["header_value"].encode()).digest()
    assert old["header_value"] not in lumo.run("klaviyo", "reissue-key", "--yes").stdout


def test_the_integration_is_switched_off_and_on_with_its_key(lumo: Lumo, shop: str) -> None:
    connection_id = lumo.json(*_CONNECT)["id"]
    before = lumo.json("klaviyo", "flow-settings")
    assert lumo.json("klaviyo", "set", "--disable") == {"id": connection_id, "is_enabled": False}
    assert not KlaviyoConnection.objects.get().is_enabled
    assert lumo.json("klaviyo", "set", "--enable") == {"id": connection_id, "is_enabled": True}
    assert lumo.json("klaviyo", "flow-settings") == before


def test_the_api_key_is_never_printed(lumo: Lumo, shop: str) -> None:
    lumo.json(*_CONNECT)
    lumo.run(*_CONNECT)
    lumo.run("klaviyo", "flow-settings")
    lumo.run("check")
    lumo.fail("klaviyo", "connect", "--api-key", "pk_wrong")
    assert API_KEY not in lumo.printed
    assert "pk_wrong" not in lumo.printed
