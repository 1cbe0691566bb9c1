"""What it costs to make LINE's JSON: a card of twelve products and a message of five blocks, in this process alone."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import msgspec

from benchmarks.bodies import CARD_FILE, Bodies
from lumo.messaging import contract
from lumo.messaging.documents import Document
from lumo.messaging.push_request import build_message_push

_TIMES, _ROUNDS = 600, 7
_FIVE_BLOCKS = [
    {"type": "text", "text": "{first_name} 様、カートに商品が残っています。{cart_url}"},
    {"type": "image", "url": "https://shop.example/cart.jpg"},
    *CARD_FILE["blocks"],
    {
        "type": "flex",
        "alt_text": "Coupon",
        "contents": {
            "type": "bubble",
            "body": {"type": "box", "layout": "vertical", "contents": [{"type": "text", "text": "{first_name}: 10 %"}]},
        },
    },
    {"type": "text", "text": "またのご来店をお待ちしております。"},
]


def describe() -> str:
    """One line: µs of CPU for reading a body and for making each push, and the push's size. No two bodies are alike."""
    bodies = Bodies(["oa_0"], message="asm_0")
    raw = [bodies.make(number, 0.0) for number in range(_TIMES)]
    read = [contract.read(body) for body in raw]
    card = msgspec.convert({name: value for name, value in CARD_FILE.items() if name != "name"}, Document)
    five = msgspec.convert({"blocks": _FIVE_BLOCKS, "currency": "JPY", "notification": "Your cart"}, Document)

    def push(document: Document, number: int) -> bytes:
        return build_message_push(document, read[number], to=read[number].recipient())

    costs = [
        f"read a body of {len(raw[0])} bytes {_measure(lambda number: contract.read(raw[number])):.0f} µs",
        f"make a card of 12 products ({len(push(card, 0))} bytes) {_measure(lambda number: push(card, number)):.0f} µs",
        f"make 5 blocks, the card among them ({len(push(five, 0))} bytes)"
        f" {_measure(lambda number: push(five, number)):.0f} µs",
    ]
    return f"Rendering, CPU: {', '.join(costs)}."


def _measure(step: Callable[[int], object]) -> float:
    """The median of several rounds, in µs a step."""
    rounds = []
    with _without_collector():
        for _ in range(_ROUNDS):
            started = time.process_time()
            for number in range(_TIMES):
                step(number)
            rounds.append((time.process_time() - started) / _TIMES * 1e6)
    return median(rounds)


@contextmanager
def _without_collector() -> Iterator[None]:
    """As the workers have it: quiet."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
