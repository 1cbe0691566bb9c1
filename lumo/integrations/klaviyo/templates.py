"""Klaviyo's template language, to show what Klaviyo will post and to prove our Get JSON bodies.

It is Django's, confined: the tags and filters that Klaviyo lists, over plain JSON data, within limits of size and
steps. A template of a stranger belongs into `bounded`, which limits time and memory too.
https://developers.klaviyo.com/en/docs/django_message_design
"""

from collections.abc import Mapping

import msgspec

from lumo.integrations.klaviyo.template_limits import TemplateFault, check_source, check_text
from lumo.integrations.klaviyo.template_parser import parse
from lumo.integrations.klaviyo.template_rendering import Rendering

__all__ = ["TemplateFault", "build_context", "render"]

_NAMES_OF_THEIR_OWN = ("email", "first_name", "last_name")


def build_context(
    *,
    person: Mapping[str, object],
    event: Mapping[str, object] | None,
    organization: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What a Flow's template sees.

    `person` holds a profile's properties by name, beside them email, first_name, last_name, phone_number, KlaviyoID.
    `event` holds `event_properties` as the API returns them; None in a Flow that no metric triggers, where every
    event tag is empty. `organization` holds name and url; its timezone (an IANA name, else UTC) is the one of dates.
    """
    context: dict[str, object] = {"person": dict(person), "organization": dict(organization or {})}
    context |= {name: person[name] for name in _NAMES_OF_THEIR_OWN if name in person}
    if event is not None:
        context["event"] = {**event, "extra": event["$extra"]} if "$extra" in event else dict(event)
    return context


def render(source: str, context: Mapping[str, object], *, autoescape: bool) -> str:
    """The template rendered over JSON data, of which it works on a copy. Raises TemplateFault."""
    check_source(source)
    template = parse(source)
    rendering = Rendering(_copy(context), autoescape=autoescape)
    output = template.render(rendering)
    rendering.check()
    check_text(output)
    return str.__str__(output)  # str() would leave it a SafeString, which is not plain data


def _copy(context: Mapping[str, object]) -> dict[str, object]:
    try:
        return dict(msgspec.to_builtins(context, str_keys=True))
    except (RecursionError, TypeError):
        raise TemplateFault("The data is no JSON object, or is nested too deeply.") from None
