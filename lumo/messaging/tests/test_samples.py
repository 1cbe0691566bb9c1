"""Sample customers and events: plain JSON, one for each trigger, and hard in the ways that they say."""

import json
from typing import Any

import msgspec
import pytest

from lumo.messaging.samples import SampleEvent, sample_events, sample_profiles
from lumo.messaging.triggers import TRIGGERS

PICTURES = "http://127.0.0.1:8000/static/messaging/samples/"
EVENTS = {event.key: event for event in sample_events(pictures=PICTURES)}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_sample_is_plain_json(event: SampleEvent) -> None:
    assert json.loads(msgspec.json.encode(event.properties)) == event.properties
    assert event.properties["$event_id"]
    assert event.metric in {trigger.metric for trigger in TRIGGERS.values()}


def test_keys_are_unique_and_every_trigger_has_a_sample() -> None:
    assert len(EVENTS) == len(sample_events(pictures=PICTURES))
    assert {event.metric for event in EVENTS.values()} == {trigger.metric for trigger in TRIGGERS.values()}
    assert len({event.properties["$event_id"] for event in EVENTS.values()}) == len(EVENTS)


@pytest.mark.parametrize(
    ("key", "count"),
    [("abandoned_cart", 3), ("one_product", 1), ("twelve_products", 12), ("forty_lines", 40), ("no_products", 0)],
)
def test_a_checkout_has_as_many_lines_as_it_says(key: str, count: int) -> None:
    lines = _lines(key)
    assert len({line["product_id"] for line in lines}) == len(lines) == count


def test_long_names_and_addresses_have_the_length_they_say() -> None:
    assert {len(line["title"]) for line in _lines("long_names")} == {255}
    [line] = _lines("long_addresses")
    extra = EVENTS["long_addresses"].properties["$extra"]
    assert len(extra["checkout_url"]) == len(line["product"]["images"][0]["src"]) == 1500


def test_hard_lines_are_hard_in_every_place_that_a_path_reads() -> None:
    assert all(line["title"] == line["product"]["title"] for line in _lines("nasty_names"))
    assert _lines("gift_first")[0]["price"] == "0.00"
    for line in _lines("missing_images"):
        assert line["product"]["images"] == line["product"]["variant"]["images"] == []
    for line in _lines("http_images"):
        assert line["product"]["variant"]["images"][0]["src"].startswith("http://")
    assert len({(line["product_id"], line["variant_title"]) for line in _lines("duplicates")}) == 3
    assert len({line["product_id"] for line in _lines("duplicates")}) == 1
    [line] = _lines("line_price_only")
    assert (line["quantity"], line["line_price"], "price" in line) == (3.0, "11880.00", False)


def test_pictures_stand_below_the_address_that_was_given() -> None:
    [line] = _lines("one_product")
    assert line["product"]["images"] == [{"src": "http://127.0.0.1:8000/static/messaging/samples/mug.jpg"}]


def test_customers_differ_in_how_they_are_linked() -> None:
    people = {profile.key: profile.person for profile in sample_profiles()}
    assert [key for key, person in people.items() if "LINE User ID" in person] == ["hanako", "quotes", "right_to_left"]
    assert "LINE User ID 2" in people["second_account"]
    assert len({person["KlaviyoID"] for person in people.values()}) == len(people)
    assert all(len(person["KlaviyoID"]) == 26 for person in people.values())


def _lines(key: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = EVENTS[key].properties["$extra"]["line_items"]
    return lines
