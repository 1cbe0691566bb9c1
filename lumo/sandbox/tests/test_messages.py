"""What the LINE emulator takes and refuses of a message: LINE's reference as a table, and its published schema."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.lib import clock
from lumo.sandbox.http import Request
from lumo.sandbox.line import LineEmulator
from lumo.sandbox.messages import check_messages, check_push
from lumo.sandbox.record import LineRecord
from lumo.sandbox.tests.good_messages import (
    AREA,
    COLUMN,
    FAMILY,
    GOOD,
    MISSING,
    POSTBACK,
    QUICK_REPLIES,
    URI,
    bubble,
    carousel,
    text,
)
from tests.factories import line_user_id
from tests.shared import specs

Steps = tuple[str | int, ...]
FOOTER_ACTION = "contents.contents[2].footer.contents[0].action"
BODY = "contents.body.contents"


@pytest.mark.parametrize("name", GOOD)
def test_what_follows_the_reference_is_accepted(name: str) -> None:
    assert find_faults(GOOD[name]) == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("sticker", "unknown", {"anything": [None]}),
        ("text", "text", "あ" * 5000),
        ("text", "quickReply.items", QUICK_REPLIES[:1] * 13),
        ("text", "quickReply.items[0].action.label", FAMILY * 20),
        ("image", "previewImageUrl", f"https://a.example/{'a' * 1982}"),
        ("location", "title", "店" * 100),
        ("imagemap", "actions", []),
        ("buttons", "template", {"type": "buttons", "text": "茶" * 160, "actions": [POSTBACK] * 4}),
        ("columns", "template.columns", [COLUMN] * 10),
        ("columns", "template.columns[0].actions[0].label", FAMILY * 20),
        ("images", "template.columns[0].action.label", MISSING),
        ("carousel", "contents.contents", [bubble()] * 12),
        ("carousel", "contents.contents", [bubble(size=MISSING), bubble(size="mega")]),
        ("carousel", "contents.contents[0].unknown", "a" * 29_000),
        ("carousel", f"{FOOTER_ACTION}.label", FAMILY * 40),
        ("carousel", f"{FOOTER_ACTION}.uri", f"https://a.example/{'a' * 982}"),
        ("carousel", f"{FOOTER_ACTION}.uri", "http://192.0.2.1:8080?a=(b)'c"),
        ("carousel", f"{FOOTER_ACTION}.uri", "line://ti/p/%40abc"),
        ("carousel", f"{FOOTER_ACTION}.uri", "tel:+81-90-1234-5678"),
        ("flex", "contents.header.contents[4].aspectRatio", "1:3"),
        ("flex", "contents.header.contents[4].aspectRatio", "1.51:1"),
        ("flex", "contents.header.contents[4].size", "5xl"),
        ("flex", f"{BODY}[0].size", "13.5px"),
        ("flex", "contents.action.label", MISSING),
    ],
)
def test_what_is_just_within_a_limit_is_accepted(name: str, path: str, value: Any) -> None:
    assert find_faults(put(GOOD[name], path, value)) == []


@pytest.mark.parametrize(
    ("name", "path", "values"),
    [
        ("text", "type", [MISSING, "letter", None, ["text"], {}]),
        ("text", "text", [MISSING, "", "a" * 5001, "🌸" * 2501, None, 3]),
        ("text", "quickReply.items", [MISSING, [], QUICK_REPLIES[:1] * 14, {}]),
        ("text", "quickReply.items[0].type", [MISSING, "button"]),
        ("text", "quickReply.items[0].imageUrl", ["http://a.example/"]),
        ("text", "quickReply.items[0].action", [MISSING, None]),
        ("text", "quickReply.items[0].action.label", [MISSING, "", "a" * 21, FAMILY * 21]),
        ("text", "quickReply.items[0].action.text", [MISSING, "", "茶" * 301]),
        ("text", "quickReply.items[2].action.clipboardText", [MISSING, "", "a" * 1001]),
        ("text", "quickReply.items[3].action.mode", [MISSING, "week"]),
        ("text", "quickReply.items[3].action.min", ["2026-1-1"]),
        ("text", "sender.name", ["a" * 21, "LINE shop"]),
        ("text", "sender.iconUrl", ["a.png"]),
        ("emoji", "emojis[1].index", [3, -1, "4", True]),
        ("emoji", "emojis[1].emojiId", [MISSING, ""]),
        ("emoji", "emojis", [GOOD["emoji"]["emojis"][:1] * 21]),
        ("textV2", "text", ["", "{", "}", "{who", "{whom}", "{who}}", "a" * 5001]),
        ("textV2", "substitution.smile", [None, {"type": "flag"}]),
        ("textV2", "substitution.smile.emojiId", [MISSING]),
        ("textV2", "substitution.who.mentionee.userId", [MISSING, "U1"]),
        ("textV2", "substitution.a-b", [GOOD["textV2"]["substitution"]["smile"]]),
        ("sticker", "stickerId", [MISSING, "", 1988]),
        (
            "image",
            "originalContentUrl",
            [MISSING, "", "a.jpg", "http://a.example/a.jpg", f"https://a.example/{'a' * 1983}"],
        ),
        (
            "image",
            "previewImageUrl",
            ["https://a.example/a b.jpg", "https://a.example/茶.jpg", "https://a.example/%zz"],
        ),
        ("video", "trackingId", ["a" * 101, "茶", ""]),
        ("audio", "duration", [MISSING, 0, 1.5, "1", 2**40]),
        ("location", "title", [MISSING, "", "a" * 101]),
        ("location", "latitude", [MISSING, "35", True]),
        ("coupon", "deliveryTag", ["a" * 31]),
        ("imagemap", "baseUrl", [MISSING, "http://a.example/rich"]),
        ("imagemap", "altText", [MISSING, "", "a" * 1501]),
        ("imagemap", "baseSize.width", [MISSING, 1000]),
        ("imagemap", "baseSize.height", [MISSING, 0]),
        ("imagemap", "actions", [MISSING, [GOOD["imagemap"]["actions"][0]] * 51]),
        ("imagemap", "actions[0].area", [MISSING, {**AREA, "x": 1}, {**AREA, "y": 521}]),
        ("imagemap", "actions[0].area.width", [MISSING, 0]),
        ("imagemap", "actions[0].linkUri", [MISSING, "", "a.example", f"https://a.example/{'a' * 983}"]),
        ("imagemap", "actions[1].text", [MISSING, "", "a" * 401]),
        ("imagemap", "video.area", [MISSING, {**AREA, "height": 521}]),
        ("imagemap", "video.externalLink.label", [MISSING, "", "a" * 31]),
        ("buttons", "template.text", [MISSING, "", "茶" * 61]),
        ("buttons", "template.title", ["茶" * 41]),
        ("buttons", "template.actions", [MISSING, [], [URI] * 5]),
        ("buttons", "template.imageAspectRatio", ["20:13"]),
        ("buttons", "template.imageBackgroundColor", ["white"]),
        ("confirm", "template.text", ["a" * 241]),
        ("confirm", "template.actions", [[URI], [URI] * 3]),
        ("confirm", "template.actions[0].label", [MISSING, "", "a" * 21]),
        ("columns", "template.columns", [MISSING, [], [COLUMN] * 11, [COLUMN, {**COLUMN, "actions": [URI]}]]),
        ("columns", "template.columns[0].text", ["a" * 61]),
        ("columns", "template.columns[0].actions", [[URI] * 4]),
        ("images", "template.columns[0].action.label", ["茶" * 13]),
        ("images", "template.columns[0].imageUrl", [MISSING]),
        ("flex", "altText", [MISSING, "", "a" * 1501, "🌸" * 751]),
        ("flex", "contents", [MISSING, {"type": "bubble"}, bubble(unknown="a" * 30_000)]),
        ("flex", "contents.type", [MISSING, "box"]),
        ("flex", "contents.size", ["tera"]),
        ("flex", "contents.direction", ["up"]),
        ("flex", "contents.body.type", ["text"]),
        ("flex", "contents.body.layout", [MISSING, "diagonal", None]),
        ("flex", "contents.body.paddingAll", ["5em", "5", 5]),
        ("flex", "contents.body.spacing", ["5%", "full"]),
        ("flex", "contents.body.background.angle", [MISSING, "360deg", "90"]),
        ("flex", "contents.body.background.endColor", [MISSING, "#fff"]),
        ("flex", BODY, [MISSING, None, {}]),
        ("flex", f"{BODY}[0].type", ["spacer", "span", "icon", "video", "carousel", MISSING]),
        ("flex", f"{BODY}[0].text", [MISSING, "", None]),
        ("flex", f"{BODY}[0].size", ["full", "5%", "13"]),
        ("flex", f"{BODY}[0].color", ["red", "#12345", "#1234567", "#12345g"]),
        ("flex", f"{BODY}[0].margin", ["10", "10%", "３px"]),
        ("flex", f"{BODY}[0].flex", [-1, "1", 1.5]),
        ("flex", f"{BODY}[0].wrap", ["true"]),
        ("flex", f"{BODY}[0].lineSpacing", ["md"]),
        ("flex", f"{BODY}[0].action", [{"type": "camera", "label": "a"}, {"type": "richmenuswitch", "label": "a"}, {}]),
        ("flex", "contents.header.contents[0].contents[0].type", ["button", "image", "separator", "box"]),
        ("flex", "contents.header.contents[1].contents[0].text", [MISSING, ""]),
        ("flex", "contents.header.contents[4].size", ["huge", "5em"]),
        ("flex", "contents.hero.type", ["button", "text"]),
        ("flex", "contents.hero.url", [MISSING, "", "http://a.example/a.jpg", f"https://a.example/{'a' * 1983}"]),
        ("flex", "contents.hero.aspectRatio", ["1:3.1", "0:1", "100001:1", "20x13", "20:13:1", "a:b", 1]),
        ("flex", "contents.footer.contents[0].action", [MISSING]),
        ("flex", "contents.footer.contents[0].style", ["danger"]),
        ("flex", "contents.footer.contents[0].height", ["lg"]),
        ("film", "contents.size", ["nano", "micro", "deca", "hecto"]),
        ("film", "contents.hero.altContent", [MISSING]),
        ("film", "contents.styles.hero.backgroundColor", ["white"]),
        ("carousel", "contents.contents", [MISSING, [], [bubble()] * 13, [bubble(), bubble(size="mega")]]),
        ("carousel", "contents", [carousel(*[bubble(unknown="a" * 5000)] * 10)["contents"]]),
        ("carousel", "contents.contents[1]", [bubble(unknown="a" * 30_000)]),
        ("carousel", "contents.contents[1].hero.type", ["video"]),
        ("carousel", f"{FOOTER_ACTION}.label", [MISSING, "", "a" * 41, FAMILY * 41]),
        ("carousel", f"{FOOTER_ACTION}.type", [MISSING, "link"]),
        (
            "carousel",
            f"{FOOTER_ACTION}.uri",
            [
                MISSING,
                "",
                f"https://a.example/{'a' * 983}",
                "shop.example",
                "/p/1",
                "https://",
                "https:///p",
                "javascript:alert(1)",
                "mailto:a@a.example",
                "https://a.example/a b",
                "https://a.example/a\n",
                "https://例え.jp/",
                "https://a.example/茶",
                'https://a.example/"',
                "https://a.example/{id}",
                "https://a.example/a\\b",
                "https://a.example/<a>",
                "https://a.example/a|b",
                "https://a.example/100%",
                "https://a.example/#a#b",
                "https://a.example:port/",
                "tel:０９０",
            ],
        ),
    ],
)
def test_what_line_refuses_is_refused_by_its_name(name: str, path: str, values: list[Any]) -> None:
    for value in values:
        faults = find_faults(put(GOOD[name], path, value))
        assert {path, f"{path}.type"} & set(faults), (value, faults)
        assert all(fault.startswith(path) for fault in faults), (value, faults)


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"messages": []}, ["messages"]),
        ({"messages": [text("a")] * 6}, ["messages"]),
        ({"messages": {}}, ["messages"]),
        (
            {"messages": [text("a"), text(""), {"type": "flex"}]},
            ["messages[1].text", "messages[2].altText", "messages[2].contents"],
        ),
        ({"to": ""}, ["to"]),
        ({"to": None}, ["to"]),
        ({"to": line_user_id(1)[:-1]}, []),
        ({"notificationDisabled": "yes"}, ["notificationDisabled"]),
        ({"customAggregationUnits": ["a", "b"]}, ["customAggregationUnits"]),
        ({"customAggregationUnits": ["flow-1"]}, ["customAggregationUnits[0]"]),
        ({"customAggregationUnits": ["a" * 31]}, ["customAggregationUnits[0]"]),
    ],
)
def test_the_rest_of_a_push_is_checked_too(change: dict[str, Any], places: list[str]) -> None:
    good = {**push(text("a")), "notificationDisabled": True, "customAggregationUnits": ["flow_1"], "unknown": None}
    assert check_push(json.dumps(good).encode())[1] is None
    _, refusal = check_push(json.dumps({**good, **change}).encode())
    assert refusal is not None
    assert [fault.property for fault in refusal.details] == places


def test_a_text_of_flex_needs_words_or_spans() -> None:
    assert find_faults(put(GOOD["flex"], f"{BODY}[0]", {"type": "text", "contents": []})) == [f"{BODY}[0].text"]


def test_a_fault_is_named_as_line_names_it() -> None:
    bad = put(GOOD["carousel"], f"{FOOTER_ACTION}.uri", "https://a.example/茶")
    _, refusal = check_push(json.dumps({"to": line_user_id(1), "messages": [text("a"), bad]}).encode())
    assert refusal is not None
    assert refusal.message == "The request body has 1 error(s)"
    assert [fault.property for fault in refusal.details] == [f"messages[1].{FOOTER_ACTION}.uri"]


@pytest.mark.parametrize(
    ("url", "is_accepted"),
    [
        ("http://127.0.0.1:8000/a.jpg", True),
        ("http://127.0.0.1:8000", True),
        ("https://elsewhere.example/a.jpg", True),
        ("http://127.0.0.1:80000/a.jpg", False),
        ("http://127.0.0.1/a.jpg", False),
        ("http://elsewhere.example/a.jpg", False),
        ("http://127.0.0.1:8000/茶.jpg", False),
    ],
)
def test_pictures_may_be_http_at_one_origin_only(url: str, is_accepted: bool) -> None:
    content = json.dumps({"messages": [put(GOOD["flex"], "contents.hero.url", url)]}).encode()
    assert (check_messages(content, http_origin="http://127.0.0.1:8000") is None) == is_accepted


def test_the_emulator_is_told_the_origin(tmp_path: Path) -> None:
    body = json.dumps({"messages": [put(GOOD["flex"], "contents.hero.url", "http://127.0.0.1:8000/a.jpg")]}).encode()
    request = Request("POST", "/v2/bot/message/validate/push", {}, {"authorization": "Bearer token"}, body)
    with LineRecord(tmp_path / "line.sqlite3") as record:
        record.register_channel("1650000001")
        record.add_token("token", "1650000001", expires_ms=clock.unix_ms() + 60_000)
        told, untold = LineEmulator(record, http_origin="http://127.0.0.1:8000"), LineEmulator(record)
        assert [asyncio.run(emulator.answer(request)).status for emulator in (told, untold)] == [200, 400]


@pytest.mark.parametrize("part", ['{"type":"box","layout":"vertical","contents":[', '{"a":', "["])
@pytest.mark.parametrize("depth", [10, 60, 240, 900, 100_000])
def test_deep_nesting_is_an_answer_and_no_error(part: str, depth: int) -> None:
    ends = {"{": "}", "[": "]"}
    close = "".join(ends[character] for character in reversed(re.sub(r'[^{}\[\]]|"[^"]*"', "", part)))
    body = part * depth + '{"type":"filler"}' + close * depth
    flex = f'{{"type":"flex","altText":"a","contents":{{"type":"bubble","body":{body},"other":{body}}}}}'
    refusal = check_messages(f'{{"messages":[{flex}]}}'.encode())
    assert (refusal is None) == (depth == 10 and "box" in part)


ODD: list[Any] = [
    *[MISSING, None, True, 0, -1, 1.5, 2**31, "", " ", "a", "茶", "a" * 301, "a" * 5001, "http://a b/", "https://[::1"],
    *[[], {}, [None], [{}], {"type": None}, {"type": ["a"]}, {"type": "uri"}, {"type": "box", "contents": None}],
]


def test_what_the_published_schema_refuses_is_refused() -> None:
    schema = json.loads(specs("line/push-request.tagdispatch.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    refused = 0
    for name, message in GOOD.items():
        assert list(validator.iter_errors(push(message))) == [], name
        for path in list_paths(message):
            for changed in list_changes(message, path):
                if not validator.is_valid(push(changed)):
                    refused += 1
                    assert find_faults(changed) != [], (name, path, changed)
    assert refused > 5000


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40)
WORDS = st.sampled_from(
    ["type", "contents", "action", "text", "label", "columns", "area", "size", "index", "uri", "box"]
)
JSON = st.recursive(LEAVES | WORDS, lambda inner: st.lists(inner) | st.dictionaries(WORDS | st.text(), inner))


@hypothesis.settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0), JSON), min_size=1, max_size=4))
def test_no_json_is_an_error(name: str, changes: list[tuple[int, Any]]) -> None:
    message = GOOD[name]
    for number, value in changes:
        paths = list(list_paths(message))
        message = put(message, paths[number % len(paths)], value) if paths else message
    _, refusal = check_push(json.dumps(push(message)).encode())
    assert refusal is None or refusal.message


def find_faults(message: dict[str, Any]) -> list[str]:
    """The properties that are refused, without the message's own number."""
    refusal = check_messages(json.dumps({"messages": [message]}).encode())
    return [fault.property.removeprefix("messages[0].") for fault in refusal.details] if refusal else []


