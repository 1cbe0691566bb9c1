"""Sample customers and events of a small shop, as Klaviyo's API would return them. Knows no Django.

All data is invented. Titles are English message ids; whoever shows them translates them.
"""

from collections.abc import Mapping

from lumo.messaging.samples.events import SampleEvent, everyday_events
from lumo.messaging.samples.hard_cases import hard_events
from lumo.messaging.samples.people import SampleProfile, sample_profiles

__all__ = ["ORGANIZATION", "SampleEvent", "SampleProfile", "sample_events", "sample_profiles"]

ORGANIZATION: Mapping[str, object] = {
    "name": "Sample Shop",
    "url": "https://shop.example/",
    "timezone": "Asia/Tokyo",
}


def sample_events(*, pictures: str) -> list[SampleEvent]:
    """An event for each trigger, then the hard cases of a checkout; their keys are unique.

    `pictures` is the absolute address of the folder that serves our sample pictures.
    """
    folder = pictures.rstrip("/")
    return everyday_events(folder) + hard_events(folder)
