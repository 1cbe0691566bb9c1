"""Placeholders in Flex JSON: in the words of texts, and as the whole of an action's `uri`. Knows no Django."""

from collections.abc import Iterator, Mapping
from typing import Any

from lumo.messaging.text import PLACEHOLDER, fill

Json = dict[str, Any]

_WORDS = {"text", "span"}


def fill_flex(contents: Json, values: Mapping[str, str]) -> Json | None:
    """Contents of a Flex Message with their placeholders filled; the same object where there are none.

    LINE takes no empty text and no empty address: a text that becomes empty is left out, so is a button whose address
    is missing, and a box that nothing is left in; of anything else that can be tapped only the action is. None when
    nothing is left at all.
    """
    if not any(True for _ in find_filled(contents)):
        return contents
    filled = _fill(contents, values)
    return filled if isinstance(filled, dict) else None


def find_filled(node: Any) -> Iterator[tuple[str, str]]:
    """Every string that is filled and has a placeholder, after the name of its field: `text` or `uri`."""
    for name, text, is_filled in _find_placeholders(node, ""):
        if is_filled:
            yield name, text


def find_misplaced(node: Any) -> Iterator[tuple[str, str]]:
    """Every string that has a placeholder and is not filled, after its path."""
    for path, text, is_filled in _find_placeholders(node, ""):
        if not is_filled:
            yield path, text


def _find_placeholders(node: Any, path: str) -> Iterator[tuple[str, str, bool]]:
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from _find_placeholders(child, f"{path}[{number}]")
    elif isinstance(node, dict):
        for name, child in node.items():
            place = f"{path}.{name}".lstrip(".")
            if not isinstance(child, str):
                yield from _find_placeholders(child, place)
            elif PLACEHOLDER.search(child):
                is_filled = _is_filled(node, name, child)
                yield name if is_filled else place, child, is_filled


def _is_filled(node: Json, name: str, text: str) -> bool:
    if name == "text":
        return node.get("type") in _WORDS
    return name == "uri" and PLACEHOLDER.fullmatch(text) is not None


def _fill(node: Any, values: Mapping[str, str]) -> Any:
    """A copy with everything filled; None for what is left out."""
    if isinstance(node, list):
        return [filled for filled in (_fill(child, values) for child in node) if filled is not None]
    if not isinstance(node, dict):
        return node
    copy: Json = {}
    for name, child in node.items():
        if isinstance(child, str) and _is_filled(node, name, child):
            text = fill(child, values)
            if text.strip():
                copy[name] = text
        elif (filled := _fill(child, values)) is not None or child is None:
            copy[name] = filled
    return copy if _is_whole(node, copy) else None


def _is_whole(node: Json, copy: Json) -> bool:
    """Whether what is left can be shown."""
    kind = node.get("type")
    if kind == "uri":
        return "uri" in copy
    if kind == "button":
        return "action" in copy
    if kind == "span":
        return "text" in copy
    if kind == "text":
        return bool(copy.get("text") or copy.get("contents"))
    if kind == "box":
        return bool(copy.get("contents")) or not node.get("contents")
    if kind == "bubble":
        return any(part in copy for part in ("header", "hero", "body", "footer"))
    return kind != "carousel" or bool(copy.get("contents"))
