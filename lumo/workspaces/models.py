"""A Workspace: one shop, its settings, and the installation that holds them all."""

from datetime import time
from typing import ClassVar, TypedDict, Unpack
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from lumo.lib.ids import new_public_id

LEAST_RETENTION, LONGEST_RETENTION = 2, 3650  # days


def new_workspace_id() -> str:
    return new_public_id("ws")


class WorkspaceSettings(TypedDict, total=False):
    """What a person may decide about a workspace; what is left out stays as it is. None turns a setting off."""

    name: str
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    daily_cap: int | None
    requires_consent: bool
    requests_per_second: int | None
    retention_days: int


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

    def change(self, **settings: Unpack[WorkspaceSettings]) -> None:
        """Decide these settings. Raises ValidationError with a sentence for each that can't be."""
        for name, value in settings.items():
            setattr(self, name, value)
        self.check_settings()
        self.save(update_fields=list(settings))

    def check_settings(self) -> None:
        """Raises ValidationError: in our own words alone wherever we have some."""
        self.clean()
        self.full_clean()

    def clean(self) -> None:
        """What the fields can't say by themselves."""
        faults = [fault for is_wrong, fault in self._faults() if is_wrong]
        if faults:
            raise ValidationError(faults)

    def _faults(self) -> list[tuple[bool, str]]:
        retention = _("Requests are kept for %(least)d to %(most)d days.")
        return [
            (not self.name.strip(), _("A workspace needs a name.")),
            (self.time_zone not in available_timezones(), _("A time zone has a name such as Asia/Tokyo.")),
            (
                self.quiet_from is not None and self.quiet_from == self.quiet_until,
                _("Quiet hours can't end when they begin. Turn them off to have none."),
            ),
            (self.daily_cap == 0, _("A limit of 0 would stop every message. Turn it off to have none.")),
            (self.requests_per_second == 0, _("A rate of 0 would refuse every request. Turn it off to have none.")),
            (
                not LEAST_RETENTION <= self.retention_days <= LONGEST_RETENTION,
                retention % {"least": LEAST_RETENTION, "most": LONGEST_RETENTION},
            ),
        ]


class Installation(models.Model):
    """One row, left by the first start: a token that only this installation's LUMO_SECRET_KEY can decrypt, and
    whether it is a sandbox, for good.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    key_check = models.BinaryField()
    is_sandbox = models.BooleanField()

    class Meta:
        db_table = "installation"
        constraints: ClassVar = [models.CheckConstraint(name="installation_single", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return "this installation"
