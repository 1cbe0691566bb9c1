"""Authentication keys, as far as one command at a time does not show it."""

from functools import partial

from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.profiles.authentication import digest
from lumo.profiles.models import KlaviyoConnection
from lumo.profiles.services import connect
from tests.contention import at_once
from tests.factories import KEY, make_connection, make_workspace


def test_two_reissues_at_once_retire_each_key_once(settings: Settings) -> None:
    make_connection(settings, make_workspace())
    keyring = Keyring(settings.secret_keys)
    one, other = KlaviyoConnection.objects.get(), KlaviyoConnection.objects.get()
    reissues = (partial(one.reissue_key, keyring), partial(other.reissue_key, keyring))
    at_once(settings, *reissues, lock="SELECT FROM klaviyo_connections FOR UPDATE")
    kept = KlaviyoConnection.objects.get()
    keys = {keyring.decrypt(bytes(made.key_encrypted)) for made in (one, other)}
    current = keyring.decrypt(bytes(kept.key_encrypted))
    assert kept.key_version == 3
    assert current in keys
    retired = {bytes(key.digest) for key in kept.retired_keys.all()}
    assert retired == {digest(key.encode()) for key in {KEY, *keys} - {current}}


def test_connecting_twice_at_once_makes_one_connection_with_one_key(settings: Settings) -> None:
    workspace = make_workspace()
    connecting = partial(connect, workspace, api_key="pk_x", settings=settings, is_checked=False)
    made = at_once(settings, connecting, connecting, lock="SELECT FROM workspaces FOR UPDATE")
    [kept] = KlaviyoConnection.objects.all()
    assert made == [kept, kept]
    assert kept.key_version == 1
