"""The connection to Klaviyo and the keys by which its Flows prove themselves."""

from typing import ClassVar

from django.db import models

from lumo.lib.ids import new_public_id
from lumo.workspaces.models import Workspace


def new_connection_id() -> str:
    return new_public_id("kc")


class KlaviyoConnection(models.Model):
    """A shop's Klaviyo account. `public_id` is part of the Destination URL and no secret.

    Every Flow request must carry the current authentication key. `key_version` counts its issues; the flush that
    stores a request checks it again, so that a reissue is exact at its commit (DESIGN §4).
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_connection_id, editable=False)
    workspace = models.OneToOneField(Workspace, on_delete=models.PROTECT, related_name="klaviyo")
    api_key_encrypted = models.BinaryField()
    klaviyo_account_id = models.CharField(max_length=32, blank=True)
    account_name = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField(default=True)
    key_encrypted = models.BinaryField()
    key_version = models.PositiveIntegerField(default=1)
    key_issued_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "klaviyo_connections"

    def __str__(self) -> str:
        return self.account_name or self.public_id


class RetiredKey(models.Model):
    """The SHA-256 of a former authentication key: serves only to say "this is the old key"."""

    connection = models.ForeignKey(KlaviyoConnection, on_delete=models.CASCADE, related_name="retired_keys")
    digest = models.BinaryField(max_length=32)
    retired_at = models.DateTimeField()

    class Meta:
        db_table = "retired_keys"
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "digest"], name="retired_keys_digest")]

    def __str__(self) -> str:
        return f"key retired at {self.retired_at:%Y-%m-%d %H:%M}"
