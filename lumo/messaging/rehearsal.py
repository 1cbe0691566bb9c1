"""A message as a profile and an event would make it: Get JSON, rendered as Klaviyo does, read and built as Lumo does.

Nothing is sent, and no placement is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from lumo.integrations.klaviyo.templates import build_context, render
from lumo.lib.errors import NotPossibleError
from lumo.messaging import contract
from lumo.messaging.builder import NotSendableError, build_messages
from lumo.messaging.documents import Document
from lumo.messaging.get_json import build_message_body
from lumo.messaging.samples import SampleEvent, sample_events
from lumo.messaging.triggers import TRIGGERS

Json = dict[str, Any]

_ID = "asm_preview"


class Rehearsal(msgspec.Struct, frozen=True):
    """What would be posted and what would be sent. With no messages, `reason` is a code of the catalogue."""

    body: str
    messages: list[Json]
    reason: str = ""
    detail: str = ""


def choose_event(document: Document, name: str, *, pictures: str) -> dict[str, Any]:
    """The properties of a sample event: of that name, else one that triggers a Flow for this document.

    Raises NotPossibleError, which lists the names. `pictures` as for `sample_events`.
    """
    events = sample_events(pictures=pictures)
    metric = TRIGGERS[document.trigger() or "abandoned_cart"].metric
    for event in events:
        if event.key == name or (not name and event.metric == metric):
            return event.properties
    raise NotPossibleError(_("There is no such sample event. There are:%(known)s") % {"known": list_samples(events)})


def list_samples(events: Sequence[SampleEvent]) -> str:
    """A line for each sample event, each after a line break."""
    return "".join(f"\n  {event.key:18} {event.metric}: {gettext(event.title)}" for event in events)


def rehearse(
    document: Document,
    *,
    person: Mapping[str, object],
    event: Mapping[str, object] | None,
    organization: Mapping[str, object] | None = None,
    display_name: str = "",
    http_origin: str = "",
) -> Rehearsal:
    """Rehearse a message. `person` and `event` as Klaviyo's API returns properties; None for a Flow without an event.

    Raises TemplateFault, BodyInvalidError: faults of ours, as Get JSON holds for every profile and event.
    """
    template = build_message_body(document, message=_ID, placement="pl_preview", account="oa_preview", number=1)
    context = build_context(person=person, event=event, organization=organization)
    rendered = render(template, context, autoescape=True)
    try:
        messages = build_messages(
            document, contract.read(rendered.encode()), display_name=display_name, http_origin=http_origin
        )
    except NotSendableError as error:
        return Rehearsal(rendered, [], error.reason, error.detail)
    return Rehearsal(rendered, msgspec.json.decode(msgspec.json.encode(messages)))
