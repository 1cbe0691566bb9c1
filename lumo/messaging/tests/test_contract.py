"""The Flow body: forgiving in form, strict in meaning."""

import time
from contextlib import suppress
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.messaging import contract
from lumo.messaging.builder import NotSendableError
from lumo.messaging.contract import BodyInvalidError, FlowBody
from lumo.messaging.push_request import build_push

USER = "U" + "0af" * 10 + "12"
ACCOUNTS = {"oa_1": 1}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"text": "plain"}', "plain"),
        (b'\xef\xbb\xbf{"text": "after a BOM"}', "after a BOM"),
        (b' \r\n{"text": "spaced"}\n\n', "spaced"),
        (b'{"text": "two\nlines\tand\x07a bell"}', "two\nlines\tand\x07a bell"),
        (b'{"text": "a \\" quote\nand \\\\ more"}', 'a " quote\nand \\ more'),
        (b'{"text": 12}', "12"),
        (b'{"text": 12.0}', "12"),
        (b'{"text": 12.5}', "12.5"),
        (b'{"text": true}', "true"),
        (b'{"text": null}', ""),
        (b'{"text": "first", "text": "last"}', "last"),
        (b'{"text": "\\ud83d\\ude00"}', "\U0001f600"),
        ('{"text": "日本語"}'.encode(), "日本語"),
        (b'{"text": "known", "unknown": [{"any": ["thing"]}]}', "known"),
        (b'{"text": "Tom &amp; Jerry&#39;s", "esc": "A&amp;B"}', "Tom & Jerry's"),
        (b'{"text": "Tom &amp; Jerry", "esc": "A&B"}', "Tom &amp; Jerry"),
        (b'{"text": "100%25", "enc": "urlencode"}', "100%25"),
        (b'{"text": "kept", "variables": null, "products": null}', "kept"),
    ],
)
def test_what_a_template_makes_of_a_text_is_taken(body: bytes, text: str) -> None:
    assert contract.read(body).direct_text() == text


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not valid JSON: Input data was truncated at line 1, column 1."),
        (b'{"to": "a",\n "b" "c"}', "The body is not valid JSON: expected ':' at line 2, column 6."),
        ('{"text": "日本"; }'.encode(), "The body is not valid JSON: expected ',' or '}' at line 1, column 14."),
        (b"[]", "Expected object, got array."),
        (b'"text"', "Expected object, got str."),
        (b'{"to": ["a"]}', "Expected bool | int | float | str | null, got array - at $.to."),
        (b'{"variables": {"a": {}}}', "Expected bool | int | float | str | null, got object - at $.variables[...]."),
        (b'{"products": {}}', "Expected array | null, got object - at $.products."),
        (b'{"text":\n "\xff"}', "The body is not UTF-8 text at line 2, column 3."),
        (b'{"unknown": "\xff"}', "The body is not UTF-8 text at line 1, column 14."),
        (b'{"text": "a\\u0000"}', "The body contains the character U+0000, which no message can show."),
        (b'{"unknown": [{"\\u0000": 1}]}', "The body contains the character U+0000, which no message can show."),
        (b'{"a":' * 5000, "The body is nested too deeply."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body: bytes, sentence: str) -> None:
    with pytest.raises(BodyInvalidError) as caught:
        contract.read(body)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "body", [b'{"a": "\x00"}', b'{"text": "\\ud800"}', b'{"products": [{"a": "\\udc00 "}]}', b'{"a": NaN}']
)
def test_nul_and_lone_surrogates_are_invalid(body: bytes) -> None:
    with pytest.raises(BodyInvalidError):
        contract.read(body)


def test_a_backslash_that_names_no_nul_is_not_one() -> None:
    assert contract.read(b'{"text": "C:\\\\u0000"}').direct_text() == "C:\\u0000"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, None),
        ({"to": f" {USER}\n"}, None),
        ({"to": None, "text": None}, "recipient_missing"),
        ({"to": "  "}, "recipient_missing"),
        ({"to": "None"}, "recipient_missing"),
        ({"to": "{{ person|lookup:'LINE User ID' }}"}, "recipient_not_merged"),
        ({"to": "{% if x %}"}, "recipient_not_merged"),
        ({"to": USER.upper()}, "recipient_invalid"),
        ({"to": USER[:-1]}, "recipient_invalid"),
        ({"to": USER + "\u0660"}, "recipient_invalid"),
        ({"to": 10**400, "account": "oa_2"}, "recipient_invalid"),
        ({"account": "oa_2", "text": None}, "account_unknown"),
        ({"account": " oa_1 "}, None),
        ({"text": None}, "body_incomplete"),
        ({"text": " \n"}, "body_incomplete"),
        ({"message": "asm_1"}, "body_incomplete"),
        ({"text": None, "message": "asm_1"}, "message_unknown"),
        ({"text": "a" * 5000}, None),
        ({"text": "a" * 5001}, "text_too_long"),
        ({"text": "😀" * 2500}, None),
        ({"text": "😀" * 2501}, "text_too_long"),
        ({"text": "&amp;" * 5000, "esc": "A&amp;B"}, None),
    ],
)
def test_the_first_fault_in_the_contract_s_order(fields: dict[str, Any], fault: str | None) -> None:
    body = FlowBody(**{"to": USER, "text": "Hello.", **fields})
    assert contract.find_fault(body, accounts=ACCOUNTS) == fault


