"""What a marketer types into a Webhook action, and whom and what they try it with."""

import re
from typing import ClassVar, TypedDict
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lumo.messaging.samples import SampleEvent, sample_profiles
from lumo.messaging.triggers import TRIGGERS
from lumo.sandbox.flow_record import NewFlow

_LONGEST_BODY = 256 * 1024  # characters; Lumo takes no more bytes
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class FlowForm(forms.Form):
    """A Flow with one Webhook action, in Klaviyo's words."""

    name = forms.CharField(label=_("Name of the Flow"), max_length=100)
    metric = forms.ChoiceField(label=_("Trigger"), required=False)
    destination_url = forms.CharField(label=_("Destination URL"), max_length=2_000)
    header_name = forms.CharField(label=_("Header Name"), max_length=200, required=False)
    header_value = forms.CharField(label=_("Header Value"), max_length=4_000, required=False)
    body = forms.CharField(
        label=_("JSON body"),
        max_length=_LONGEST_BODY,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "autocapitalize": "off"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        metrics = [(trigger.metric, trigger.metric) for trigger in TRIGGERS.values()]
        self.fields["metric"].choices = [*metrics, ("", _("A list, a segment or a date (no event)"))]  # type: ignore[attr-defined]

    def clean_destination_url(self) -> str:
        url: str = self.cleaned_data["destination_url"]
        if not _is_web_address(url):
            raise ValidationError(gettext("Enter an address that begins with https:// or http://."))
        return url

    def clean_header_name(self) -> str:
        name: str = self.cleaned_data["header_name"]
        if name and not _HEADER_NAME.fullmatch(name):
            raise ValidationError(gettext("A header’s name has letters, digits and hyphens only."))
        return name

    def clean_header_value(self) -> str:
        value: str = self.cleaned_data["header_value"]
        if not _HEADER_VALUE.fullmatch(value):
            raise ValidationError(gettext("A header’s value has plain letters, digits and signs only."))
        return value

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        return body.replace("\r\n", "\n")  # a browser's line ends; line numbers are the same

    def flow(self) -> NewFlow:
        """What was typed."""
        return NewFlow(**self.cleaned_data)

    @classmethod
    def showing(cls, flow: NewFlow) -> "FlowForm":
        """The form as the Flow is now."""
        return cls(initial={name: getattr(flow, name) for name in NewFlow.__struct_fields__})


class Choices(TypedDict):
    """Whom and what a Webhook action is tried with; `event_key` is empty in a Flow without an event."""

    profile_key: str
    event_key: str
    escapes_html: bool


class TrialForm(forms.Form):
    """A person and an event to try a Webhook action with. Names are the shop's data, titles are translated."""

    FIRST: ClassVar[dict[str, object]] = {"escapes_html": True}  # how Klaviyo's messages are; of webhooks nobody knows

    profile = forms.ChoiceField(label=_("Profile"))
    event = forms.ChoiceField(label=_("Event"), required=False)
    escapes_html = forms.BooleanField(label=_("Klaviyo escapes HTML in bodies"), required=False)

    def __init__(self, data: object = None, *, events: list[SampleEvent], initial: dict[str, object]) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type]
        people = [(one.key, f"{one.name()} ({one.person['email']})") for one in sample_profiles()]
        self.fields["profile"].choices = people  # type: ignore[attr-defined]
        self.fields["event"].choices = [(event.key, gettext(event.title)) for event in events]  # type: ignore[attr-defined]
        if events:
            self.fields["event"].required = True
        else:
            del self.fields["event"]

    def choices(self) -> Choices:
        """What was chosen."""
        chosen = self.cleaned_data
        return Choices(
            profile_key=chosen["profile"], event_key=chosen.get("event", ""), escapes_html=chosen["escapes_html"]
        )


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False
