"""From settings to an installation that is ready: secret key, environment, schema, key check (DESIGN §6)."""

import fcntl
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe

import django
import msgspec
import psycopg
from django.core.management import call_command
from django.db import DatabaseError, ProgrammingError, connection
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor

from lumo.config.announcement import find_beside
from lumo.lib.encryption import MINIMUM_LENGTH, Keyring, WrongSecretKeyError
from lumo.lib.settings import Settings, SettingsError, split_keys
from lumo.postgres.cluster import open_private

LEAST_POSTGRESQL = 15
_KEY_CHECK = "This is Lumo's."
_MIGRATION_LOCK = zlib.crc32(b"lumo migrate")
_ELSEWHERE = "or set LUMO_DATA_DIR (LUMO_DATABASE_URL, where one is set) to another."
_SANDBOXS = f"This database is a sandbox's: its accounts are emulated. Start it with LUMO_SANDBOX=1, {_ELSEWHERE}"
_REAL = f"This database is a real installation's. Start it without --sandbox and LUMO_SANDBOX, {_ELSEWHERE}"
_MAKE_A_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def join_installation(settings: Settings, *, database_url: str) -> Settings:
    """The settings of a command: those of the `lumo up` that runs on the same data folder and database go first.

    So a command finds the sandbox, and the addresses, that were set only in the other shell. Where none runs, whether
    it is a sandbox is what the database says, once it does. Raises SettingsError.
    """
    running = find_beside(settings.data_dir, database_url=database_url)
    if running is None:
        return msgspec.structs.replace(settings, sandbox=_find_mode(database_url, default=settings.sandbox))
    return msgspec.structs.replace(
        settings,
        listen=running.listen,
        public_url=running.public_url,
        sandbox=running.sandbox,
        line_api_url=running.line_api_url,
        klaviyo_api_url=running.klaviyo_api_url,
        ca_file=running.ca_file,
    )


def resolve(settings: Settings, *, database_url: str, say: Callable[[str], None] | None = None) -> Settings:
    """The settings with everything that is decided only now: database, secret keys, the sandbox's addresses.

    The secret key is made once in the data folder when the database is embedded or in the sandbox. A PUBLIC_URL that
    works only on this machine is told to `say`. Raises SettingsError with the fix.
    """
    _check_public_url(settings, say)
    _check_ca_file(settings)
    secret_keys = settings.secret_keys
    if not secret_keys and (settings.sandbox or not settings.database_url):
        secret_keys = _keep_key(settings.data_dir / "secret_key")
    _check_keys(secret_keys)
    settings = msgspec.structs.replace(settings, database_url=database_url, secret_keys=secret_keys)
    return settings.with_emulators()


def publish(settings: Settings) -> None:
    """Put the resolved settings into the environment, for Django and for child processes, and set Django up."""
    values = {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": ",".join(settings.secret_keys),
        "LISTEN": settings.listen,
        "PUBLIC_URL": settings.public_url,
        "SANDBOX": "1" if settings.sandbox else "0",
        "LINE_API_URL": settings.line_api_url,
        "KLAVIYO_API_URL": settings.klaviyo_api_url,
    }
    for name, value in values.items():
        os.environ.pop(f"LUMO_{name}_FILE", None)
        os.environ[f"LUMO_{name}"] = value
    os.environ["DJANGO_SETTINGS_MODULE"] = "lumo.config.django_settings"
    django.setup()


def migrate() -> None:
    """Bring the schema up to date. Any number of machines may do so at once: one works, the others wait for it.

    Raises SettingsError when the database is too old or does not let us, and what Django raises.
    """
    if not find_missing_migrations():
        return
    check_version()
    with _one_at_a_time(_MIGRATION_LOCK):
        try:
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
        except DatabaseError as error:
            if _is_forbidden(error):
                raise SettingsError(
                    f"Lumo's role may not make its tables ({_first_line(error)}). Let the role own the database, "
                    "or as its owner: GRANT CREATE ON SCHEMA public TO the_role;"
                ) from error
            raise


def find_missing_migrations() -> list[str]:
    """What `migrate` would apply, as `app.name`, in order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def check_version() -> None:
    """Raises SettingsError when PostgreSQL is too old."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        [number] = cursor.fetchone()
    if int(number) < LEAST_POSTGRESQL * 10_000:
        raise SettingsError(
            f"The database is PostgreSQL {int(number) // 10_000}; Lumo needs {LEAST_POSTGRESQL} or newer. "
            "Upgrade it, or set LUMO_DATABASE_URL to a newer one."
        )


