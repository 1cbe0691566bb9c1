"""Which workspace a command is about, and what is looked up in it. Import it where the models are ready."""

from lumo.accounts.models import OfficialAccount
from lumo.lib.errors import NotPossibleError
from lumo.profiles.models import KlaviyoConnection
from lumo.workspaces.models import Workspace


def choose_workspace(public_id: str | None) -> Workspace:
    """The workspace of this id, or the only one. Raises NotPossibleError, which lists them."""
    workspaces = list(Workspace.objects.order_by("pk"))
    chosen = [one for one in workspaces if public_id in {None, one.public_id}]
    if len(chosen) == 1:
        return chosen[0]
    if not workspaces:
        raise NotPossibleError("There is no workspace yet. Make one: lumo workspace create --name …")
    problem = f"There is no workspace {public_id}" if public_id else "There are several workspaces"
    listed = "\n".join(f"  {one.public_id}  {one.name}" for one in workspaces)
    raise NotPossibleError(f"{problem}. Name one with --workspace:\n{listed}")


def get_connection(workspace: Workspace) -> KlaviyoConnection:
    """The workspace's Klaviyo connection. Raises NotPossibleError."""
    connection = KlaviyoConnection.objects.filter(workspace=workspace).first()
    if connection is None:
        raise NotPossibleError(f"Klaviyo is not connected to {workspace.name} yet. Run: lumo klaviyo connect")
    return connection


def get_account(public_id: str) -> OfficialAccount:
    """The LINE account of this id. Raises NotPossibleError, which lists them."""
    accounts = list(OfficialAccount.objects.order_by("workspace_id", "number"))
    for account in accounts:
        if account.public_id == public_id:
            return account
    listed = "".join(f"\n  {one.public_id}  {one.display_name}" for one in accounts) or " none"
    raise NotPossibleError(f"There is no LINE account {public_id}. There are:{listed}")


def choose_account(workspace: Workspace) -> OfficialAccount:
    """The workspace's only LINE account. Raises NotPossibleError, which lists them, when it has none or several."""
    accounts = list(workspace.accounts.order_by("number"))
    if len(accounts) == 1:
        return accounts[0]
    if not accounts:
        raise NotPossibleError(f"LINE is not connected to {workspace.name} yet. Run: lumo line connect")
    listed = "".join(f"\n  {one.public_id}  {one.display_name}" for one in accounts)
    raise NotPossibleError(f"{workspace.name} has several LINE accounts. Name one with --account:{listed}")
