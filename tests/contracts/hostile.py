"""Hypothesis' strategies for what shops, customers and marketers could possibly write."""

from typing import Any

from hypothesis import strategies as st

from lumo.messaging.documents import (
    Block,
    Button,
    Document,
    Fallback,
    FlexBlock,
    ImageBlock,
    PickedProduct,
    ProductsBlock,
    TextBlock,
)
from lumo.messaging.triggers import TRIGGERS, find_addresses

NASTY = (
    '12" Pan & "Lid" – O\'Neil <New> 日本語 \\ slash\nline2',
    "</script><script>alert(1)</script>",
    "{{ person.email }} {% if x %} {name} {first_name}",
    "\u202eספר\u202c مرحبا",
    "👨‍👩‍👧‍👦" * 20,
    "e" + "\u0301" * 200,
    "100% %20 %zz %E3%81",
    "&amp; &quot; &#x27; &lt;b&gt;",
    "\t\r\n\x07\x1f",
    "None",
    "",
    " ",
    "日" * 5001,
)
_NO_SURROGATES = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.sampled_from(NASTY) | st.text(_NO_SURROGATES, max_size=40)
addresses = st.sampled_from(
    (
        "https://shop.example/products/mug?variant=1&x=y",
        "http://shop.example/日本 語",
        "//cdn.shopify.com/s/files/mug.jpg?v=1",
        "/products/mug",
        "javascript:alert(1)",
        "https://shop.example/" + "a" * 990,
        "https://shop.example/" + "日" * 700,
        "",
    )
) | texts.map("https://shop.example/".__add__)
prices = st.sampled_from(
    ("3200.00", "0.00", "$134", "¥3,200", "€ 1.234,56", "", "None", "x", "-1", "9" * 40)
) | st.floats().map(str)

slots: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"title": texts},
    optional={
        "id": texts | st.integers(),
        "variant_title": texts,
        "image": addresses,
        "url": addresses,
        "handle": texts,
        "price": prices | st.floats(allow_nan=False, allow_infinity=False),
        "cents": prices,
        "line_price": prices,
        "quantity": prices,
        "compare_at": prices,
    },
)


def documents() -> st.SearchStrategy[Document]:
    """Documents as marketers could make them; some of them can't be saved."""
    return st.sampled_from(["", *TRIGGERS]).flatmap(_documents)


def _documents(trigger: str) -> st.SearchStrategy[Document]:
    names = ("first_name", "display_name", *find_addresses(trigger))
    placeholders = st.sampled_from([f"{{{name}}}" for name in names])
    words = st.lists(
        st.sampled_from(("Hello", "日本語👨‍👩‍👧", " ", "\n", '"<&>')) | placeholders, min_size=1, max_size=8
    ).map("".join)
    card_words = st.lists(st.sampled_from(("New: ", "{name}", "{variant}", "{price}")) | placeholders, min_size=1).map(
        "".join
    )
    opens = st.sampled_from(
        ["product", "https://shop.example/sale", *(f"{{{name}}}" for name in find_addresses(trigger))]
    )
    labels = st.sampled_from(("Back to cart", "カートに戻る", "👨‍👩‍👧" * 40, "日" * 40, "x" * 41))
    buttons = st.builds(Button, text=labels, opens=opens, otherwise=st.sampled_from(("", "https://shop.example/")))
    picked = st.builds(
        PickedProduct,
        name=texts,
        url=st.sampled_from(("", "https://shop.example/mug", "/mug")),
        image=st.sampled_from(("", "https://i.example/mug.jpg")),
        price=st.sampled_from(("", "3960", 3960, "12.50")),
    )
    some_picked = st.lists(picked, min_size=1, max_size=12).map(tuple)
    fallback = st.none() | st.builds(Fallback, products=some_picked, button=st.none() | buttons)
    settings: dict[str, Any] = {
        "title": card_words,
        "body": card_words | st.just(""),
        "button": st.none() | buttons,
        "max": st.integers(1, 12),
        "show_price": st.booleans(),
        "image_shape": st.sampled_from(("4:3", "1:1", "3:4")),
        "skip_free": st.booleans(),
        "fallback": fallback,
        "when_empty": st.sampled_from(("text", "skip")),
    }
    cards = [st.builds(ProductsBlock, products=some_picked, **settings)]
    if trigger:
        cards.append(st.builds(ProductsBlock, trigger=st.just(trigger), **settings))
    blocks: st.SearchStrategy[Block] = st.one_of(
        st.builds(TextBlock, text=words),
        st.builds(ImageBlock, url=st.just("https://i.example/a.jpg")),
        _flex_blocks(words, opens),
        *cards,
        cards[-1],
    )
    return st.builds(
        Document,
        blocks=st.lists(blocks, min_size=1, max_size=5).map(tuple),
        notification=words | st.just(""),
        language=st.sampled_from(("ja", "en")),
        currency=st.sampled_from(("", "JPY", "USD", "KWD")),
        shop_url=st.sampled_from(("", "https://shop.example")),
        defaults=st.sampled_from(({}, {"first_name": "お客様"})),
    )


def _flex_blocks(words: st.SearchStrategy[str], opens: st.SearchStrategy[str]) -> st.SearchStrategy[Block]:
    actions = opens.map(lambda uri: {"type": "uri", "label": "Open", "uri": uri.replace("product", "tel:0312345678")})
    components = st.one_of(
        words.map(lambda text: {"type": "text", "text": text, "wrap": True}),
        actions.map(lambda action: {"type": "button", "action": action}),
        st.just({"type": "image", "url": "https://i.example/a.jpg", "aspectRatio": "1:3", "size": "full"}),
        st.just({"type": "separator", "margin": "md"}),
        words.map(lambda text: {"type": "text", "contents": [{"type": "span", "text": text}]}),
    )
    boxes = st.lists(components, min_size=1, max_size=4).map(
        lambda contents: {"type": "box", "layout": "vertical", "contents": contents}
    )
    bubbles = boxes.map(lambda box: {"type": "bubble", "body": box})
    carousels = st.lists(bubbles, min_size=1, max_size=12).map(
        lambda several: {"type": "carousel", "contents": several}
    )
    return st.builds(FlexBlock, contents=bubbles | carousels, alt_text=words)
