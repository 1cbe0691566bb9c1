"""Whatever is in a message: it is drawn, and the page holds no more than our own tags, attributes and style."""

from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from django.utils.safestring import SafeString
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from lumo.messaging.preview import notification_text, render_message
from lumo.messaging.preview.tests.page import ORIGIN, Page

_NAMES = """
type text altText contents body header hero footer styles size direction layout flex margin spacing wrap
maxLines weight color style decoration align gravity lineSpacing adjustMode position offsetTop offsetBottom
offsetStart offsetEnd width height maxWidth maxHeight backgroundColor borderColor borderWidth cornerRadius
paddingAll paddingTop paddingStart justifyContent alignItems background angle startColor endColor centerColor
centerPosition url previewUrl aspectRatio aspectMode action label uri data displayText originalContentUrl
previewImageUrl baseUrl baseSize actions area x y linkUri packageId stickerId quickReply items imageUrl
separator separatorColor
"""
_KINDS = """
text image video sticker imagemap flex bubble carousel box icon button separator filler span template
linearGradient uri message postback <script>
"""
_KEYWORDS = """
none xs md xxl full cover sm primary horizontal baseline vertical absolute center end bottom rtl kilo bold
italic underline shrink-to-fit space-between light
"""
NAMES, KINDS = _NAMES.split(), _KINDS.split()
HOSTILE = [
    '"><script>alert(1)</script>',
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://x.example/" onerror="alert(1)',
    "https://x.example/'><img src=x onerror=alert(1)>",
    "https://",
    "https://[",
    "http://x.example/a.jpg",
    f"{ORIGIN}.evil.example/a.jpg",
    f"{ORIGIN}@evil.example/a.jpg",
    f"{ORIGIN}/a.jpg",
    "https://x.example/a.jpg",
    "//x.example/a.jpg",
    "12px;background:url(https://evil.example)",
    "12px\n",
    "#123456\n",
    "#12345678",
    "#123456",
    "expression(alert(1))",
    "var(--x)",
    "-8px",
    "50%",
    "12px",
    "0:0",
    "20:13",
    "45deg",
    "99999999px",
    "\0",
    "\ud800",
    "\u202egnp.exe",
    "مرحبا",
    "🌿👩‍👩‍👧",
    "<!-- ",
    "]]>",
    "&lt;&#x3c;",
    *_KEYWORDS.split(),
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 2000)
    | st.floats()
    | st.sampled_from(HOSTILE)
    | st.text(max_size=20)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda kind, rest: {"type": kind, **rest},
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
        )
    ),
    max_leaves=20,
)
properties = st.dictionaries(st.sampled_from(NAMES), anything, max_size=8)
components = st.builds(lambda rest, kind: {**rest, "type": kind}, properties, st.sampled_from(KINDS))
boxes = st.builds(
    lambda rest, contents, layout: {**rest, "type": "box", "layout": layout, "contents": contents},
    properties,
    st.lists(components, max_size=4),
    st.sampled_from(["vertical", "horizontal", "baseline"]),
)
bubbles = st.builds(
    lambda rest, box, hero: {**rest, "type": "bubble", "body": box, "hero": hero}, properties, boxes, components
)
flexes = st.builds(lambda contents: {"type": "flex", "altText": "x", "contents": contents}, bubbles)
messages = st.builds(lambda rest, kind: {**rest, "type": kind}, properties, st.sampled_from(KINDS)) | flexes


def read(message: Any) -> Page:
    """A message's page."""
    html = render_message(message, image_origins=[ORIGIN])
    html.encode()  # as a response does
    return Page(html)


@hypothesis.settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages | anything)
def test_whatever_a_message_holds_only_our_own_markup_comes_out(message: Any) -> None:
    read(message)


@hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(messages | anything, max_size=3))
def test_a_notification_has_words_for_whatever_comes(pushed: list[Any]) -> None:
    assert bool(notification_text(pushed)) is bool(pushed)


@pytest.mark.parametrize("kind", ["text", "image", "icon", "video", "button", "separator", "box", "span"])
def test_every_hostile_word_in_every_place(kind: str) -> None:
    known = {"type": kind, "text": "a", "url": "https://x.example/a", "action": {"label": "a"}}
    parts = [{**known, place: word} for place in NAMES for word in HOSTILE]
    spans = [{"type": "text", "contents": parts}, {"type": "box", "layout": "horizontal", "contents": parts}]
    body = {"type": "box", "layout": "vertical", "contents": [*parts, *spans]}
    read({"type": "flex", "contents": {"type": "bubble", "hero": parts[0], "body": body}})


@hypothesis.settings(deadline=None)
@given(st.text(min_size=1))
def test_what_a_person_wrote_is_shown_to_the_letter(text: str) -> None:
    assert read({"type": "text", "text": text}).text == text.replace("\0", "\ufffd")


def test_a_text_that_calls_itself_safe_is_escaped_too() -> None:
    assert read({"type": "text", "text": SafeString("<b>")}).text == "<b>"


def test_half_a_character_does_not_break_the_page() -> None:
    assert read({"type": "text", "text": "a\ud83d"}).text == "a\ufffd"


def test_boxes_in_one_another_end_somewhere() -> None:
    box: Mapping[str, Any] = {"type": "text", "text": "the innermost"}
    for _ in range(5000):
        box = {"type": "box", "layout": "vertical", "contents": [box]}
    page = read({"type": "flex", "contents": {"type": "bubble", "body": box}})
    assert page.text == "The preview does not go deeper than this."
    assert page.deepest < 30


def test_a_carousel_shows_as_many_cards_as_line_does() -> None:
    body = {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": "!"}]}
    card = {"type": "bubble", "body": body}
    page = read({"type": "flex", "contents": {"type": "carousel", "contents": [card] * 13}})
    assert page.text == "!" * 12 + "LINE shows no more than 12 cards."


def test_an_action_is_told_and_cannot_be_followed() -> None:
    button = {"type": "button", "action": {"type": "uri", "label": "Buy", "uri": "https://x.example/?a=1&b=2"}}
    body = {"type": "box", "layout": "vertical", "contents": [button]}
    html = render_message({"type": "flex", "contents": {"type": "bubble", "body": body}})
    assert 'title="https://x.example/?a=1&amp;b=2"' in html
    assert "href" not in html