def push(message: dict[str, Any]) -> dict[str, Any]:
    return {"to": line_user_id(1), "messages": [message]}


def put(message: Any, path: str | Steps, value: Any) -> Any:
    """A copy with another value at a place; MISSING takes the property away."""
    first, *rest = steps_of(path) if isinstance(path, str) else path
    changed = message.copy()
    if rest:
        changed[first] = put(message[first], tuple(rest), value)
    elif value is MISSING:
        del changed[first]
    else:
        changed[first] = value
    return changed


def steps_of(path: str) -> Steps:
    """A place as LINE writes it, step by step."""
    return tuple(int(step[1:-1]) if step[0] == "[" else step for step in re.findall(r"\[\d+\]|[^.\[]+", path))


def list_paths(thing: Any, above: Steps = ()) -> Iterator[Steps]:
    """Every place in a message."""
    parts = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else []
    for step, content in parts:
        yield (*above, step)
        yield from list_paths(content, (*above, step))


def list_changes(message: dict[str, Any], path: Steps) -> Iterator[dict[str, Any]]:
    """The message with something odd at a place, or with too much of what is there."""
    for value in ODD:
        yield put(message, path, value)
    present: Any = message
    for step in path:
        present = present[step]
    if isinstance(present, list):
        yield from (put(message, path, present * count) for count in (6, 11, 14, 51) if present)
    elif isinstance(present, str):
        yield from (put(message, path, present + "a" * count) for count in (31, 301, 1001, 2001, 5001))
