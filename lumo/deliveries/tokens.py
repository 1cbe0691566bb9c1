"""Channel access tokens in use: issued once per account and process, kept for their 15 minutes."""

import asyncio
import time

import msgspec

from lumo.deliveries.live_accounts import LiveAccount
from lumo.integrations.errors import RefusedError, TransientError
from lumo.integrations.line.client import LineClient
from lumo.lib.encryption import Keyring, WrongSecretKeyError
from lumo.lib.logs import get_logger

log = get_logger(__name__)

_MARGIN = 60.0  # seconds before the end at which a token is not used any more


class _Held(msgspec.Struct, frozen=True):
    token: str
    secret: bytes
    expires: float  # on the monotonic clock


class Tokens:
    """A long-lived token where one was given, else a stateless one made from channel id and secret."""

    def __init__(self, line: LineClient, keyring: Keyring) -> None:
        self._line = line
        self._keyring = keyring
        self._held: dict[int, _Held] = {}
        self._issuing: dict[int, asyncio.Lock] = {}

    async def get(self, account: LiveAccount) -> str:
        """The token to call LINE with. Raises RefusedError (`line_token`), TransientError."""
        if account.channel_secret_encrypted is None:
            return self._long_lived(account)
        return self._find(account) or await self.renew(account, refused="")

    async def renew(self, account: LiveAccount, *, refused: str) -> str:
        """Another token than the one that LINE refused; of many callers at once the first issues it for all.

        Raises RefusedError (`line_token`) when there is none to be had, TransientError.
        """
        secret = account.channel_secret_encrypted
        if secret is None:
            raise RefusedError("line_token", "LINE refuses the long-lived channel access token.", status=401)
        async with self._issuing.setdefault(account.id, asyncio.Lock()):
            found = self._find(account)
            if found and found != refused:
                return found
            issued = await self._line.issue_token(account.channel_id, self._decrypt(secret))
            expires = time.monotonic() + issued.expires_in - _MARGIN
            self._held[account.id] = _Held(issued.access_token, secret, expires)
            return issued.access_token

    def _find(self, account: LiveAccount) -> str | None:
        held = self._held.get(account.id)
        if held and held.secret == account.channel_secret_encrypted and held.expires > time.monotonic():
            return held.token
        return None

    def _long_lived(self, account: LiveAccount) -> str:
        if account.access_token_encrypted is None:
            raise RefusedError("line_token", "This account has neither a channel secret nor an access token.")
        return self._decrypt(account.access_token_encrypted)

    def _decrypt(self, token: bytes) -> str:
        """A secret in clear. One that was encrypted with a key we were not given waits for our restart."""
        try:
            return self._keyring.decrypt(token)
        except WrongSecretKeyError as error:
            log.error("an account's secret can't be decrypted: restart with the newest LUMO_SECRET_KEY")
            raise TransientError("Lumo was not restarted with its newest secret key.") from error
