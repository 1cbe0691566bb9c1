"""`lumo message …`"""

import json
from pathlib import Path
from typing import Any

import pytest

from lumo.config.tests.conftest import CHANNEL, SECRET, Lumo
from lumo.messaging.models import AutoSendMessage, MessageRevision, Placement
from tests.providers import Providers

CART: dict[str, Any] = {
    "name": "Abandoned cart follow-up",
    "language": "en",
    "blocks": [
        {"type": "text", "text": "Hi {first_name}"},
        {"type": "products", "trigger": "abandoned_cart", "button": {"text": "Back to cart", "opens": "{cart_url}"}},
    ],
}


@pytest.fixture
def account(lumo: Lumo, shop: str) -> str:
    """The public id of the workspace's LINE account."""
    made: str = lumo.json("line", "connect", "--channel-id", CHANNEL, "--channel-secret", SECRET)["id"]
    return made


def import_message(lumo: Lumo, content: dict[str, Any], *options: str) -> str:
    made = lumo.json("message", "import", "-", *options, stdin=json.dumps(content))
    assert list(made) == ["id"]
    message_id: str = made["id"]
    return message_id


def test_importing_prints_the_id_and_nothing_else(lumo: Lumo, shop: str, tmp_path: Path) -> None:
    file = tmp_path / "cart.yaml"
    file.write_text("name: Cart\nblocks:\n  - {type: text, text: Hello}\n", encoding="utf-8")
    made = lumo.json("message", "import", str(file), "--workspace", shop)
    assert made == {"id": AutoSendMessage.objects.get().public_id}
    assert "Next: lumo message get-json asm_" in lumo.run("message", "import", str(file)).stdout
    assert AutoSendMessage.objects.count() == 2


def test_what_is_exported_is_the_next_revision_when_imported(lumo: Lumo, shop: str) -> None:
    message_id = import_message(lumo, CART)
    for file_format in ("yaml", "json"):
        exported = lumo.run("message", "export", message_id, "--format", file_format).stdout
        assert lumo.json("message", "import", "-", stdin=exported) == {"id": message_id}
        assert MessageRevision.objects.count() == 1  # it says what it said
        changed = exported.replace("Hi {first_name}", f"Hello {file_format}")
        assert lumo.json("message", "import", "-", stdin=changed) == {"id": message_id}
        assert lumo.json("message", "list")[0]["revision"] == MessageRevision.objects.count() == 2
        MessageRevision.objects.order_by("number")[1].delete()
    assert lumo.json("message", "import", "-", "--new", stdin=exported)["id"] != message_id


def test_every_fault_is_told_and_nothing_is_saved(lumo: Lumo, shop: str) -> None:
    wrong = {**CART, "name": "", "blocks": [{"type": "text", "text": "{who}"}, {"type": "products", "max": 13}]}
    said = lumo.fail("message", "import", "-", stdin=json.dumps(wrong)).splitlines()
    assert [line.partition(": ")[0] for line in said] == [
        "name",
        "Block 1 (text), text",
        "Block 2 (products), trigger",
        "Block 2 (products), max",
    ]
    assert "Block 1, txt" not in lumo.fail("message", "import", "-", stdin="blocks: [{type: text, txt: a}]")
    assert "There is no message asm_0" in lumo.fail("message", "import", "-", stdin=json.dumps({**CART, "id": "asm_0"}))
    assert not AutoSendMessage.objects.exists()


def test_a_message_stays_in_its_workspace(lumo: Lumo, shop: str) -> None:
    message_id = import_message(lumo, CART)
    other = lumo.json("workspace", "create", "--name", "Other")["id"]
    content = json.dumps({**CART, "id": message_id})
    said = lumo.fail("message", "import", "-", "--workspace", other, stdin=content)
    assert said.strip() == f"{message_id} is in another workspace. Add --new to make a copy in Other."
    lumo.json("message", "import", "-", "--workspace", other, "--new", stdin=content)
    assert len(lumo.json("message", "list", "--workspace", other)) == 1


def test_get_json_prints_the_body_alone_with_a_placement_of_its_own(lumo: Lumo, account: str) -> None:
    message_id = import_message(lumo, CART)
    first, second = (
        json.loads(lumo.run("message", "get-json", message_id, *option).stdout)
        for option in (("--account", account), ())
    )
    assert (first["account"], first["message"]) == (account, message_id)
    assert first["to"] == "{{ person|lookup:'LINE User ID' }}"
    assert len(first["products"]) == 16
    placements = list(Placement.objects.order_by("pk").values_list("public_id", flat=True))
    assert [first["placement"], second["placement"]] == placements
    assert {**first, "placement": ""} == {**second, "placement": ""}
    listed = lumo.json("message", "get-json", message_id)
    assert json.loads(listed["body"])["placement"] == listed["placement"]


def test_get_json_of_the_second_account_names_its_numbered_property(lumo: Lumo, known: Providers, account: str) -> None:
    message_id = import_message(lumo, CART)
    known.add_channel("2", "s")
    second = lumo.json("line", "connect", "--channel-id", "2", "--channel-secret", "s")["id"]
    said = lumo.fail("message", "get-json", message_id)
    assert "Tea Shop has several LINE accounts. Name one with --account:" in said
    body = json.loads(lumo.run("message", "get-json", message_id, "--account", second).stdout)
    assert body["to"] == "{{ person|lookup:'LINE User ID 2' }}"


