"""What is wrong with an installation, and how to mend it: `lumo check`."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from shlex import quote
from typing import Any, Literal

import msgspec
from django.db import DatabaseError, connection, connections

from lumo.config.database import place_of, wait_for_database
from lumo.config.installation import (
    check_key,
    check_version,
    find_missing_migrations,
    join_installation,
    publish,
    resolve,
)
from lumo.integrations.errors import ProviderError, TransientError
from lumo.lib.encryption import WrongSecretKeyError
from lumo.lib.settings import Settings, SettingsError
from lumo.postgres.binaries import find_binaries
from lumo.postgres.cluster import DATABASE, ROLE, Cluster

_LEAST_FREE = 1 << 30  # bytes; WAL may take 4 GiB, but is recycled

_KEY_REFUSALS = """
    SELECT w.name, code, sum(count) FROM refusal_counts r
    JOIN klaviyo_connections c ON c.id = r.connection_id JOIN workspaces w ON w.id = c.workspace_id
    WHERE hour > now() - interval '24 hours' AND code IN ('key_reissued', 'key_wrong', 'key_missing')
    GROUP BY w.name, code ORDER BY w.name, code
"""
_STUCK = """
    SELECT count(*), min(w.stored_at) FROM (
        SELECT account_id, stored_at, stored_at AS due_at FROM queue
        UNION ALL SELECT account_id, stored_at, coalesce(claimed_at, due_at) FROM retries
    ) w JOIN official_accounts a ON a.id = w.account_id
    WHERE paused_reason = '' AND due_at < now() - interval '5 minutes'
"""
_WORKERS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lumo-jobs'
"""
_WAITING = """
    SELECT count(*) FROM (
        SELECT account_id FROM queue UNION ALL SELECT account_id FROM retries
    ) w WHERE account_id = %s
"""


class Finding(msgspec.Struct, frozen=True):
    """What one look found. `fix` says what to do about what is wrong, or worth a thought (`note`)."""

    check: str
    level: Literal["ok", "note", "wrong"]
    message: str
    fix: str = ""


def examine(settings: Settings, *, database_url: str, say: Callable[[str], None], patience: float) -> list[Finding]:
    """Look at everything, LINE and Klaviyo included; only at the first fault when nothing can work with it."""
    try:
        wait_for_database(database_url, say=say, patience=patience)
        resolved = resolve(join_installation(settings, database_url=database_url), database_url=database_url)
        publish(resolved)
        found = _look(resolved)
    except (SettingsError, DatabaseError) as error:
        return [Finding("start", "wrong", str(error))]
    return found if settings.database_url else [*found, *_way_in(resolved)]


def _look(settings: Settings) -> list[Finding]:
    from lumo.workspaces.models import Installation

    try:
        check_version()
        missing = find_missing_migrations()
        if missing:
            raise SettingsError(f"The database lacks {len(missing)} migrations. Run: lumo migrate")
        if Installation.objects.exists():  # else the first process that runs leaves the key's check
            check_key(settings)
        looks = (_database, _address, _data_folder, _line, _klaviyo, _keys, _workers)
        return [finding for look in looks for finding in look(settings)]
    finally:
        connections.close_all()


def _database(settings: Settings) -> Iterator[Finding]:
    [[version]] = _ask("SHOW server_version")
    yield Finding("database", "ok", f"PostgreSQL {version} at {place_of(settings.database_url)}, schema up to date.")