def check_key(settings: Settings) -> None:
    """See that LUMO_SECRET_KEY is the one that this database's secrets were encrypted with, and the mode its own.

    The first process ever leaves the check, and whether it is a sandbox, for the others. Raises SettingsError with the
    fix.
    """
    from lumo.workspaces.models import Installation

    keyring = key_check_keyring(settings)
    try:
        installation, _ = Installation.objects.get_or_create(
            id=1, defaults={"key_check": keyring.encrypt(_KEY_CHECK), "is_sandbox": settings.sandbox}
        )
    except ProgrammingError as error:
        if not isinstance(error.__cause__, psycopg.errors.UndefinedTable):
            raise
        raise SettingsError("The database has no tables of Lumo yet. Run: lumo migrate") from error
    if installation.is_sandbox != settings.sandbox:
        raise SettingsError(_SANDBOXS if installation.is_sandbox else _REAL)
    try:
        keyring.decrypt(bytes(installation.key_check))
    except WrongSecretKeyError as error:
        raise SettingsError(
            "LUMO_SECRET_KEY is not the one that this database's secrets were encrypted with. Use the same key on "
            f"every machine; with an embedded database it is in {settings.data_dir / 'secret_key'}. "
            "To change it: lumo rekey --help"
        ) from error


def key_check_keyring(settings: Settings) -> Keyring:
    """What the key check is encrypted with."""
    return Keyring(settings.secret_keys, purpose="key check")


def _find_mode(database_url: str, *, default: bool) -> bool:
    """Whether this database is a sandbox's; `default` until its first start."""
    try:
        with psycopg.connect(database_url) as database:
            row = database.execute("SELECT is_sandbox FROM installation").fetchone()
    except psycopg.errors.UndefinedTable:
        return default
    except psycopg.Error as error:
        raise SettingsError(
            f"The database can't be asked ({_first_line(error)}). Look at it, then try again."
        ) from error
    return bool(row[0]) if row else default


def _check_public_url(settings: Settings, say: Callable[[str], None] | None) -> None:
    url = settings.public_url
    if settings.sandbox or url.startswith("https://"):
        return
    if not settings.is_loopback():
        raise SettingsError(
            f"LUMO_PUBLIC_URL is {url}, but Klaviyo and LINE speak to https only. Set it to the https address of the "
            "proxy in front of Lumo, such as https://lumo.example.com."
        )
    if say:
        say(
            f"LUMO_PUBLIC_URL is {url}, an address of this machine: Klaviyo can't call it, and LINE shows no images "
            "from it. Set it to the https address of the proxy in front of Lumo."
        )


def _check_ca_file(settings: Settings) -> None:
    try:
        if settings.ca_file:
            Path(settings.ca_file).read_bytes()
    except OSError as error:
        raise SettingsError(f"LUMO_CA_FILE names {settings.ca_file!r}, which can't be read: {error.strerror}") from None


def _check_keys(secret_keys: tuple[str, ...]) -> None:
    if not secret_keys:
        raise SettingsError(
            "LUMO_SECRET_KEY is missing; with a database of your own, every machine needs the same one. "
            f"Make it once with {_MAKE_A_KEY} and keep it apart from the database's back-up."
        )
    if any(len(key) < MINIMUM_LENGTH for key in secret_keys):
        raise SettingsError(
            f"LUMO_SECRET_KEY holds a key of fewer than {MINIMUM_LENGTH} characters. Make one with {_MAKE_A_KEY}."
        )


def _keep_key(path: Path) -> tuple[str, ...]:
    """The keys in this file of the data folder, 0600; made by whoever comes first, and on disk before it is used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"LUMO_DATA_DIR is {path.parent}, which can't be made: {error.strerror}") from None
    descriptor = open_private(path)
    with open(descriptor, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        keys = split_keys(file.read())
        if not keys:
            keys = (token_urlsafe(48),)
            file.write(f"{keys[0]}\n")
            file.flush()
            os.fsync(descriptor)
    return keys


@contextmanager
def _one_at_a_time(lock: int) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def _is_forbidden(error: DatabaseError) -> bool:
    """Whether the role lacks a right; Django says so in its own words where even its list of migrations can't be."""
    return isinstance(error, MigrationSchemaMissing) or isinstance(
        error.__cause__, psycopg.errors.InsufficientPrivilege
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