def test_get_json_needs_an_account_of_the_workspace(lumo: Lumo, shop: str) -> None:
    message_id = import_message(lumo, CART)
    assert "LINE is not connected to Tea Shop yet." in lumo.fail("message", "get-json", message_id)
    other = lumo.json("workspace", "create", "--name", "Other")["id"]
    connect = ("line", "connect", "--channel-id", CHANNEL, "--channel-secret", SECRET, "--workspace", other)
    foreign = lumo.json(*connect)["id"]
    assert "belong to different workspaces" in lumo.fail("message", "get-json", message_id, "--account", foreign)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"blocks": [{"type": "text", "text": "No products any more"}]}, ""),
        ({"blocks": [{"type": "products", "trigger": "price_drop"}]}, "2 Webhook actions need a new paste"),
        ({"blocks": [{"type": "text", "text": "{first_name}, {cart_url}"}]}, ""),
    ],
)
def test_an_edit_that_needs_more_than_was_pasted_lists_the_placements(
    lumo: Lumo, account: str, changed: dict[str, Any], said: str
) -> None:
    message_id = import_message(lumo, CART)
    placements = [lumo.json("message", "get-json", message_id)["placement"] for _ in range(2)]
    result = lumo.run("message", "import", "-", stdin=json.dumps({**CART, "id": message_id, **changed}))
    assert result.exit_code == 0
    assert said in result.stderr
    assert all((placement in result.stderr) == bool(said) for placement in placements)
    scripted = lumo.run("message", "import", "-", "--json", stdin=json.dumps({**CART, "id": message_id, **changed}))
    assert json.loads(scripted.stdout) == {"id": message_id}
    assert said in scripted.stderr


def test_an_archived_message_is_listed_last_and_can_come_back(lumo: Lumo, account: str) -> None:
    first = import_message(lumo, CART)
    second = import_message(lumo, {**CART, "name": "Second"})
    assert "Archived: Second" in lumo.run("message", "archive", second).stdout
    assert [(one["id"], one["is_archived"]) for one in lumo.json("message", "list")] == [(first, False), (second, True)]
    assert "archived" in lumo.fail("message", "get-json", second)
    lumo.run("message", "restore", second)
    assert not lumo.json("message", "list")[0]["is_archived"]
    assert "text + products" in lumo.run("message", "list").stdout


def test_what_a_newer_version_saved_is_listed_and_told(lumo: Lumo, shop: str) -> None:
    message_id = import_message(lumo, CART)
    AutoSendMessage.objects.get().revisions.create(number=2, content={"blocks": [{"type": "hologram"}]})
    assert lumo.json("message", "list")[0]["blocks"] == ["?"]
    for command in ("export", "preview"):
        assert "newer version" in lumo.fail("message", command, message_id)


def test_a_revision_can_not_be_changed(lumo: Lumo, shop: str) -> None:
    import_message(lumo, CART)
    with pytest.raises(Exception, match="a revision is never changed"):
        MessageRevision.objects.update(number=7)


def test_a_preview_tells_what_line_would_get(lumo: Lumo, account: str, tmp_path: Path) -> None:
    message_id = import_message(lumo, CART)
    told = lumo.run("message", "preview", message_id).stdout.splitlines()
    assert told[:4] == ["1. Text", "   Hi 花子", "", "2. 3 cards – 土のマグカップ"]
    assert told[4].startswith("   • 土のマグカップ · ¥3,960 · [Back to cart] → https://shop.example/checkouts/")
    shown = lumo.json("message", "preview", message_id, "--sample", "twelve_products")
    assert [message["type"] for message in shown["messages"]] == ["text", "flex"]
    body = json.loads(lumo.run("message", "preview", message_id, "--body").stdout)
    assert body["variables"]["first_name"] == "%E8%8A%B1%E5%AD%90"
    page = tmp_path / "cart.html"
    assert lumo.run("message", "preview", message_id, "--html", str(page), "--sample", "nasty_names").stdout == ""
    html = page.read_text(encoding="utf-8")
    assert "12&quot; Pan &amp; &quot;Lid&quot;" in html
    assert "<script>" not in html
    assert not Placement.objects.exists()


def test_a_preview_of_one_s_own_event_and_profile(lumo: Lumo, shop: str, tmp_path: Path) -> None:
    message_id = import_message(lumo, {"name": "x", "blocks": [{"type": "products", "trigger": "price_drop"}]})
    event, profile = tmp_path / "event.json", tmp_path / "profile.json"
    event.write_text('{"event_properties": {"Title": "Mug", "ReducedPrice": 10, "OriginalPrice": 12}}')
    profile.write_text('{"first_name": "Ann"}')
    given = ("--event", str(event), "--profile", str(profile))
    assert lumo.run("message", "preview", message_id, *given).stdout == "1. 1 card – Mug\n   • Mug · 10 · 12\n"
    event.write_text("{}")
    said = lumo.run("message", "preview", message_id, *given).stdout
    assert said.startswith("Nothing would be sent (no_products).")
    event.write_text('{"Title": "Mug"}')
    profile.write_text('{"LINE User ID": "a\\\\"}')
    assert "can't read" in lumo.fail("message", "preview", message_id, *given)
    event.write_text("[")
    assert "does not hold a JSON object" in lumo.fail("message", "preview", message_id, *given)
    assert "  forty_lines        Checkout Started: Forty lines" in lumo.fail(
        "message", "preview", message_id, "--sample", "help"
    )
