"""The database at the start of a process: waited for, and told in a sentence when it does not come."""

import asyncio
from collections.abc import Callable

from psycopg.conninfo import conninfo_to_dict

from lumo.lib.settings import SettingsError
from lumo.postgres.connect import wait_until_ready
from lumo.postgres.lasting import DATABASE_ERRORS

_PATIENCE = 60.0  # seconds


def wait_for_database(url: str, *, say: Callable[[str], None], patience: float = _PATIENCE) -> None:
    """Return once it takes connections. Raises SettingsError after `patience` seconds, for a wrong password at once."""
    try:
        asyncio.run(wait_until_ready(url, say=say, patience=patience))
    except DATABASE_ERRORS as error:
        raise SettingsError(
            f"The database can't be reached ({error}). Look at it, and at LUMO_DATABASE_URL."
        ) from error


def place_of(url: str) -> str:
    """Where a database is and what it is called; nothing of its credentials."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', '')}:{parts.get('port', '')}/{parts.get('dbname', '')}"
