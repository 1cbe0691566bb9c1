"""Secrets at rest."""

import pytest

from lumo.lib.encryption import Keyring, WrongSecretKeyError, fingerprint

OLD, NEW = "o" * 32, "n" * 32


def test_what_was_encrypted_is_read_again_and_never_looks_the_same() -> None:
    ring = Keyring((OLD,))
    first, second = ring.encrypt("日本 🗝"), ring.encrypt("日本 🗝")
    assert first != second
    assert ring.decrypt(first) == ring.decrypt(second) == "日本 🗝"


def test_an_older_key_still_decrypts_and_rotation_lets_it_go() -> None:
    token = Keyring((OLD,)).encrypt("secret")
    both = Keyring((NEW, OLD))
    assert both.decrypt(token) == "secret"
    assert Keyring((NEW,)).decrypt(both.rotate(token)) == "secret"


def test_another_key_or_another_purpose_is_refused() -> None:
    token = Keyring((OLD,)).encrypt("secret")
    for ring in (Keyring((NEW,)), Keyring((OLD,), purpose="sessions")):
        with pytest.raises(WrongSecretKeyError, match="LUMO_SECRET_KEY"):
            ring.decrypt(token)


def test_a_fingerprint_tells_keys_apart() -> None:
    assert fingerprint(OLD) == fingerprint(OLD) != fingerprint(NEW)
    assert len(fingerprint(OLD)) == 16


@pytest.mark.parametrize("keys", [(), ("short",), (OLD, "short")])
def test_a_weak_key_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="LUMO_SECRET_KEY"):
        Keyring(keys)
