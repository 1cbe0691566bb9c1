"""Objects that tests start from: made by the models, with the settings' secret key."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections
from django.utils import timezone

from lumo.accounts.models import OfficialAccount
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.messaging.documents import Block, Document, TextBlock
from lumo.messaging.models import AutoSendMessage
from lumo.profiles.models import KlaviyoConnection
from lumo.workspaces.models import Workspace

T = TypeVar("T")

KEY = "key-of-the-factory"


def make_workspace(**fields: object) -> Workspace:
    return Workspace.objects.create(**{"name": "Tea Shop", "time_zone": "Asia/Tokyo", **fields})


def make_account(settings: Settings, workspace: Workspace | None = None, **fields: object) -> OfficialAccount:
    """An Official Account whose channel secret is `secret`, the next of its workspace (a new one if not given)."""
    workspace = workspace or make_workspace()
    number = workspace.accounts.count() + 1
    defaults = {
        "number": number,
        "channel_id": str(1_650_000_000 + workspace.pk * 100 + number),
        "channel_secret_encrypted": Keyring(settings.secret_keys).encrypt("secret"),
        "bot_user_id": "U" + "0" * 32,
        "display_name": "Tea Shop",
    }
    return OfficialAccount.objects.create(workspace=workspace, **{**defaults, **fields})


def make_connection(settings: Settings, workspace: Workspace, **fields: object) -> KlaviyoConnection:
    """A Klaviyo connection whose authentication key is `KEY`."""
    keyring = Keyring(settings.secret_keys)
    defaults = {
        "api_key_encrypted": keyring.encrypt("pk_test"),
        "key_encrypted": keyring.encrypt(KEY),
        "key_issued_at": timezone.now(),
    }
    return KlaviyoConnection.objects.create(workspace=workspace, **{**defaults, **fields})


def make_message(workspace: Workspace, *blocks: Block, **fields: Any) -> AutoSendMessage:
    """An Auto Send Message with its first revision; of one text block if none is given."""
    message = AutoSendMessage.objects.create(workspace=workspace, name="Cart reminder")
    message.revise(Document(blocks=blocks or (TextBlock(text="Hi {first_name}!"),), **fields), name="Cart reminder")
    return message


def line_user_id(number: int) -> str:
    """The n-th LINE user of a test."""
    return f"U{number:032x}"


def and_close(change: Callable[[], T]) -> T:
    """Do something with models in a thread of its own, whose connection ends with it."""
    try:
        return change()
    finally:
        connections.close_all()
