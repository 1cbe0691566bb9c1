"""The sample message of the sandbox: one Flow request through the real door, followed to the end, told line by line."""

import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from django.conf import settings as django_settings
from django.db import connection

from lumo.accounts.services import connect as connect_account
from lumo.deliveries import ids
from lumo.integrations.errors import ProviderError
from lumo.lib import clock
from lumo.lib.settings import Settings
from lumo.profiles.models import KlaviyoConnection
from lumo.profiles.services import FlowSettings, read_flow_settings
from lumo.profiles.services import connect as connect_klaviyo
from lumo.sandbox.record import LineRecord
from lumo.workspaces.models import Workspace
from lumo.workspaces.services import create_workspace

Say = Callable[[str], None]

_PATIENCE = 30.0  # seconds
_SHOP = "Sample Shop"
_CHANNEL_ID = "1650000000"
_CHANNEL_SECRET = "0123456789abcdef" * 2  # any is right in the sandbox
_FRIEND = "U" + "5a3b1e" * 5 + "5a"
_FRIEND_NAME = "花子"
_TEXT = "{first_name}さん、こんにちは！ Hello from Lumo: your first Flow message has arrived."
_RESULT = "SELECT state, coalesce(reason, ''), detail FROM deliveries WHERE id = %s"


class _Flow(msgspec.Struct, frozen=True):
    """A Webhook action: where and how it posts, and which LINE account it names."""

    door: FlowSettings
    account_id: str
    channel_id: str


class _Sent(msgspec.Struct, frozen=True):
    """A request that was taken: the delivery's id, and when it was posted, on the monotonic clock and in unix ms."""

    id: int
    posted_at: float
    posted_ms: int


def send_sample(settings: Settings, *, say: Say, pause: Callable[[], None]) -> None:
    """Set the sandbox up if nobody has, post the sample Flow request, and tell what becomes of it.

    Each call sends a new message. Calls `pause` while it waits. A failure is told, not raised.
    """
    try:
        flow = _find_flow(settings)
        sent = _post(settings, flow, say=say)
        if sent:
            _follow(flow, sent, say=say, pause=pause)
    except (OSError, HTTPException, ProviderError) as error:
        say(f"The sample message can't be sent: {error}")
    finally:
        connection.close()


def _find_flow(settings: Settings) -> _Flow:
    """A Flow of the first workspace that is connected to both sides; of the sample shop when there is none."""
    klaviyo = KlaviyoConnection.objects.filter(workspace__accounts__isnull=False).order_by("pk").first()
    klaviyo = klaviyo or _set_up(settings)
    account = klaviyo.workspace.accounts.order_by("number")[0]
    return _Flow(read_flow_settings(klaviyo, settings), account.public_id, account.channel_id)


def _set_up(settings: Settings) -> KlaviyoConnection:
    """What `workspace create`, `line connect` and `klaviyo connect` do, from where a run that was cut short ended."""
    workspace = Workspace.objects.filter(name=_SHOP).first() or create_workspace(name=_SHOP)
    with LineRecord(_record()) as record:
        record.register_channel(_CHANNEL_ID, display_name=_SHOP)
        record.set_friend(_CHANNEL_ID, _FRIEND, state="following", display_name=_FRIEND_NAME)
    if not workspace.accounts.exists():
        connect_account(workspace, channel_id=_CHANNEL_ID, channel_secret=_CHANNEL_SECRET, settings=settings)
    return connect_klaviyo(workspace, api_key="pk_sample", settings=settings)


def _post(settings: Settings, flow: _Flow, *, say: Say) -> _Sent | None:
    """Post as a Webhook action does; None when it is refused."""
    body = {
        "to": _FRIEND,
        "account": flow.account_id,
        "text": _TEXT,
        "variables": {"first_name": _FRIEND_NAME},
        "profile": "sample",
        "event": uuid4().hex,
        "placement": "sample",
    }
    headers = {flow.door.header_name: flow.door.header_value, "Content-Type": "application/json"}
    with closing(HTTPConnection(*settings.local_address(), timeout=_PATIENCE)) as http:
        posted_at, posted_ms = time.perf_counter(), clock.unix_ms()
        http.request("POST", urlsplit(flow.door.destination_url).path, msgspec.json.encode(body), headers)
        answer = http.getresponse()
        content = answer.read()
    say(f"request → {answer.status} in {_milliseconds_since(posted_at)} ms")
    if answer.status != 202:
        say(content.decode())
        return None
    return _Sent(int(msgspec.json.decode(content)["id"]), posted_at, posted_ms)


def _follow(flow: _Flow, sent: _Sent, *, say: Say, pause: Callable[[], None]) -> None:
    """Tell when LINE accepted the message, by its own record, and when the result was stored."""
    is_accepted = False
    with LineRecord(_record()) as record:
        while time.perf_counter() < sent.posted_at + _PATIENCE:
            pause()
            push = record.find_push_by_retry_key(flow.channel_id, ids.retry_key(sent.id))
            if push and not is_accepted:
                is_accepted = True
                say(f"LINE accepted in {push.arrived_ms - sent.posted_ms} ms")
            result = _find_result(sent.id)
            if result:
                say(f"result stored in {_milliseconds_since(sent.posted_at)} ms: {result} ({sent.id})")
                return
    say(f"No result within {_PATIENCE:.0f} s. Look again later: lumo deliveries show {sent.id}")


def _find_result(delivery_id: int) -> str | None:
    """State, reason and LINE's words of a delivery, once it is final."""
    with connection.cursor() as cursor:
        cursor.execute(_RESULT, [delivery_id])
        row = cursor.fetchone()
    return " ".join(part for part in row if part) if row else None


def _record() -> Path:
    return Path(django_settings.LUMO_SANDBOX_RECORD)


def _milliseconds_since(moment: float) -> int:
    return round((time.perf_counter() - moment) * 1000)
