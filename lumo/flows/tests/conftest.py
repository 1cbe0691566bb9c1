"""Most tests of the door need one workspace that a Flow may post to."""

import pytest

from lumo.lib.settings import Settings
from lumo.profiles.models import KlaviyoConnection
from tests.factories import make_account, make_connection, make_workspace


@pytest.fixture
def connection(settings: Settings) -> KlaviyoConnection:
    """A Klaviyo connection whose workspace has one LINE account."""
    workspace = make_workspace()
    make_account(settings, workspace)
    return make_connection(settings, workspace)


@pytest.fixture
def path(connection: KlaviyoConnection) -> str:
    """Its Destination URL's path."""
    return f"/hooks/klaviyo/{connection.public_id}"
