"""The connection to Klaviyo and the keys by which its Flows prove themselves."""

from typing import ClassVar

from django.db import models, transaction

from lumo.lib import clock
from lumo.lib.encryption import Keyring
from lumo.lib.ids import new_public_id
from lumo.profiles.authentication import digest, new_key
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

    def enable(self) -> None:
        """Take requests again, with the same key."""
        self.is_enabled = True
        self.save(update_fields=["is_enabled"])

    def disable(self) -> None:
        """Refuse every request from now on, whatever its key."""
        self.is_enabled = False
        self.save(update_fields=["is_enabled"])

    def issue_key(self, keyring: Keyring) -> None:
        """Make a new authentication key the current one. Not saved yet."""
        self.key_encrypted, self.key_issued_at = keyring.encrypt(new_key()), clock.now()

    @transaction.atomic
    def reissue_key(self, keyring: Keyring) -> None:
        """Retire the key and issue another: from the commit on only the new one opens the door.

        Requests that are being stored hold a share lock on the row: they come before, whole, or after.
        """
        current = KlaviyoConnection.objects.select_for_update().get(pk=self.pk)
        self.key_version = current.key_version + 1
        old_key = keyring.decrypt(bytes(current.key_encrypted))
        self.issue_key(keyring)
        self.save(update_fields=["key_encrypted", "key_version", "key_issued_at"])
        self.retired_keys.create(digest=digest(old_key.encode()), retired_at=self.key_issued_at)


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
