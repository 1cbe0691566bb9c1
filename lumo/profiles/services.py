"""Connecting Klaviyo, and what a marketer copies into a Webhook action."""

import asyncio

import msgspec
from django.db import transaction

from lumo.integrations.http import Http
from lumo.integrations.klaviyo.client import Account, KlaviyoClient
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.profiles.authentication import KEY_HEADER
from lumo.profiles.models import KlaviyoConnection
from lumo.workspaces.models import Workspace


class FlowSettings(msgspec.Struct, frozen=True):
    """Flow Message Settings: what goes into every Webhook action. `header_value` is the secret authentication key."""

    destination_url: str
    header_name: str
    header_value: str


def connect(workspace: Workspace, *, api_key: str, settings: Settings, is_checked: bool = True) -> KlaviyoConnection:
    """Connect a Klaviyo account by a private API key, after asking Klaviyo for its account unless told not to.

    The first time makes the authentication key; later times replace the API key only. Raises ProviderError.
    """
    keyring = Keyring(settings.secret_keys)
    account = fetch_account(settings, api_key=api_key) if is_checked else None
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        connection = KlaviyoConnection.objects.select_for_update().filter(workspace=workspace).first()
        if connection is None:
            connection = KlaviyoConnection(workspace=workspace)
            connection.issue_key(keyring)
        connection.api_key_encrypted = keyring.encrypt(api_key)
        if account:
            connection.klaviyo_account_id = account.id
            connection.account_name = account.attributes.contact_information.organization_name[:200]
        connection.save()
    return connection


def fetch_account(settings: Settings, *, api_key: str) -> Account:
    """Ask Klaviyo whose key this is. Raises ProviderError."""

    async def fetch() -> Account:
        async with Http(ca_file=settings.ca_file, timeout=settings.intervals.push_timeout) as http:
            client = KlaviyoClient(http, api_key=api_key, replacement=settings.klaviyo_api_url)
            return await client.fetch_account()

    return asyncio.run(fetch())


def check(connection: KlaviyoConnection, settings: Settings) -> Account:
    """Ask Klaviyo for the account of the stored API key. Raises ProviderError, WrongSecretKeyError."""
    api_key = Keyring(settings.secret_keys).decrypt(bytes(connection.api_key_encrypted))
    return fetch_account(settings, api_key=api_key)


def read_flow_settings(connection: KlaviyoConnection, settings: Settings) -> FlowSettings:
    """Destination URL, Header Name and Header Value of a connection. Raises WrongSecretKeyError."""
    return FlowSettings(
        destination_url=f"{settings.public_url}/hooks/klaviyo/{connection.public_id}",
        header_name=KEY_HEADER,
        header_value=Keyring(settings.secret_keys).decrypt(bytes(connection.key_encrypted)),
    )
