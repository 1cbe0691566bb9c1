"""A page of its own that shows messages on a phone: nothing but a file, for whoever has no console at hand."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from lumo.messaging.preview.messages import render_message
from lumo.messaging.preview.notification import notification_text

_LOOK = Path(__file__).parent.parent / "static" / "messaging" / "line.css"


def draw_page(messages: Sequence[Mapping[str, Any]], *, sender: str, image_origins: Collection[str] = ()) -> SafeString:
    """An HTML document with the notification and the phone; the look is inside, pictures are where they are."""
    bubbles = format_html_join(
        "\n",
        '<div class="ln-message">{}</div>',
        ((render_message(message, image_origins=image_origins),) for message in messages),
    )
    return format_html(
        _PAGE,
        sender=sender,
        look=mark_safe(_LOOK.read_text(encoding="utf-8")),  # noqa: S308 (our own file)
        notification=notification_text(messages),
        bubbles=bubbles,
        face=sender[:1].upper(),
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{sender}</title>
<style>
body {{ margin: 1.5rem auto; padding: 0 1rem; max-width: 404px; background: #f6f7f5; }}
{look}
.ln-preview .ln-screen {{ height: auto; min-height: 480px; }}
</style>
</head>
<body>
<section class="ln-preview">
<div class="ln-push"><span class="ln-push-icon"><svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
<path d="M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-8l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z" /></svg></span><div>
<p class="ln-push-head"><b><bdi>{sender}</bdi></b></p>
<p class="ln-push-text" dir="auto">{notification}</p>
</div></div>
<div class="ln-phone"><div class="ln-screen">
<div class="ln-header">
<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path d="m15 5-7 7 7 7" /></svg>
<h1 class="ln-name"><bdi>{sender}</bdi></h1></div>
<div class="ln-talk" tabindex="0"><ol><li class="ln-turn">
<span class="ln-face" aria-hidden="true">{face}</span>
<div class="ln-bubbles"><bdi class="ln-from">{sender}</bdi>
{bubbles}
</div></li></ol></div>
</div></div>
</section>
</body>
</html>
"""
