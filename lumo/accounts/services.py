"""Connecting LINE Official Accounts."""

import asyncio

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from lumo.accounts.models import OfficialAccount
from lumo.integrations.http import Http
from lumo.integrations.line.client import LineClient
from lumo.integrations.line.schemas import BotInfo
from lumo.lib.encryption import Keyring
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from lumo.workspaces.models import Workspace

_LONGEST_CHANNEL_ID = 32  # digits; LINE's have ten


def connect(
    workspace: Workspace, *, channel_id: str, settings: Settings, channel_secret: str = "", access_token: str = ""
) -> OfficialAccount:
    """Connect a Messaging API channel by its secret or by a long-lived token, once LINE confirms them.

    The next free number is its own for good. A channel that is connected already gets the new credentials, and its
    pause ends. Raises ProviderError, NotPossibleError.
    """
    if not (channel_id.isascii() and channel_id.isdigit() and len(channel_id) <= _LONGEST_CHANNEL_ID):
        raise NotPossibleError(_("A channel ID is a number. Copy it from the channel's Basic settings."))
    bot = fetch_bot_info(settings, channel_id=channel_id, channel_secret=channel_secret, access_token=access_token)
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)  # numbers are given out one at a time
        account = _find_or_number(workspace, channel_id, bot)
        account.take_credentials(
            Keyring(settings.secret_keys), channel_secret=channel_secret, access_token=access_token
        )
        account.basic_id, account.display_name = bot.basic_id, bot.display_name[:100]
        account.picture_url = bot.picture_url
        account.save()
        account.resume()
    return account


def fetch_bot_info(settings: Settings, *, channel_id: str, channel_secret: str, access_token: str) -> BotInfo:
    """Ask LINE for whom these credentials speak: the channel's secret if there is one, else the token.

    Raises ProviderError.
    """

    async def fetch() -> BotInfo:
        async with Http(ca_file=settings.ca_file, timeout=settings.intervals.push_timeout) as http:
            line = LineClient(http, replacement=settings.line_api_url)
            token = access_token
            if channel_secret:
                token = (await line.issue_token(channel_id, channel_secret)).access_token
            return await line.fetch_bot_info(token)

    return asyncio.run(fetch())


def check(account: OfficialAccount, settings: Settings) -> BotInfo:
    """Ask LINE for whom a connected account's stored credentials speak. Raises ProviderError, WrongSecretKeyError."""
    keyring = Keyring(settings.secret_keys)
    secret, token = account.channel_secret_encrypted, account.access_token_encrypted
    return fetch_bot_info(
        settings,
        channel_id=account.channel_id,
        channel_secret=keyring.decrypt(bytes(secret)) if secret else "",
        access_token=keyring.decrypt(bytes(token)) if token else "",
    )


def _find_or_number(workspace: Workspace, channel_id: str, bot: BotInfo) -> OfficialAccount:
    """The account of this channel, or a new one with the next number. Its bot can't be a second account's too."""
    found = workspace.accounts.filter(channel_id=channel_id).first()
    other = workspace.accounts.filter(bot_user_id=bot.user_id).exclude(channel_id=channel_id).first()
    if other or (found and found.bot_user_id != bot.user_id):
        wrong = _("LINE says that these credentials are those of %(name)s (%(basic_id)s). Check the channel ID.")
        raise NotPossibleError(wrong % {"name": bot.display_name, "basic_id": bot.basic_id})
    if found:
        return found
    last = workspace.accounts.aggregate(last=Max("number"))["last"] or 0
    return OfficialAccount(workspace=workspace, channel_id=channel_id, bot_user_id=bot.user_id, number=last + 1)
