"""What the sandbox's own shop offers to a new Webhook action."""

from django.utils.translation import gettext as _

from lumo.lib.encryption import WrongSecretKeyError
from lumo.lib.settings import Settings
from lumo.messaging.get_json import build_direct_text_body
from lumo.profiles.models import KlaviyoConnection
from lumo.profiles.services import read_flow_settings
from lumo.workspaces.models import Workspace


def find_first_action(settings: Settings) -> dict[str, object]:
    """First values for the form: Flow Message Settings and a direct text of the first workspace connected to both
    sides; only a trigger when there is none.
    """
    first: dict[str, object] = {"metric": "Checkout Started"}
    connection = KlaviyoConnection.objects.filter(workspace__accounts__isnull=False).order_by("pk").first()
    if connection is None:
        return first
    try:
        found = read_flow_settings(connection, settings)
    except WrongSecretKeyError:
        return first
    account = connection.workspace.accounts.order_by("number")[0]
    return first | {
        "name": _("Abandoned cart"),
        "destination_url": found.destination_url,
        "header_name": found.header_name,
        "header_value": found.header_value,
        "body": build_direct_text_body(account=account.public_id, number=account.number),
    }


def find_time_zone() -> str:
    """The zone of the sandbox's first shop, in which times are shown."""
    workspace = Workspace.objects.order_by("pk").first()
    return workspace.time_zone if workspace else "UTC"
