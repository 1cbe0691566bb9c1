"""`lumo profile …`"""

import click
import msgspec

from lumo.config.cli.database import database
from lumo.config.cli.options import confirm, json_option, workspace_option, yes_option
from lumo.config.cli.output import print_json
from lumo.lib.settings import Settings


@click.group
def profile() -> None:
    """The people who are written to."""


@profile.command
@workspace_option
@click.option("--line-user-id", metavar="U…", help="By their LINE User ID.")
@click.option("--klaviyo-profile", metavar="ID", help="By the id of their Klaviyo profile.")
@yes_option
@json_option
def erase(
    workspace_id: str | None, line_user_id: str | None, klaviyo_profile: str | None, yes: bool, as_json: bool
) -> None:
    """Erase a person.

    What waits for them, their requests, and their name in results. A no to messages is kept.
    """
    if (line_user_id is None) == (klaviyo_profile is None):
        raise click.UsageError("Give --line-user-id or --klaviyo-profile: one of them.")
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace
        from lumo.home import erase as erasing

        workspace = choose_workspace(workspace_id)
        person = erasing.profile(klaviyo_profile or "") if line_user_id is None else erasing.line_user(line_user_id)
        confirm(
            f"Erase {person.id} from {workspace.name}? What waits for them is not sent. It can't be undone.", yes=yes
        )
        erased = erasing.erase(workspace.pk, person)
        if as_json:
            print_json(erased)
        else:
            for name, count in msgspec.structs.asdict(erased).items():
                click.echo(f"{name}: {count}")
