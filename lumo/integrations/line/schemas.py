"""What LINE answers, as far as we read it. Unknown fields are ignored: LINE adds some without notice."""

from typing import Literal

import msgspec


class AccessToken(msgspec.Struct, frozen=True):
    """A stateless channel access token; `expires_in` seconds (900)."""

    access_token: str
    expires_in: int = 900


class BotInfo(msgspec.Struct, frozen=True, rename="camel"):
    """An Official Account; `user_id` is what its webhooks call `destination`."""

    user_id: str
    display_name: str
    basic_id: str = ""
    picture_url: str = ""


class Quota(msgspec.Struct, frozen=True):
    """The month's limit: `value` messages, or none when `type` is `none`."""

    type: Literal["limited", "none"] = "none"
    value: int | None = None


class Consumption(msgspec.Struct, frozen=True, rename="camel"):
    """Messages counted this month; approximate, console sends included."""

    total_usage: int = 0


class ErrorDetail(msgspec.Struct, frozen=True):
    """Which property LINE refused, and why."""

    message: str = ""
    property: str = ""


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The body of every 4xx; `details` only where a message object is at fault."""

    message: str = ""
    details: list[ErrorDetail] = []


class Accepted(msgspec.Struct, frozen=True):
    """LINE took the message: the id of the request that it accepted, which an operator can quote to LINE."""

    request_id: str
