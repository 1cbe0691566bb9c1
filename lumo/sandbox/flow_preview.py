"""Preview webhook: what a Webhook action would post for a person, and what is wrong with it."""

import json
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from lumo.integrations.klaviyo.bounded import Job, render_bounded
from lumo.integrations.klaviyo.templates import TemplateFault


class Preview(msgspec.Struct, frozen=True):
    """The body as it would be posted, laid out when it is JSON; faults and warnings are sentences."""

    body: str
    faults: list[str]
    warnings: list[str]


def preview(source: str, context: dict[str, Any], *, escapes_html: bool) -> Preview:
    """Render a pasted body over the context. Both ways are checked: Klaviyo's webhooks may escape HTML or not."""
    chosen, other = render_bounded(source, [Job(context, escapes_html), Job(context, not escapes_html)])
    if isinstance(chosen, TemplateFault):
        return Preview("", [describe_fault(chosen)], [])
    fault = find_json_fault(chosen)
    if fault:
        return Preview(chosen, [fault], [])
    parsed = json.loads(chosen)
    warnings = [warning for warning in (_warn_of_recipient(parsed), _warn_of_other(other, escapes_html)) if warning]
    return Preview(_lay_out(parsed), [], warnings)


def describe_fault(fault: TemplateFault) -> str:
    """A template's fault as a sentence, in the words of the renderer."""
    if fault.line:
        return _("The body can’t be rendered. Line %(line)d: %(fault)s") % {"line": fault.line, "fault": fault}
    return _("The body can’t be rendered: %(fault)s") % {"fault": fault}


def find_json_fault(text: str) -> str:
    """Where a text stops being a JSON object, as a sentence; empty when it is one."""
    try:
        is_object = isinstance(json.loads(text), dict)
    except json.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno}
        return _("The rendered body is not JSON: look at line %(line)d, column %(column)d.") % place
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        return _("The rendered body is not JSON that anybody reads.")
    return "" if is_object else _("The rendered body is JSON, but no object in braces.")


def _warn_of_recipient(body: dict[str, Any]) -> str:
    recipient = str(body.get("to") or "").strip()
    if recipient in {"", "None"}:
        return _(
            "“to” is empty: this person is not linked to LINE. Lumo answers 422 recipient_missing, "
            "and Klaviyo skips them."
        )
    if "{{" in recipient or "{%" in recipient:
        return _("“to” still holds a tag. Lumo answers 422 recipient_not_merged, and Klaviyo skips this person.")
    return ""


def _warn_of_other(other: str | TemplateFault, escapes_html: bool) -> str:
    if not isinstance(other, TemplateFault) and not find_json_fault(other):
        return ""
    if escapes_html:
        return _("If Klaviyo does not escape HTML, this body is not JSON.")
    return _("If Klaviyo escapes HTML, this body is not JSON.")


def _lay_out(parsed: dict[str, Any]) -> str:
    """Indented. Half a surrogate pair, which JSON can name, can't be shown."""
    text = json.dumps(parsed, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()
