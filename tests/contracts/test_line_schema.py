"""Nothing that Lumo builds would be refused by LINE: by its published schema, and by what that can't say."""

import json
from contextlib import suppress
from typing import Any

import hypothesis
import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo.messaging import contract
from lumo.messaging.builder import NotSendableError
from lumo.messaging.checking import DocumentInvalidError, check
from lumo.messaging.documents import Document, decode
from lumo.messaging.push_request import build_message_push, build_push
from lumo.sandbox.messages import check_push
from tests.contracts import hostile
from tests.factories import line_user_id
from tests.shared import specs

_SETTINGS = hypothesis.settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def schema() -> Any:
    """A validator of the push request, made of what LINE publishes."""
    return jsonschema_rs.validator_for(
        json.loads(specs("line/push-request.tagdispatch.schema.json").read_text()), validate_formats=True
    )


def find_faults(schema: Any, push: bytes) -> list[str]:
    """What the schema refuses, and what the emulator does, which also counts as LINE counts."""
    found = [f"{error.instance_path} {error.message}"[:300] for error in schema.iter_errors(json.loads(push))]
    _, refusal = check_push(push)
    return found + ([msgspec.json.encode(refusal).decode()] if refusal else [])


@_SETTINGS
@given(
    hostile.documents(),
    st.lists(hostile.slots, max_size=14),
    st.fixed_dictionaries({"first_name": hostile.texts, "cart_url": hostile.addresses, "order_url": hostile.addresses}),
    hostile.texts,
    st.sampled_from(("JPY", "", "usd", "{{ x }}")),
)
def test_whatever_can_be_saved_becomes_what_line_accepts(
    schema: Any,
    document: Document,
    slots: list[dict[str, Any]],
    variables: dict[str, str],
    display_name: str,
    currency: str,
) -> None:
    try:
        check(document)
    except DocumentInvalidError:
        hypothesis.reject()
    stored = decode(msgspec.json.encode(document))
    assert stored == document
    body = contract.read(json.dumps({"variables": {**variables, "currency": currency}, "products": slots}).encode())
    with suppress(NotSendableError):
        push = build_message_push(stored, body, to=line_user_id(1), display_name=display_name)
        assert find_faults(schema, push) == []


@_SETTINGS
@given(hostile.texts, hostile.texts)
def test_a_direct_text_too(schema: Any, text: str, first_name: str) -> None:
    body = contract.read(json.dumps({"text": text + "{first_name}", "variables": {"first_name": first_name}}).encode())
    with suppress(NotSendableError):
        assert find_faults(schema, build_push(body, to=line_user_id(1))) == []


def test_the_schema_can_refuse(schema: Any) -> None:
    assert find_faults(schema, json.dumps({"to": line_user_id(1), "messages": [{"type": "text"}]}).encode())
