"""`lumo klaviyo …`"""

from typing import TYPE_CHECKING

import click

from lumo.config.cli.database import database
from lumo.config.cli.options import confirm, json_option, secret_option, workspace_option, yes_option
from lumo.config.cli.output import print_json
from lumo.integrations.errors import PermanentError, RefusedError, TransientError
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.accounts.models import OfficialAccount
    from lumo.profiles.services import FlowSettings


@click.group
def klaviyo() -> None:
    """The connection to Klaviyo, and what a Webhook action needs."""


@klaviyo.command
@workspace_option
@secret_option("api-key", "A private API key with the scope accounts:read")
@click.option("--no-check", is_flag=True, help="Do not ask Klaviyo whether the key is right.")
@json_option
def connect(workspace_id: str | None, api_key: str, no_check: bool, as_json: bool) -> None:
    """Connect Klaviyo, or replace its API key. The authentication key stays."""
    if not api_key:
        raise click.UsageError("Give --api-key or --api-key-file.")
    with database(Settings.load()) as settings:
        from lumo.config.cli.scope import choose_workspace
        from lumo.profiles import services

        chosen = choose_workspace(workspace_id)
        try:
            connection = services.connect(chosen, api_key=api_key, settings=settings, is_checked=not no_check)
        except (RefusedError, PermanentError) as error:
            raise NotPossibleError(
                f"Klaviyo refuses this key ({error}). Make a private API key with the scope accounts:read."
            ) from error
        except TransientError as error:
            raise NotPossibleError(f"Klaviyo can't be asked now ({error}). Try again, or add --no-check.") from error
        if as_json:
            print_json({"id": connection.public_id})
        else:
            click.echo(f"{connection.public_id}  {connection.account_name}\nNext: lumo klaviyo flow-settings")


@klaviyo.command(name="set")
@workspace_option
@click.option("--enable/--disable", "is_enabled", required=True, help="Take requests, or answer 403 to all of them.")
@json_option
def set_(workspace_id: str | None, is_enabled: bool, as_json: bool) -> None:
    """Switch the integration on or off. The authentication key stays."""
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace, get_connection

        connection = get_connection(choose_workspace(workspace_id))
        if is_enabled:
            connection.enable()
        else:
            connection.disable()
        if as_json:
            print_json({"id": connection.public_id, "is_enabled": is_enabled})
        else:
            click.echo("Requests are taken." if is_enabled else "Every request is answered 403 from now on.")


@klaviyo.command(name="flow-settings")
@workspace_option
@json_option
def flow_settings(workspace_id: str | None, as_json: bool) -> None:
    """Show what to paste into a Webhook action.

    Its address, the header with its secret value, and a request body.
    """
    with database(Settings.load()) as settings:
        from lumo.config.cli.scope import choose_workspace, get_connection
        from lumo.profiles.services import read_flow_settings

        workspace = choose_workspace(workspace_id)
        found = read_flow_settings(get_connection(workspace), settings)
        if as_json:
            print_json(found)
        else:
            _print_settings(found)
            _print_bodies(list(workspace.accounts.order_by("number")))


@klaviyo.command(name="reissue-key")
@workspace_option
@yes_option
@json_option
def reissue_key(workspace_id: str | None, yes: bool, as_json: bool) -> None:
    """Issue a new authentication key. The old one stops working at once: update every Webhook action."""
    with database(Settings.load()) as settings:
        from lumo.config.cli.scope import choose_workspace, get_connection
        from lumo.lib.encryption import Keyring
        from lumo.profiles.services import read_flow_settings

        workspace = choose_workspace(workspace_id)
        connection = get_connection(workspace)
        confirm(f"Reissue the key of {workspace.name}? Flows that carry the old one stop delivering at once.", yes=yes)
        connection.reissue_key(Keyring(settings.secret_keys))
        found = read_flow_settings(connection, settings)
        if as_json:
            print_json(found)
        else:
            _print_settings(found)
            click.echo("\nPut the new Header Value into every Webhook action now.")


def _print_settings(found: "FlowSettings") -> None:
    click.echo(f"Destination URL  {found.destination_url}  (POST)")
    click.echo(f"Header Name      {found.header_name}")
    click.echo(f"Header Value     {found.header_value}")


def _print_bodies(accounts: "list[OfficialAccount]") -> None:
    from lumo.messaging.get_json import build_direct_text_body

    if not accounts:
        click.echo("\nConnect LINE to see a request body: lumo line connect")
    for account in accounts:
        click.echo(f"\nRequest body for a direct text from {account.display_name} {account.basic_id}:\n")
        click.echo(build_direct_text_body(account=account.public_id, number=account.number))
