"""A strict reader of the preview's HTML. Its grammar is written apart from the renderer's allow-lists, on purpose."""

import re
from html.parser import HTMLParser

import pytest

ORIGIN = "http://127.0.0.1:8000"

TAGS = {"div", "span", "b", "small", "img"}
_WORDS = r"[^\0]*"
_COLOR = r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?"
_LENGTH = r"[0-9]{1,5}(?:\.[0-9]{1,5})?(?:px|%)"
_NUMBER = r"[0-9]{1,5}(?:\.[0-9]{1,5})?"
_ALIGNED = r"flex-start|flex-end|center|space-between|space-around|space-evenly"
ATTRIBUTES = {
    "class": r"(?:(?:ln|fx)-[a-z-]+ ?)+",
    "dir": "auto|ltr|rtl",
    "title": _WORDS,
    "alt": _WORDS,
    "aria-label": _WORDS,
    "role": "img|group",
    "tabindex": "0",
    "loading": "lazy",
    "referrerpolicy": "no-referrer",
    "src": rf"(?:https://|{re.escape(ORIGIN)}(?:[/?#]|\Z))[^\s\"'<>]*",
    "style": _WORDS,  # see STYLES
}
STYLES = {
    "flex": rf"none|{_NUMBER} 0 (?:0px|auto)",
    "position": "absolute",
    "(?:top|bottom|inset-inline-start|inset-inline-end)": f"-?{_LENGTH}",
    "(?:left|margin-top|margin-inline-start|width|height|max-width|max-height|border-radius)": _LENGTH,
    "padding": rf"{_LENGTH}(?: {_LENGTH}){{0,3}}",
    "padding-(?:top|bottom|inline-start|inline-end)": _LENGTH,
    "(?:color|background-color)": _COLOR,
    "background": rf"{_COLOR}|linear-gradient\({_NUMBER}deg,{_COLOR},(?:{_COLOR} {_NUMBER}%,)?{_COLOR}\)",
    "border": f"{_LENGTH} solid {_COLOR}",
    "(?:justify-content|align-items)": _ALIGNED,
    "aspect-ratio": f"{_NUMBER} / {_NUMBER}",
    "font-size": rf"{_LENGTH}|min\({_LENGTH},calc\(100cqi / [0-9]+\.[0-9]{{2}}\)\)",
    "font-weight": "400|700",
    "font-style": "normal|italic",
    "text-decoration": "none|underline|line-through",
    "line-height": rf"calc\(1\.4em \+ {_LENGTH}\)",
    "margin-block": rf"calc\({_LENGTH} / -2\)",
    "-webkit-line-clamp": "[1-9][0-9]{0,2}",
}


class Page(HTMLParser):
    """Reads a page strictly: its text, and a complaint about anything that is not ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.depth = self.deepest = 0
        self._opened: list[str] = []
        self.feed(html)
        self.close()
        assert self._opened == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert len(dict(attrs)) == len(attrs)
        for name, value in attrs:
            assert re.fullmatch(ATTRIBUTES[name], value or ""), (name, value)
            if name == "style":
                check_style(value or "")
        if tag != "img":
            self._opened.append(tag)
            self.deepest = max(self.deepest, len(self._opened))

    def handle_endtag(self, tag: str) -> None:
        assert self._opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        pytest.fail(f"a section: {data}")


def check_style(style: str) -> None:
    """See that every declaration is one of STYLES."""
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        grammars = [grammar for names, grammar in STYLES.items() if re.fullmatch(names, name)]
        assert any(re.fullmatch(grammar, value) for grammar in grammars), declaration
