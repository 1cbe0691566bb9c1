"""`lumo workspace …`"""

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

import click

from lumo.config.cli.database import database
from lumo.config.cli.options import Command, Hours, Off, OrOff, json_option, workspace_option
from lumo.config.cli.output import print_columns, print_json
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.workspaces.models import Workspace, WorkspaceSettings

_POSITIVE = OrOff(click.IntRange(min=1, max=32_767))
_SETTINGS: list[Callable[[Any], Any]] = [
    click.option("--time-zone", metavar="NAME", help="Such as Asia/Tokyo, which is the default."),
    click.option("--quiet-hours", type=OrOff(Hours()), help="Local hours in which nothing is sent."),
    click.option("--daily-cap", type=_POSITIVE, help="Flow messages a friend gets in 24 hours at most."),
    click.option(
        "--consent-rule",
        "requires_consent",
        type=click.Choice(["on", "off"]),
        help="Whether a friend's no to messages also stops Flow messages (default: on).",
    ),
    click.option("--requests-per-second", type=_POSITIVE, help="More are answered 429."),
    click.option("--retention-days", type=int, help="How long requests are kept (default: 30)."),
]


def settings_options(command: Command) -> Command:
    """Options for everything that a person may decide about a workspace."""
    return reduce(lambda decorated, option: option(decorated), reversed(_SETTINGS), command)


@click.group
def workspace() -> None:
    """A shop and its settings."""


@workspace.command
@click.option("--name", required=True, help="What the team calls it.")
@settings_options
@json_option
def create(as_json: bool, **options: Any) -> None:
    """Make a Workspace."""
    with database(Settings.load()):
        from lumo.workspaces.services import create_workspace

        made = create_workspace(**_decided(options))
        if as_json:
            print_json({"id": made.public_id})
        else:
            click.echo(f"{made.public_id}  {made.name}\nNext: lumo line connect, then lumo klaviyo connect.")


@workspace.command(name="set")
@workspace_option
@click.option("--name", help="What the team calls it.")
@settings_options
@json_option
def set_(workspace_id: str | None, as_json: bool, **options: Any) -> None:
    """Change settings of a Workspace; what is not named stays as it is."""
    decided = _decided(options)
    if not decided:
        raise click.UsageError("Name at least one setting to change. See: lumo workspace set --help")
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace

        chosen = choose_workspace(workspace_id)
        chosen.change(**decided)
        if as_json:
            print_json(_described(chosen))
        else:
            for name, value in _described(chosen).items():
                click.echo(f"{name}: {_in_words(value)}")


@workspace.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the Workspaces with their settings."""
    with database(Settings.load()):
        from lumo.workspaces.models import Workspace

        described = [_described(one) for one in Workspace.objects.order_by("pk")]
        if as_json:
            print_json(described)
            return
        heads = list(_described(Workspace()))
        rows = [[_in_words(value) for value in one.values()] for one in described]
        print_columns(heads, rows, empty="There is no workspace yet. Make one: lumo workspace create --name …")


def _decided(options: dict[str, Any]) -> "WorkspaceSettings":
    """The settings that were named, None for those turned off."""
    decided = {name: None if value is Off.OFF else value for name, value in options.items() if value is not None}
    if "quiet_hours" in decided:
        decided["quiet_from"], decided["quiet_until"] = decided.pop("quiet_hours") or (None, None)
    if "requires_consent" in decided:
        decided["requires_consent"] = decided["requires_consent"] == "on"
    return cast("WorkspaceSettings", decided)


def _described(one: "Workspace") -> dict[str, Any]:
    quiet = f"{one.quiet_from:%H:%M}-{one.quiet_until:%H:%M}" if one.quiet_from and one.quiet_until else None
    return {
        "id": one.public_id,
        "name": one.name,
        "time_zone": one.time_zone,
        "quiet_hours": quiet,
        "daily_cap": one.daily_cap,
        "consent_rule": one.requires_consent,
        "requests_per_second": one.requests_per_second,
        "retention_days": one.retention_days,
    }


def _in_words(value: object) -> str:
    if value is None or value is False:
        return "off"
    return "on" if value is True else str(value)
