"""Bodies that nobody should send: no traceback, no 5xx, no harm to the others of their flush."""

import asyncio
import json
from typing import Any

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from lumo.lib.settings import Settings
from tests.factories import line_user_id
from tests.posting import Answered, flow_body, hooks, post
from tests.waiting import fetch

ACCEPTED = {200, 202}
REFUSED = {400, 401, 404, 405, 413, 415, 422}
FIELDS = ("to", "account", "text", "message", "placement", "profile", "event", "enc", "esc", "dedupe", "variables")

characters = st.characters(exclude_categories=()) | st.sampled_from("\0\ud800\udfff\u2028\ufeff\x1b\"'{}%&;\\")
texts = st.text(characters, max_size=30)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(10**400) | st.just(line_user_id(1))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
near_misses = st.dictionaries(st.sampled_from(FIELDS) | texts, values, max_size=8).map(
    lambda fields: {"to": line_user_id(2), "text": "Hello.", **fields}
)
rendered = (near_misses | values).map(lambda value: json.dumps(value).encode()) | near_misses.map(
    lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
deep = st.integers(1, 20_000).map(lambda depth: b'{"to":' + b"[" * depth) | st.integers(1, 20_000).map(
    lambda depth: b'{"junk":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
)
twice = st.lists(st.sampled_from([b'"to":"a"', b'"to":1', b'"text":[]', b'"text":"x"']), min_size=2, max_size=5).map(
    lambda pairs: b"{" + b",".join(pairs) + b"}"
)
cut = st.tuples(rendered, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
bodies = st.binary(max_size=200) | rendered | deep | twice | cut
raw_headers = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "x-klaviyo-flow-id", "content-length", "x-other"]),
    st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=40),
    max_size=3,
)


def test_hostile_bodies_get_an_answer_and_good_ones_of_their_flush_are_stored(settings: Settings, path: str) -> None:
    numbers = iter(range(1, 10**6))
    good_ids: list[str] = []

    async def post_all(bad: list[bytes]) -> list[Answered]:
        posts = []
        for body in bad:
            posts += [post(app, path, flow_body(next(numbers))), post(app, path, body)]
        return await asyncio.gather(*posts)

    @hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(bodies, min_size=1, max_size=12))
    def post_them(bad: list[bytes]) -> None:
        answered = runner.run(post_all(bad))
        assert {one.status for one in answered[::2]} == {202}
        assert {one.status for one in answered[1::2]} <= ACCEPTED | REFUSED
        good_ids.extend(one.content["id"] for one in answered[::2])

    with asyncio.Runner() as runner:
        opened = hooks(settings)
        app = runner.run(opened.__aenter__())
        post_them()
        runner.run(opened.__aexit__(None, None, None))
    queued = {str(record[0]) for record in fetch(settings, "SELECT delivery_id FROM queue")}
    assert queued >= set(good_ids)


def test_hostile_addresses_and_headers_get_an_answer(settings: Settings, path: str) -> None:
    paths = st.just(path) | texts.map(lambda text: f"/hooks/klaviyo/kc_{text}") | texts.map(lambda text: path + text)

    @hypothesis.settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(paths, st.sampled_from(["POST", "GET", "\u00ff"]), st.none() | st.text(max_size=20), raw_headers)
    def post_one(at: str, method: str, key: str | None, headers: dict[str, str]) -> None:
        fields: dict[str, Any] = {"key": key} if key is not None else {}
        answered = runner.run(post(app, at, flow_body(1), method=method, headers=headers, **fields))
        assert answered.status in ACCEPTED | REFUSED

    with asyncio.Runner() as runner:
        opened = hooks(settings)
        app = runner.run(opened.__aenter__())
        post_one()
        runner.run(opened.__aexit__(None, None, None))