def _address(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox or not settings.is_loopback():
        yield Finding("public URL", "ok", settings.public_url)
    else:
        yield Finding(
            "public URL",
            "note",
            f"{settings.public_url} is an address of this machine: Klaviyo can't call it.",
            "Set LUMO_PUBLIC_URL to the https address of the proxy in front of Lumo.",
        )


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        yield Finding("disk", "wrong", f"{free >> 20} MiB are free in {folder}.", "Make room, at least 1 GiB.")
    else:
        yield Finding("disk", "ok", f"{free >> 30} GiB are free in {folder}.")
    key = folder / "secret_key"
    if key.exists() and key.stat().st_mode & 0o077:
        yield Finding("secret key", "wrong", f"Other users can read {key}.", f"Run: chmod 600 {quote(str(key))}")


def _line(settings: Settings) -> Iterator[Finding]:
    from lumo.accounts import services
    from lumo.accounts.models import OfficialAccount

    accounts = list(OfficialAccount.objects.order_by("workspace_id", "number"))
    if not accounts:
        yield Finding("LINE", "note", "No LINE account is connected.", "Run: lumo line connect")
    for account in accounts:
        name = f"LINE {account.public_id}"
        yield _called(name, partial(services.check, account, settings), _RECONNECT_LINE)
        if account.paused_reason:
            yield _paused(name, account)


def _klaviyo(settings: Settings) -> Iterator[Finding]:
    from lumo.profiles import services
    from lumo.profiles.models import KlaviyoConnection

    connections = list(KlaviyoConnection.objects.order_by("pk"))
    if not connections:
        yield Finding("Klaviyo", "note", "Klaviyo is not connected.", "Run: lumo klaviyo connect")
    for one in connections:
        name = f"Klaviyo {one.public_id}"
        yield _called(name, partial(services.check, one, settings), _RECONNECT_KLAVIYO)
        if not one.is_enabled:
            yield Finding(name, "note", "It is switched off: requests get 403.", "Run: lumo klaviyo set --enable")


def _keys(_settings: Settings) -> Iterator[Finding]:
    for workspace, code, count in _ask(_KEY_REFUSALS):
        if code == "key_reissued":
            message = f"{count} requests to {workspace} carried an old authentication key in the last 24 hours."
            yield Finding("authentication key", "wrong", message, _COPY_KEY)
        else:
            message = f"{count} requests to {workspace} were refused as {code} in the last 24 hours."
            yield Finding("authentication key", "note", message, f"If they are your Flow's: {_COPY_KEY}")


def _workers(_settings: Settings) -> Iterator[Finding]:
    [[workers]] = _ask(_WORKERS)
    [[stuck, oldest]] = _ask(_STUCK)
    fix = "Run lumo up, or lumo work on any machine; then look at its log."
    if stuck:
        message = f"Deliveries that wait longer than 5 minutes: {stuck}, the first since {oldest:%Y-%m-%d %H:%M} UTC."
        yield Finding("workers", "wrong", f"{message} Workers that are connected: {workers}.", fix)
    elif not workers:
        yield Finding("workers", "note", "No worker is connected: nothing is sent now.", fix)
    else:
        yield Finding("workers", "ok", f"{workers} connected; nothing waits that is due.")


def _way_in(settings: Settings) -> Iterator[Finding]:
    """How an operator reaches the embedded server; the password stays in its file."""
    cluster = Cluster(settings.data_dir)
    socket_folder = place_of(settings.database_url).partition(":")[0]
    psql = find_binaries(major=cluster.major()).folder / "psql"
    password = f'PGPASSWORD="$(cat {quote(str(cluster.folder / "password"))})"'
    command = f"{password} {quote(str(psql))} -h {quote(socket_folder)} -U {ROLE} {DATABASE}"
    yield Finding("way in", "ok", f"While Lumo runs: {command}")


_RECONNECT_LINE = "Run lumo line connect with the channel's present credentials."
_RECONNECT_KLAVIYO = "Run lumo klaviyo connect with a private API key that has the scope accounts:read."
_COPY_KEY = "Run lumo klaviyo flow-settings and put Header Value into every Webhook action."


def _called(name: str, call: Callable[[], object], fix: str) -> Finding:
    """What came of calling a provider."""
    try:
        call()
    except TransientError as error:
        return Finding(name, "wrong", f"It can't be asked now ({error}).", "Look at the network, then try again.")
    except (ProviderError, WrongSecretKeyError) as error:
        return Finding(name, "wrong", str(error), fix)
    return Finding(name, "ok", "It answers, and takes the stored credentials.")


def _paused(name: str, account: Any) -> Finding:
    from lumo.deliveries.explain import explain

    [[waiting]] = _ask(_WAITING, account.pk)
    why = explain(account.paused_reason)
    since = f" since {account.paused_at:%Y-%m-%d %H:%M} UTC" if account.paused_at else ""
    said = f"{why.headline} {account.paused_detail}".strip()
    message = f"Paused{since}: {said} Deliveries that wait: {waiting}."
    return Finding(name, "wrong", message, f"{why.remedy} Then: lumo line resume {account.public_id}")


def _ask(statement: str, *parameters: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return list(cursor.fetchall())
