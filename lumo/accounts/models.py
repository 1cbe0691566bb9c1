"""LINE Official Accounts and their friends."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from lumo.lib.encryption import Keyring
from lumo.lib.ids import new_public_id
from lumo.workspaces.models import Workspace


def new_account_id() -> str:
    return new_public_id("oa")


class OfficialAccount(models.Model):
    """The LINE Official Account that a shop speaks as.

    `number` is fixed at connection and never reused: the n-th account's Klaviyo property is `LINE User ID n`.
    A paused account keeps what waits; `paused_reason` is a code of the catalogue, empty while it works.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_account_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="accounts")
    number = models.PositiveSmallIntegerField()
    channel_id = models.CharField(max_length=32)
    channel_secret_encrypted = models.BinaryField(null=True)
    access_token_encrypted = models.BinaryField(null=True)  # a long-lived token, where one was given
    bot_user_id = models.CharField(max_length=64)
    basic_id = models.CharField(max_length=64, blank=True)
    display_name = models.CharField(max_length=100)
    picture_url = models.CharField(max_length=2000, blank=True)
    paused_reason = models.CharField(max_length=40, blank=True, default="", db_default="")
    paused_detail = models.TextField(blank=True, default="", db_default="")
    paused_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "official_accounts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "number"], name="official_accounts_number"),
            models.UniqueConstraint(fields=["workspace", "channel_id"], name="official_accounts_channel"),
        ]

    def __str__(self) -> str:
        return self.display_name

    def take_credentials(self, keyring: Keyring, *, channel_secret: str, access_token: str) -> None:
        """Speak to LINE with these from now on, one of them or both, in place of the earlier ones. Not saved yet."""
        self.channel_secret_encrypted = keyring.encrypt(channel_secret) if channel_secret else None
        self.access_token_encrypted = keyring.encrypt(access_token) if access_token else None

    def resume(self) -> None:
        """End the pause, whatever its reason. The workers then send what was parked."""
        self.paused_reason, self.paused_detail, self.paused_at = "", "", None
        self.save(update_fields=["paused_reason", "paused_detail", "paused_at"])


class FriendState(models.TextChoices):
    """What LINE's webhooks told us; `unknown` until they did."""

    UNKNOWN = "unknown"
    FOLLOWING = "following"
    BLOCKED = "blocked"


class Friend(models.Model):
    """A LINE user who added one Official Account, recorded from LINE's webhooks or from a Flow's `to`."""

    # No index of its own: the unique one begins with it, and a planner without statistics would take the wrong one.
    account = models.ForeignKey(OfficialAccount, on_delete=models.PROTECT, related_name="friends", db_index=False)
    line_user_id = models.CharField(max_length=64)
    display_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    state = models.CharField(max_length=12, choices=FriendState, default=FriendState.UNKNOWN, db_default="unknown")
    consent = models.BooleanField(null=True)  # None: never asked, which does not stop a Flow message
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    class Meta:
        db_table = "friends"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "line_user_id"], name="friends_account_line_user"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.line_user_id
