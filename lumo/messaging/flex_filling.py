"""Placeholders in Flex JSON: in every `text`, and as the whole of an action's `uri`. Knows no Django."""

from collections.abc import Mapping
from typing import Any

from lumo.messaging.text import PLACEHOLDER, fill

Json = dict[str, Any]


def fill_flex(contents: Json, values: Mapping[str, str]) -> Json | None:
    """Contents of a Flex Message with their placeholders filled; the same object where there are none.

    LINE takes no empty text and no empty address: a text that becomes empty is left out, so is a button whose address
    is missing; of anything else that can be tapped only the action is. None when nothing is left at all.
    """
    if not _has_placeholder(contents):
        return contents
    filled = _fill(contents, values)
    return filled if isinstance(filled, dict) else None


def _has_placeholder(node: Any) -> bool:
    if isinstance(node, dict):
        return any(
            (name in {"text", "uri"} and isinstance(child, str) and PLACEHOLDER.search(child) is not None)
            or _has_placeholder(child)
            for name, child in node.items()
        )
    return isinstance(node, list) and any(_has_placeholder(child) for child in node)


def _fill(node: Any, values: Mapping[str, str]) -> Any:
    """A copy with everything filled; None for what is left out."""
    if isinstance(node, list):
        return [filled for filled in (_fill(child, values) for child in node) if filled is not None]
    if not isinstance(node, dict):
        return node
    copy: Json = {}
    for name, child in node.items():
        if name in {"text", "uri"} and isinstance(child, str):
            copy[name] = fill(child, values)
            if not copy[name].strip():
                return None
        else:
            filled = _fill(child, values)
            if filled is not None or child is None:
                copy[name] = filled
    return copy if _is_whole(node, copy) else None


def _is_whole(node: Json, copy: Json) -> bool:
    """Whether what is left can be shown: a button needs its action, a text its words, a bubble a part."""
    kind = node.get("type")
    if kind == "button":
        return "action" in copy
    if kind == "text":
        return bool(copy.get("text") or copy.get("contents"))
    if kind == "bubble":
        return any(part in copy for part in ("header", "hero", "body", "footer"))
    return kind != "carousel" or bool(copy.get("contents"))
