"""Auto Send Messages, what they said when, and the Webhook actions they were pasted into."""

from typing import ClassVar

import msgspec
from django.db import models, transaction
from django.utils.translation import gettext as _

from lumo.accounts.models import OfficialAccount
from lumo.lib import clock
from lumo.lib.errors import NotPossibleError
from lumo.lib.ids import new_public_id
from lumo.messaging import documents, get_json
from lumo.messaging.documents import Document
from lumo.workspaces.models import Workspace


def new_message_id() -> str:
    return new_public_id("asm")


def new_placement_id() -> str:
    return new_public_id("pl")


class AutoSendMessage(models.Model):
    """A stored, reusable bundle of up to five messages. What it says is its newest revision.

    An archived one sends nothing: requests that name it are refused, what still waits is not sent.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_message_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="messages")
    name = models.CharField(max_length=100)  # only the team sees it
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "auto_send_messages"

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def revise(self, document: Document, *, name: str) -> "MessageRevision":
        """Let it say this from now on, as a revision of its own; none is made of what it says already."""
        AutoSendMessage.objects.select_for_update().get(pk=self.pk)
        self.name = name
        self.save(update_fields=["name", "updated_at"])
        last = self.revisions.order_by("number").last()
        content = documents.to_builtins(document)
        if last and last.content == content:
            return last
        return self.revisions.create(number=last.number + 1 if last else 1, content=content)

    def newest(self) -> "MessageRevision":
        """What it says now."""
        return self.revisions.order_by("-number")[0]

    def archive(self) -> None:
        """Send nothing of it any more."""
        self.archived_at = clock.now()
        self.save(update_fields=["archived_at"])

    def restore(self) -> None:
        """Send it again."""
        self.archived_at = None
        self.save(update_fields=["archived_at"])


class MessageRevision(models.Model):
    """What a message said at one time. Never changed: the database refuses it."""

    message = models.ForeignKey(AutoSendMessage, on_delete=models.CASCADE, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "message_revisions"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "number"], name="message_revisions_number"),
        ]

    def __str__(self) -> str:
        return f"{self.message} {self.number}"

    def document(self) -> Document:
        """Its content, typed. Raises NotPossibleError when a newer version of Lumo made it."""
        try:
            return msgspec.convert(self.content, Document)
        except msgspec.ValidationError as error:
            raise NotPossibleError(_("The message was saved by a newer version of Lumo. Use that one.")) from error


class Placement(models.Model):
    """One Webhook action that a message was pasted into: made at each Get JSON, with what its body carries.

    `last_used_at` is when a request with it was last sent, to the minute; None for a copy that nobody runs.
    """

    public_id = models.CharField(max_length=40, unique=True, default=new_placement_id, editable=False)
    message = models.ForeignKey(AutoSendMessage, on_delete=models.CASCADE, related_name="placements")
    account = models.ForeignKey(OfficialAccount, on_delete=models.PROTECT, related_name="placements")
    trigger = models.CharField(max_length=40, blank=True)
    placeholders = models.JSONField()
    fields = models.JSONField()  # of its product slots
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "placements"

    def __str__(self) -> str:
        return self.public_id

    def carried(self) -> get_json.Needs:
        """What the body that was copied carries."""
        return get_json.Needs(self.trigger, frozenset(self.placeholders), frozenset(self.fields))
