"""`lumo up`, `lumo serve`, `lumo work`: what runs all the time.

Each imports what it runs when it runs it: a sending process loads this module too, and no Django.
"""

import socket
from collections.abc import Callable
from typing import Literal

import click
import msgspec

from lumo.config.supervisor import until_stopped
from lumo.lib.logs import configure_logs
from lumo.lib.settings import Settings, SettingsError


@click.command
@click.option("--sandbox", is_flag=True, help="Emulate LINE and Klaviyo: no account is needed anywhere.")
@click.option("--sample", is_flag=True, help="Send the sample message of the sandbox.")
def up(sandbox: bool, sample: bool) -> None:
    """Run everything on this machine.

    HTTP, the workers, and PostgreSQL unless LUMO_DATABASE_URL names one.
    """
    from lumo.config.up import up as run_all

    configure_logs("up")
    settings = Settings.load()
    settings = msgspec.structs.replace(settings, sandbox=sandbox or settings.sandbox)
    if sample and not settings.sandbox:
        raise SettingsError("The sample message goes to a friend who lives in the sandbox only. Add --sandbox.")
    run_all(settings, with_sample=sample, say=click.echo)


@click.command
@click.option("--only", type=click.Choice(["hooks", "console"]), help="Serve one part; the other answers 404.")
@click.option("--socket", "descriptor", type=int, hidden=True, help="A listening socket that `lumo up` hands down.")
def serve(only: Literal["hooks", "console"] | None, descriptor: int | None) -> None:
    """Answer HTTP on LUMO_LISTEN. Needs LUMO_DATABASE_URL; any number of machines may run it."""
    configure_logs("serve")
    with until_stopped():
        settings = _settings("serve", say=click.echo if descriptor is None else None)  # `lumo up` has said it
        from lumo.config.listening import listen
        from lumo.config.serve import serve as run_serve

        listener = listen(settings) if descriptor is None else socket.socket(fileno=descriptor)
        run_serve(settings, listener, only=only)


@click.command
@click.option("--only", type=click.Choice(["sending", "schedules"]), hidden=True, help="Be one of the children.")
def work(only: Literal["sending", "schedules"] | None) -> None:
    """Send messages and keep time, LUMO_WORKERS sending processes. Needs LUMO_DATABASE_URL; on any machine."""
    from lumo.config import work as workers

    configure_logs(only or "work")
    if only == "sending":
        workers.send(Settings.load())
    elif only == "schedules":
        workers.keep_time(Settings.load())
    else:
        with until_stopped():
            workers.work(_settings("work"), say=click.echo)


def _settings(command: str, *, say: Callable[[str], None] | None = None) -> Settings:
    """The settings of a process that needs an external database, once that answers; the children's too."""
    from lumo.config.database import wait_for_database
    from lumo.config.installation import check_key, publish, resolve

    settings = Settings.load()
    if not settings.database_url:
        raise SettingsError(
            f"lumo {command} needs LUMO_DATABASE_URL. On one machine `lumo up` runs everything, PostgreSQL included."
        )
    wait_for_database(settings.database_url, say=click.echo)
    settings = resolve(settings, database_url=settings.database_url, say=say)
    publish(settings)
    from django.db import connections

    try:
        check_key(settings)
    finally:
        connections.close_all()  # it runs for months, and may never ask Django again
    return settings
