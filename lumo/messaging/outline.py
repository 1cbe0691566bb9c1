"""LINE's messages in a few lines of plain text, for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def outline(messages: Sequence[Json]) -> str:
    """What a friend would read and tap: a paragraph a message, a line a card."""
    return "\n\n".join("\n".join(_lines(number, message)) for number, message in enumerate(messages, 1))


def _lines(number: int, message: Json) -> Iterator[str]:
    kind = message["type"]
    if kind == "text":
        yield f"{number}. Text"
        yield from (f"   {line}" for line in message["text"].split("\n"))
    elif kind == "flex":
        contents = message["contents"]
        bubbles = contents["contents"] if contents["type"] == "carousel" else [contents]
        yield f"{number}. {len(bubbles)} {'card' if len(bubbles) == 1 else 'cards'} – {message['altText']}"
        yield from (f"   • {_describe(bubble)}" for bubble in bubbles)
    else:
        yield f"{number}. {kind.capitalize()}  {message.get('originalContentUrl', '')}".rstrip()


def _describe(bubble: Json) -> str:
    """The texts of a card, then its buttons with what they open."""
    return " · ".join(" ".join(part.split()) for part in _find_parts(bubble))


def _find_parts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _find_parts(child)
    elif isinstance(node, dict):
        action = node.get("action") or {}
        if node.get("type") == "button":
            yield f"[{action.get('label', '')}] → {action.get('uri', action.get('type', ''))}"
        elif node.get("type") in {"text", "span"} and node.get("text"):
            yield str(node["text"])
        for name in ("header", "hero", "body", "footer", "contents"):
            yield from _find_parts(node.get(name))
