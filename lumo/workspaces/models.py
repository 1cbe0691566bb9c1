"""A Workspace: one shop, its settings, and the installation that holds them all."""

from typing import ClassVar

from django.db import models

from lumo.lib.ids import new_public_id


def new_workspace_id() -> str:
    return new_public_id("ws")


class Workspace(models.Model):
    """One shop. `public_id` is what commands and URLs call it ("Lumo ID")."""

    public_id = models.CharField(max_length=40, unique=True, default=new_workspace_id, editable=False)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64, default="Asia/Tokyo")
    quiet_from = models.TimeField(null=True, blank=True)  # local time; both or neither
    quiet_until = models.TimeField(null=True, blank=True)
    daily_cap = models.PositiveSmallIntegerField(null=True, blank=True)  # Flow messages a friend in rolling 24 h
    requires_consent = models.BooleanField(default=True)  # an explicit "no" also stops Flow messages
    requests_per_second = models.PositiveIntegerField(null=True, blank=True)
    retention_days = models.PositiveSmallIntegerField(default=30)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "workspaces"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="workspaces_quiet_hours_whole",
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
            ),
            models.CheckConstraint(name="workspaces_retention_least", condition=models.Q(retention_days__gte=2)),
        ]

    def __str__(self) -> str:
        return self.name


class Installation(models.Model):
    """One row: a token that only this installation's LUMO_SECRET_KEY can decrypt."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    key_check = models.BinaryField()

    class Meta:
        db_table = "installation"
        constraints: ClassVar = [models.CheckConstraint(name="installation_single", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return "this installation"
