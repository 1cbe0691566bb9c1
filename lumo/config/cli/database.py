"""The installation as a command finds it: its database reachable, its schema current, Django ready."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import click
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connections

from lumo.config.database import wait_for_database
from lumo.config.installation import check_key, join_installation, migrate, publish, resolve
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings
from lumo.postgres.embedded import running

PATIENCE = 10.0  # seconds: a person waits
say = partial(click.echo, err=True)


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Everything ready while the block runs; yields the resolved settings. Models are imported inside of it.

    Without LUMO_DATABASE_URL it is the embedded server that `lumo up` runs, or one for the block alone.
    Raises SettingsError, NotPossibleError.
    """
    with server(settings) as url:
        wait_for_database(url, say=say, patience=PATIENCE)
        settings = resolve(join_installation(settings, database_url=url), database_url=url)
        publish(settings)
        try:
            migrate()
            check_key(settings)
            yield settings
        except (OperationalError, InterfaceError) as error:
            words = str(error).partition("\n")[0]
            raise NotPossibleError(f"The database did not do it ({words}). Look at it, then try again.") from error
        except ValidationError as error:
            raise NotPossibleError(" ".join(error.messages)) from error
        finally:
            connections.close_all()


def server(settings: Settings) -> AbstractContextManager[str]:
    """The URL of the database: of the one that is set, else of the embedded server, started if it must be."""
    return nullcontext(settings.database_url) if settings.database_url else running(settings.data_dir, say=say)
