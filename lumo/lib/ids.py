"""Public ids of what people name in URLs and request bodies: a kind, an underscore, 16 random characters."""

import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_LENGTH = 16  # 80 random bits


def new_public_id(kind: str) -> str:
    """A new id such as `ws_7d2k…`; `kind` is the two or three letters before the underscore."""
    return f"{kind}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
