"""The shop's customers, as a Flow's template reads them."""

from typing import Any

import msgspec


class SampleProfile(msgspec.Struct, frozen=True):
    """A customer. `person` holds the properties by name, and beside them what Klaviyo itself knows."""

    key: str
    person: dict[str, Any]

    def name(self) -> str:
        """How a list calls them: family name last, or the address when there is no name."""
        names = (str(self.person.get(part) or "") for part in ("first_name", "last_name"))
        return " ".join(name for name in names if name) or str(self.person["email"])


def sample_profiles() -> list[SampleProfile]:
    """Five customers: three linked to LINE, one not linked, one linked to a second account only."""
    return [
        _person(1, "hanako", "花子", "佐藤", **{"LINE User ID": "U" + "5a3b1e" * 5 + "5a", "Birthday": "1990-04-01"}),
        _person(2, "quotes", 'Ann "Annie" 🌸', "O'Neil", **{"LINE User ID": "U" + "b2c4d6" * 5 + "b2"}),
        _person(3, "right_to_left", "مريم", "כהן", **{"LINE User ID": "U" + "c3e5f7" * 5 + "c3"}),
        _person(4, "not_linked", "Taro", "Tanaka"),
        _person(5, "second_account", "Yuki", "Mori", **{"LINE User ID 2": "U" + "d4f6a8" * 5 + "d4"}),
    ]


def _person(number: int, key: str, first_name: str, last_name: str, **properties: str) -> SampleProfile:
    person = {
        "KlaviyoID": f"01SAMPLECUSTOMER{number:010d}",
        "id": f"customer-{number}",
        "email": f"{key}@example.com",
        "first_name": first_name,
        "last_name": last_name,
        "phone_number": f"+8190000000{number:02d}",
        "City": "京都市",
        "Country": "Japan",
        "$timezone": "Asia/Tokyo",
    }
    return SampleProfile(key, person | properties)
