"""Messages beside the HTML that was made of them, looked at by a person and agreed: `golden/NAME.json`, `NAME.htm`.

After a change of the renderer that is meant, `python -m lumo.messaging.preview.tests.goldens` writes the HTML anew;
what it changed is then reviewed like code. The tests only compare.
"""

import json
import os
from pathlib import Path

import django

from lumo.messaging.preview import render_message
from lumo.messaging.preview.tests.page import ORIGIN

FOLDER = Path(__file__).parent / "golden"
# Not .html: these are no templates, and are kept as they are.
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> str:
    """The HTML that was agreed."""
    return (FOLDER / f"{name}.htm").read_text(encoding="utf-8")


def render(name: str) -> str:
    """What the messages look like now, a tag a line: text holds no bare `<`, so that nothing is lost by it."""
    messages = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    drawn = [render_message(message, image_origins=[ORIGIN]) for message in messages]
    return "".join(f"{html}\n".replace("><", ">\n<") for html in drawn)


def renew() -> None:
    """Write all the HTML anew."""
    for name in NAMES:
        (FOLDER / f"{name}.htm").write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lumo.config.django_settings")
    django.setup()
    renew()
