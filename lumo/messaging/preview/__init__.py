"""LINE's messages as HTML: what a friend will see, drawn from the very JSON that is sent. Knows no ORM.

Nothing of a message reaches the page unescaped. Colours, lengths and addresses pass an allow-list, actions are told in
a tooltip and are no links, and what can't be drawn is a note. The look is `static/messaging/line.css`.
"""

from lumo.messaging.preview.messages import render_message
from lumo.messaging.preview.notification import notification_text

__all__ = ["notification_text", "render_message"]