@pytest.mark.parametrize(
    ("account", "accounts", "found"),
    [
        (None, {"oa_1": 1}, 1),
        ("", {"oa_1": 1}, 1),
        (None, {"oa_1": 1, "oa_2": 2}, None),
        ("oa_2", {"oa_1": 1, "oa_2": 2}, 2),
        ("oa_3", {"oa_1": 1}, None),
        (None, {}, None),
    ],
)
def test_the_account_may_be_left_out_when_there_is_one(
    account: str | None, accounts: dict[str, int], found: int | None
) -> None:
    assert contract.resolve_account(FlowBody(account=account), accounts=accounts) == found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"variables": {"a": "%E8%8A%B1+%26"}, "enc": "urlencode"}', {"a": "花+&"}),
        (b'{"variables": {"a": "%E8"}}', {"a": "%E8"}),
        (b'{"variables": {"a": "a%00b"}, "enc": "urlencode"}', {"a": "ab"}),
        (b'{"variables": {"a": "Tom &amp; J"}, "esc": "A&amp;B"}', {"a": "Tom & J"}),
        (b'{"variables": {"a": 3.0, "b": null, "c": 1.5}}', {"a": "3", "b": "", "c": "1.5"}),
        (b'{"variables": {"a": "%FF%"}, "enc": "urlencode"}', {"a": "\ufffd%"}),
        (b'{"variables": {"a": "&#' + b"9" * 5000 + b';"}, "esc": "A&amp;B"}', {"a": "&#" + "9" * 5000 + ";"}),
    ],
)
def test_variables_are_decoded_as_the_body_says(body: bytes, expected: dict[str, str]) -> None:
    assert contract.read(body).values() == expected


@pytest.mark.parametrize("empty", ["", " ", "None", " None ", "{{ event.OrderId }}", "{% if x %}", None])
@pytest.mark.parametrize("field", ["dedupe", "event", "placement", "profile"])
def test_what_a_tag_left_without_a_value_does_not_make_two_requests_one(field: str, empty: str | None) -> None:
    def key(raw: bytes, **fields: Any) -> bytes:
        body = FlowBody(**{"to": USER, "text": "x", "event": "", field: empty} | fields)
        return contract.dedupe_key(body, raw, connection_id=1, flow_id="", account_id=1)

    assert key(b"one") != key(b"two")
    assert key(b"one") == key(b"one", **{field: ""})


@pytest.mark.parametrize("body", [b'{"text":"a ' + b'\\"' * 130_000, b'{"text":"' + b"\x01" * 200_000, b'"' * 260_000])
def test_a_body_cut_off_is_read_as_fast_as_a_whole_one(body: bytes) -> None:
    started_at = time.process_time()
    with suppress(BodyInvalidError):
        contract.read(body)
    assert time.process_time() - started_at < 1


def test_placeholders_can_not_ask_for_more_text_than_line_takes() -> None:
    body = FlowBody(to=USER, text="{a}" * 1600, variables={"a": "x" * 200_000})
    started_at = time.process_time()
    with pytest.raises(NotSendableError, match="text_too_long"):
        build_push(body, to=USER)
    assert time.process_time() - started_at < 1
    assert build_push(FlowBody(to=USER, text="{a}", variables={"a": "x" * 5000}), to=USER)
    with pytest.raises(NotSendableError, match="text_too_long"):
        build_push(FlowBody(to=USER, text="{a}!", variables={"a": "x" * 5000}), to=USER)


def test_dedupe_keys_do_not_run_into_one_another() -> None:
    def key(body: FlowBody, flow_id: str = "F", account_id: int = 1) -> bytes:
        return contract.dedupe_key(body, b"raw", connection_id=1, flow_id=flow_id, account_id=account_id)

    body = FlowBody(to=USER, text="x", profile="p", event="e")
    keys = [
        key(body),
        key(body, flow_id="F2"),
        key(body, account_id=2),
        key(FlowBody(to=USER, text="x", profile="pe", event="e")),
        key(FlowBody(to=USER, text="x", profile="p", event="ee")),
        key(FlowBody(to=USER, message="x", profile="p", event="e")),
        key(FlowBody(to=USER, placement="x", profile="p", event="e")),
        key(FlowBody(to=USER, text="x", profile="p", event="e", dedupe="x")),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(one) for one in keys} == {16}


@hypothesis.settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=100)
    | st.recursive(
        st.sampled_from(
            [
                b'"\\ud800"',
                b'"\\udc00\\ud800"',
                b'"\\u0000"',
                b'"\x01"',
                b"9" * 4301,
                b"1e999",
                b"-0.0",
                b'"x"',
                b"null",
            ]
        ),
        lambda inner: st.lists(st.tuples(st.sampled_from([b"to", b"text", b"event", b"variables", b"z"]), inner)).map(
            lambda pairs: b"{" + b",".join(b'"%b":%b' % pair for pair in pairs) + b"}"
        ),
    )
)
def test_whatever_is_read_can_be_stored_and_rendered(raw: bytes) -> None:
    with suppress(BodyInvalidError):
        body = contract.read(raw)
        contract.find_fault(body, accounts=ACCOUNTS)
        contract.dedupe_key(body, raw, connection_id=1, flow_id="", account_id=1)
        stored = [body.recipient(), contract.as_text(body.event), body.direct_text(), *body.values().values()]
        assert "\0" not in "".join(stored)
        "".join(stored).encode()
        with suppress(NotSendableError):
            build_push(body, to=USER)
