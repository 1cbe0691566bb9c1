"""The sandbox's pages: the phone, LINE's behaviour, the delivery log; in both languages."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

from lumo.lib.settings import Settings
from lumo.sandbox.faults import NO_FAULTS, Faults
from lumo.sandbox.record import LineRecord, NewPush
from tests.factories import line_user_id, make_account, make_workspace
from tests.waiting import queue_rows

CHANNEL, FRIEND = "1650000001", line_user_id(1)
CHAT = f"/sandbox/phone/{CHANNEL}/{FRIEND}/"


@pytest.fixture
def record(database_url: str, tmp_path: Path) -> Iterator[LineRecord]:
    path = tmp_path / "line.sqlite3"
    sandbox = override_settings(LUMO_SANDBOX_RECORD=str(path), ROOT_URLCONF="lumo.sandbox.tests.urls")
    with sandbox, LineRecord(path) as one:
        yield one


@pytest.fixture
def client(record: LineRecord) -> Client:
    return Client(headers={"accept-language": "en"}, SERVER_NAME="localhost")


def test_before_the_first_message_the_phone_says_what_to_do(client: Client, record: LineRecord) -> None:
    assert "Nobody has received a message yet" in client.get("/sandbox/phone/").content.decode()
    assert client.get("/sandbox/phone/", headers={"hx-request": "true"}).status_code == 204
    _receive(record, "Hello.")
    assert client.get("/sandbox/phone/", headers={"hx-request": "true"}).headers["HX-Redirect"] == CHAT
    assert client.get("/sandbox/phone/").headers["Location"] == CHAT


def test_the_phone_shows_what_was_received_and_nothing_becomes_markup(client: Client, record: LineRecord) -> None:
    _receive(record, "<script>alert(1)</script> こんにちは 🌸")
    _receive(record, {"type": "flex", "altText": "</p><b>", "contents": {}})
    page = client.get(CHAT).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; こんにちは 🌸" in page
    assert "&lt;/p&gt;&lt;b&gt;" in page
    assert "<script>alert" not in page
    assert "</p><b>" not in page


def test_a_push_is_a_group_of_bubbles_with_one_time(client: Client, record: LineRecord) -> None:
    _receive(record, "The first push.")
    _receive(
        record, "A greeting.", _flex("Stoneware mug"), {"type": "sticker", "packageId": "446", "stickerId": "1988"}
    )
    [first, second] = client.get(CHAT).content.decode().split('<li class="ln-turn">')[1:]
    assert "The first push." in first
    assert second.count('class="ln-message"') == 3
    assert second.count("<time") == 1
    assert '<span dir="auto">Stoneware mug</span>' in second
    assert second.index("446 / 1988") < second.index("<time")
    assert "&quot;type&quot;" not in second


def test_the_notification_tells_of_the_newest_push(client: Client, record: LineRecord) -> None:
    _receive(record, "An older push.")
    _receive(record, "A greeting.", _flex("Stoneware mug", alt_text="You left a <mug>"))
    notification = client.get(CHAT).content.decode().partition('class="ln-phone"')[0]
    assert "Tea Shop" in notification
    assert "You left a &lt;mug&gt;" in notification
    assert "An older push." not in notification


def test_a_friend_without_messages_has_a_phone_without_notification(client: Client, record: LineRecord) -> None:
    record.register_channel(CHANNEL, display_name="Tea Shop")
    record.set_friend(CHANNEL, FRIEND, state="following")
    page = client.get(CHAT).content.decode()
    assert "No message yet" in page
    assert "ln-push" not in page


def test_pictures_come_from_https_or_from_lumo_itself(client: Client, record: LineRecord) -> None:
    for url in ("https://img.example/a.jpg", "http://127.0.0.1:8000/b.jpg", "http://img.example/c.jpg"):
        _receive(record, {"type": "image", "originalContentUrl": url, "previewImageUrl": url})
    lumo = Settings(data_dir=Path(), database_url="", secret_keys=(), public_url="http://127.0.0.1:8000")
    with override_settings(LUMO=lumo):
        page = client.get(CHAT).content.decode()
    assert re.findall(r'<img src="([^"]+)"', page) == ["https://img.example/a.jpg", "http://127.0.0.1:8000/b.jpg"]


def test_a_days_messages_stand_below_its_date(client: Client, record: LineRecord) -> None:
    day = 24 * 60 * 60 * 1000
    for number, late in enumerate((0, 1000, day)):
        _receive(record, f"Message {number}.", arrived_ms=1_790_000_000_000 + late)
    page = client.get(CHAT).content.decode()
    assert re.findall(r'class="ln-day">([^<]+)<|(Message \d)\.</div>', page) == [
        ("Sept. 21, 2026", ""),
        ("", "Message 0"),
        ("", "Message 1"),
        ("Sept. 22, 2026", ""),
        ("", "Message 2"),
    ]


def test_htmx_is_answered_only_when_something_changed(client: Client, record: LineRecord) -> None:
    _receive(record, "Hello.")
    part = client.get(CHAT, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    [asks_next] = re.findall(r'hx-get="([^"]+)"', part)
    assert client.get(asks_next, headers={"hx-request": "true"}).status_code == 204
    _receive(record, "Hello again.")
    assert "Hello again." in client.get(asks_next, headers={"hx-request": "true"}).content.decode()


def test_a_friend_can_block_the_account(client: Client, record: LineRecord) -> None:
    _receive(record, "Hello.")
    assert client.post(f"{CHAT}state/", {"state": "blocked"}).headers["Location"] == CHAT
    friend = record.find_friend(CHANNEL, FRIEND)
    assert friend
    assert friend.state == "blocked"


def test_line_can_be_told_to_misbehave_and_to_behave_again(client: Client, record: LineRecord) -> None:
    _receive(record, "Hello.")
    client.post(f"{CHAT}faults/", {"status": "403", "error_every": "10", "quota": "200"})
    assert record.faults() == Faults(status=403, error_every=10)
    assert record.get_channel(CHANNEL).quota == 200
    assert 'value="200"' in client.get(CHAT).content.decode()
    client.post(f"{CHAT}faults/", {"status": "0"})
    assert (record.faults(), record.get_channel(CHANNEL).quota) == (NO_FAULTS, None)


def test_a_wrong_number_is_422_beside_its_field_and_stays_typed(client: Client, record: LineRecord) -> None:
    _receive(record, "Hello.")
    answer = client.post(f"{CHAT}faults/", {"status": "0", "delay_ms": "soon"})
    assert answer.status_code == 422
    assert 'value="soon"' in answer.content.decode()
    assert 'id="id_delay_ms_error"' in answer.content.decode()
    assert record.faults() == NO_FAULTS


@pytest.mark.parametrize("path", [f"/sandbox/phone/{CHANNEL}/nobody/", f"/sandbox/phone/1/{FRIEND}/", "/sandbox/x/"])
def test_what_is_not_there_is_404(client: Client, record: LineRecord, path: str) -> None:
    _receive(record, "Hello.")
    assert client.get(path).status_code == 404


def test_the_log_shows_each_shops_requests(client: Client, settings: Settings, record: LineRecord) -> None:
    assert "There is no workspace yet" in client.get("/sandbox/deliveries/").content.decode()
    make_workspace(name="Empty <Shop>")
    queue_rows(settings, make_account(settings, make_workspace(name="Tea Shop")), count=3)
    page = client.get("/sandbox/deliveries/").content.decode()
    assert page.count("Waiting") == 3
    assert "Empty &lt;Shop&gt;" in page
    assert "No request has come in yet" in page


def test_every_page_has_its_japanese(client: Client, record: LineRecord) -> None:
    _receive(record, "Hello.")
    japanese = {"accept-language": "ja"}
    assert '<html lang="ja">' in client.get(CHAT, headers=japanese).content.decode()
    assert "配信ログ" in client.get("/sandbox/deliveries/", headers=japanese).content.decode()
    client.post("/i18n/setlang/", {"language": "ja", "next": CHAT})
    assert '<html lang="ja">' in client.get(CHAT).content.decode()


def _flex(text: str, *, alt_text: str = "A card") -> dict[str, object]:
    """A Flex message with one text."""
    body = {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": text}]}
    return {"type": "flex", "altText": alt_text, "contents": {"type": "bubble", "body": body}}


def _receive(record: LineRecord, *messages: object, arrived_ms: int = 1_790_000_000_000) -> None:
    """Let the friend receive texts or message objects, in one push."""
    record.register_channel(CHANNEL, display_name="Tea Shop")
    content = [{"type": "text", "text": each} if isinstance(each, str) else each for each in messages]
    push = NewPush(
        channel_id=CHANNEL,
        user_id=FRIEND,
        retry_key=None,
        arrived_ms=arrived_ms,
        request_id="request",
        delivered=True,
        body=json.dumps({"to": FRIEND, "messages": content}).encode(),
    )
    record.add_push(push, status=200)
