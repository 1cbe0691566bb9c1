"""Secrets at rest: Fernet keys derived from LUMO_SECRET_KEY, one per purpose.

Several secret keys may be given, newest first: the first encrypts, all decrypt. `Keyring.rotate` re-encrypts an
old token with the newest key, so that the old key can be taken away.
"""

import base64
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MINIMUM_LENGTH = 32


class WrongSecretKeyError(Exception):
    """No key of LUMO_SECRET_KEY can decrypt this: it was encrypted with another one."""


class Keyring:
    """Encrypts and decrypts text for one purpose under the installation's secret keys.

    Takes the secret keys newest first. Raises ValueError where one is shorter than 32 characters or none is given.
    """

    def __init__(self, secret_keys: tuple[str, ...], purpose: str = "secrets") -> None:
        if not secret_keys or any(len(key) < MINIMUM_LENGTH for key in secret_keys):
            raise ValueError(f"LUMO_SECRET_KEY needs at least one key of {MINIMUM_LENGTH} characters or more.")
        self._secret_keys = secret_keys
        self._purpose = purpose

    def encrypt(self, text: str) -> bytes:
        """The text as a Fernet token under the newest key."""
        return self._fernets.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """The text of a token made with any of the keys. Raises WrongSecretKeyError."""
        try:
            return self._fernets.decrypt(token).decode()
        except InvalidToken as error:
            raise WrongSecretKeyError(
                "LUMO_SECRET_KEY does not fit this database: its secrets were encrypted with another key."
            ) from error

    def rotate(self, token: bytes) -> bytes:
        """The same text under the newest key. Raises WrongSecretKeyError."""
        return self.encrypt(self.decrypt(token))

    @cached_property
    def _fernets(self) -> MultiFernet:
        return MultiFernet([Fernet(_derive(key, self._purpose)) for key in self._secret_keys])


def fingerprint(secret_key: str) -> str:
    """16 characters by which keys are told apart, and from which no key can be had."""
    return _derive(secret_key, "fingerprint")[:16].decode()


def _derive(secret_key: str, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"lumo", info=purpose.encode())
    return base64.urlsafe_b64encode(hkdf.derive(secret_key.encode()))
