"""Every secret of the database under the newest of the secret keys, so that the older ones can go."""

from collections.abc import Iterator

from django.apps import apps
from django.db import models, transaction

from lumo.config.announcement import find_beside
from lumo.config.installation import key_check_keyring
from lumo.lib.encryption import Keyring, fingerprint
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from lumo.workspaces.models import Installation

_SUFFIX = "_encrypted"  # what fields with secrets are called, whatever their model


@transaction.atomic
def rekey(settings: Settings) -> int:
    """Encrypt all secrets and the key check anew; returns how many secrets. All or nothing.

    Raises WrongSecretKeyError when one was encrypted with a key that is not given, NotPossibleError while a `lumo up`
    runs here that doesn't know the newest key: it could read nothing any more.
    """
    running = find_beside(settings.data_dir, database_url=settings.database_url)
    if running and running.key != fingerprint(settings.secret_keys[0]):
        raise NotPossibleError(
            "The Lumo that runs was started with another newest key. Restart it first, so that it knows the new one; "
            "then rekey."
        )
    keyring = Keyring(settings.secret_keys)
    count = sum(_rekey(model, names, keyring) for model, names in _secret_fields())
    installation = Installation.objects.select_for_update().get()
    installation.key_check = key_check_keyring(settings).rotate(bytes(installation.key_check))
    installation.save()
    return count


def _secret_fields() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        names = [field.name for field in model._meta.concrete_fields if field.name.endswith(_SUFFIX)]
        if names:
            yield model, names


def _rekey(model: type[models.Model], names: list[str], keyring: Keyring) -> int:
    count = 0
    for row in model._default_manager.select_for_update().order_by("pk"):
        for name in names:
            token = getattr(row, name)
            if token is not None:
                setattr(row, name, keyring.rotate(bytes(token)))
                count += 1
        row.save(update_fields=names)
    return count
