"""`lumo line …`"""

from typing import TYPE_CHECKING, Any

import click

from lumo.config.cli.database import database
from lumo.config.cli.options import json_option, secret_option, workspace_option
from lumo.config.cli.output import local_time, print_columns, print_json
from lumo.integrations.errors import PermanentError, RefusedError, TransientError
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.accounts.models import OfficialAccount


@click.group
def line() -> None:
    """LINE Official Accounts."""


@line.command
@workspace_option
@click.option("--channel-id", required=True, help="Of the Messaging API channel: Basic settings, Channel ID.")
@secret_option("channel-secret", "Its channel secret")
@secret_option("access-token", "Or a long-lived channel access token")
@json_option
def connect(workspace_id: str | None, channel_id: str, channel_secret: str, access_token: str, as_json: bool) -> None:
    """Connect a LINE Official Account.

    One that is connected gets the new credentials, which also ends its pause.
    """
    if bool(channel_secret) == bool(access_token):
        raise click.UsageError("Give --channel-secret or --access-token: one of them.")
    with database(Settings.load()) as settings:
        from lumo.accounts import services
        from lumo.config.cli.scope import choose_workspace

        chosen = choose_workspace(workspace_id)
        try:
            account = services.connect(
                chosen,
                channel_id=channel_id.strip(),
                channel_secret=channel_secret,
                access_token=access_token,
                settings=settings,
            )
        except (RefusedError, PermanentError) as error:
            raise NotPossibleError(
                f"LINE refuses these credentials ({error}). Copy them from the channel in the LINE Developers Console."
            ) from error
        except TransientError as error:
            raise NotPossibleError(f"LINE can't be asked now ({error}). Try again.") from error
        if as_json:
            print_json({"id": account.public_id, "number": account.number})
        else:
            click.echo(f"{account.public_id}  {account.display_name} {account.basic_id}, account {account.number}")


@line.command
@click.argument("account_id", metavar="oa_…")
@json_option
def resume(account_id: str, as_json: bool) -> None:
    """End the pause of an account, once its cause is mended. What waits is sent then."""
    with database(Settings.load()):
        from lumo.config.cli.scope import get_account

        account = get_account(account_id)
        was_paused_for = account.paused_reason or None
        account.resume()
        if as_json:
            print_json({"id": account.public_id, "was_paused_for": was_paused_for})
        else:
            click.echo(
                f"{account.display_name} goes on." if was_paused_for else f"{account.display_name} was not paused."
            )


@line.command(name="list")
@click.option("--workspace", "workspace_id", metavar="ws_…", help="Only those of this Workspace.")
@json_option
def list_(workspace_id: str | None, as_json: bool) -> None:
    """List the LINE Official Accounts."""
    with database(Settings.load()):
        from lumo.accounts.models import OfficialAccount
        from lumo.config.cli.scope import choose_workspace

        accounts = OfficialAccount.objects.select_related("workspace").order_by("workspace_id", "number")
        if workspace_id:
            accounts = accounts.filter(workspace=choose_workspace(workspace_id))
        if as_json:
            print_json([_described(account) for account in accounts])
        else:
            print_columns(
                ["ID", "NUMBER", "NAME", "WORKSPACE", "PAUSED", "SINCE"],
                [_row(account) for account in accounts],
                empty="No LINE account is connected. Run: lumo line connect",
            )


def _described(account: "OfficialAccount") -> dict[str, Any]:
    return {
        "id": account.public_id,
        "number": account.number,
        "name": account.display_name,
        "basic_id": account.basic_id,
        "channel_id": account.channel_id,
        "workspace": account.workspace.public_id,
        "paused_reason": account.paused_reason or None,
        "paused_detail": account.paused_detail,
        "paused_at": account.paused_at,
    }


def _row(account: "OfficialAccount") -> list[object]:
    since = local_time(account.paused_at, account.workspace.time_zone)
    name = f"{account.display_name} {account.basic_id}"
    return [account.public_id, account.number, name, account.workspace.name, account.paused_reason or "no", since]
