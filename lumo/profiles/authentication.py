"""The authentication key by which a Webhook action proves itself, and the header that carries it. Knows no Django."""

import secrets
from hashlib import sha256

KEY_HEADER = "X-Lumo-Authentication-Key"
_RANDOM_BYTES = 32


def new_key() -> str:
    """A new key: 43 characters that fit a URL."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def digest(key: bytes) -> bytes:
    """What is kept of a retired key: enough to recognise it, not to use it."""
    return sha256(key).digest()
