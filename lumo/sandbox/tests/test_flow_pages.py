"""The Flow runner's pages: create, preview, run, and the story of a run; in both languages."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.test import Client, override_settings

from lumo.lib.settings import Settings
from lumo.messaging.get_json import build_direct_text_body
from lumo.sandbox.flow_record import Flow, FlowRecord, NewFlow, Run
from lumo.sandbox.flow_retries import MOST_TRIES, judge
from tests.factories import make_account, make_connection, make_workspace

BODY = build_direct_text_body(account="oa_sample", number=1)
TRIAL = {"profile": "hanako", "event": "one_product", "escapes_html": "on"}
LIST = "/sandbox/flows/"


@pytest.fixture
def record(database_url: str, tmp_path: Path) -> Iterator[FlowRecord]:
    line_record = tmp_path / "line.sqlite3"
    sandbox = override_settings(LUMO_SANDBOX_RECORD=str(line_record), ROOT_URLCONF="lumo.sandbox.tests.urls")
    with sandbox, FlowRecord(tmp_path / "klaviyo.sqlite3") as one:
        yield one


@pytest.fixture
def client(record: FlowRecord) -> Client:
    return Client(headers={"accept-language": "en"}, SERVER_NAME="localhost")


def test_an_empty_list_says_what_to_do(client: Client) -> None:
    page = _read(client, LIST)
    assert "lumo message get-json" in page
    assert f'href="{LIST}new/"' in page


def test_a_new_action_begins_with_the_shops_flow_message_settings(client: Client, settings: Settings) -> None:
    workspace = make_workspace()
    account = make_account(settings, workspace)
    connection = make_connection(settings, workspace)
    with override_settings(LUMO=settings):
        page = _read(client, f"{LIST}new/")
    assert f"/hooks/klaviyo/{connection.public_id}" in page
    assert "X-Lumo-Authentication-Key" in page
    assert account.public_id in page


def test_without_a_workspace_a_new_action_is_empty(client: Client) -> None:
    page = _read(client, f"{LIST}new/")
    assert "hooks/klaviyo" not in page
    assert "Destination URL" in page


def test_an_action_is_saved_and_changed(client: Client, record: FlowRecord) -> None:
    typed = {
        "name": "Cart <b>",
        "metric": "Placed Order",
        "destination_url": "https://lumo.example/hooks/klaviyo/kc_1",
        "header_name": "X-Lumo-Authentication-Key",
        "header_value": "a-key",
        "body": '{\r\n  "to": ""\r\n}',
    }
    saved = client.post(f"{LIST}new/", typed).headers["Location"]
    [(flow, _)] = record.list_flows()
    assert saved == f"{LIST}{flow.id}/"
    assert flow.body == '{\n  "to": ""\n}'
    assert "Cart &lt;b&gt;" in _read(client, LIST)
    assert 'value="a-key"' in _read(client, f"{saved}edit/")
    assert client.post(f"{saved}edit/", typed | {"name": "Thanks", "metric": ""}).headers["Location"] == saved
    changed = record.get_flow(flow.id)
    assert (changed.name, changed.metric, changed.klaviyo_flow_id) == ("Thanks", "", flow.klaviyo_flow_id)
    assert 'name="event"' not in _read(client, saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("body", ""),
        ("metric", "Something else"),
        ("destination_url", "file:///etc/passwd"),
        ("destination_url", "https://"),
        ("destination_url", "http://[::1"),
        ("header_name", "X Key"),
        ("header_value", "鍵"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(client: Client, record: FlowRecord, field: str, value: str) -> None:
    typed = {
        "name": "Cart",
        "metric": "",
        "destination_url": "https://lumo.example/",
        "header_name": "X-Key",
        "header_value": "1",
        "body": "{}",
    }
    answer = client.post(f"{LIST}new/", typed | {field: value})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert record.list_flows() == []


def test_only_events_of_the_trigger_are_offered(client: Client, record: FlowRecord) -> None:
    page = _read(client, _address(_add(record, metric="Viewed Product")))
    assert re.findall(r'<option value="(browse_reminder|one_product)"', page) == ["browse_reminder"]


def test_the_preview_shows_the_body_and_sends_nothing(client: Client, record: FlowRecord) -> None:
    flow = _add(record)
    page = unescape(client.post(_address(flow), TRIAL).content.decode())
    assert '"to": "U5a3b1e' in page
    assert '"esc": "A&amp;B"' in page
    assert 'class="notice' not in page
    assert record.list_runs(flow.id, limit=9) == []
    bare = unescape(client.post(_address(flow), TRIAL | {"escapes_html": ""}).content.decode())
    assert '"esc": "A&B"' in bare


@pytest.mark.parametrize(
    ("body", "chosen", "status", "sentence"),
    [
        (BODY, {"profile": "not_linked"}, 200, "422 recipient_missing"),
        (BODY, {"profile": "second_account"}, 200, "422 recipient_missing"),
        ('{"to": "{% templatetag openvariable %} person.x }}"}', {}, 200, "422 recipient_not_merged"),
        ('{\n "to": {{ person.first_name }}}', {}, 422, "line 2, column 8"),
        ('{"to": "{{ person.first_name|safe }}"}', {"profile": "quotes"}, 422, "is not JSON"),
        ('{"to": "{{ person.first_name }}"}', {"profile": "quotes"}, 200, "If Klaviyo does not escape HTML"),
        ("[1]", {}, 422, "no object in braces"),
        ("[" * 5000, {}, 422, "is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", {}, 422, "is not JSON"),
        ('{"to": "\\ud800"}', {}, 200, '"to": "?"'),
        ("{\n{% include '/etc/passwd' %}", {}, 422, "Line 2"),
        ("{% if %}", {}, 422, "can’t be rendered"),
    ],
)
def test_the_preview_says_what_is_wrong(
    client: Client, record: FlowRecord, body: str, chosen: dict[str, str], status: int, sentence: str
) -> None:
    answer = client.post(_address(_add(record, body=body)), TRIAL | chosen)
    assert sentence in unescape(answer.content.decode())
    assert answer.status_code == status


def test_pasted_markup_stays_text(client: Client, record: FlowRecord) -> None:
    flow = _add(record, body='{"to": "</pre><script>alert(1)</script>"}', name="<script>alert(2)</script>")
    for page in (client.post(_address(flow), TRIAL).content.decode(), _read(client, LIST)):
        assert "<script>alert" not in page


def test_run_stores_what_is_due_and_leads_to_its_story(client: Client, record: FlowRecord) -> None:
    flow = _add(record)
    story = client.post(f"{_address(flow)}runs/", TRIAL).headers["Location"]
    [run] = record.list_runs(flow.id, limit=9)
    assert story == f"{_address(flow)}runs/{run.id}/"
    assert (run.state, run.next_try_ms) == ("waiting", run.created_ms)
    page = _read(client, story)
    assert "花子 佐藤" in page
    assert "about to post" in page
    assert f'hx-get="{story}"' in page
    assert f'href="{_address(flow)}?profile=hanako&amp;event=one_product"' in page
    assert '<option value="one_product" selected' in _read(client, f"{_address(flow)}?event=one_product")


def test_a_body_that_cannot_be_rendered_is_not_run(client: Client, record: FlowRecord) -> None:
    flow = _add(record, body="{% load os %}")
    answer = client.post(f"{_address(flow)}runs/", TRIAL)
    assert answer.status_code == 422
    assert "can’t be rendered" in unescape(answer.content.decode())
    assert client.post(f"{_address(flow)}runs/", TRIAL | {"profile": "nobody"}).status_code == 422
    assert record.list_runs(flow.id, limit=9) == []


@pytest.mark.parametrize(
    ("status", "tries", "words"),
    [
        (202, 1, ["Sent", "202 Accepted", "Delivery log"]),
        (422, 1, ["Skipped (422 Unprocessable", "does not try again", "recipient_missing"]),
        (503, 2, ["Waiting", "503 Service Unavailable", "try 3 of 17", "Next try:"]),
        (None, 1, ["Waiting", "No answer"]),
        (499, 1, ["Skipped (499)"]),
        (500, MOST_TRIES, ["Failed", "given up after 17 tries"]),
    ],
)
def test_the_story_tells_what_klaviyo_shows(
    client: Client, record: FlowRecord, status: int | None, tries: int, words: list[str]
) -> None:
    run = _add_run(record, status=status, tries=tries)
    page = unescape(_read(client, f"{LIST}{run.flow_id}/runs/{run.id}/"))
    assert [word for word in words if word not in page] == []
    assert ("hx-get" in page) == (record.get_run(run.id).state == "waiting")


def test_htmx_gets_only_the_part_that_changes(client: Client, record: FlowRecord) -> None:
    run = _add_run(record, status=202, tries=1)
    part = client.get(f"{LIST}{run.flow_id}/runs/{run.id}/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert "202 Accepted" in part
    assert "hx-get" not in part


@pytest.mark.parametrize("path", ["7/", "7/edit/", "7/runs/1/", "1/runs/7/"])
def test_what_is_not_there_is_404(client: Client, record: FlowRecord, path: str) -> None:
    _add(record)
    assert client.get(LIST + path).status_code == 404


def test_every_page_renders_in_japanese(client: Client, record: FlowRecord) -> None:
    run = _add_run(record, status=422, tries=1)
    flow = f"{LIST}{run.flow_id}/"
    for path in (LIST, f"{LIST}new/", flow, f"{flow}edit/", f"{flow}runs/{run.id}/"):
        answer = client.get(path, headers={"accept-language": "ja"})
        assert answer.status_code == 200
        assert '<html lang="ja">' in answer.content.decode()


def _read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def _address(flow: Flow) -> str:
    return f"{LIST}{flow.id}/"


def _add(
    record: FlowRecord, *, metric: str = "Checkout Started", body: str = BODY, name: str = "Abandoned cart"
) -> Flow:
    new = NewFlow(
        name=name,
        metric=metric,
        destination_url="http://127.0.0.1:9/",
        header_name="X-Lumo-Authentication-Key",
        header_value="a-key",
        body=body,
    )
    return record.add_flow(new, now_ms=1_790_000_000_000)


def _add_run(record: FlowRecord, *, status: int | None, tries: int) -> Run:
    """A run that was answered so, so many times."""
    flow = _add(record)
    run = record.add_run(flow.id, profile_key="hanako", event_key="one_product", body="{}", now_ms=1_790_000_000_000)
    for number in range(1, tries + 1):
        record.add_try(run.id, at_ms=run.created_ms, status=status, answer='{"error": "recipient_missing"}')
        verdict = judge(status, tries=number, started_ms=run.created_ms, now_ms=run.created_ms)
        record.set_verdict(run.id, verdict)
    return run
