"""The `lumo` command. Each noun is a module that is imported only when it is asked for: a sending process is lean."""

import sys
from importlib import import_module
from typing import Any

import click

from lumo import __version__
from lumo.integrations.errors import ProviderError
from lumo.lib.encryption import WrongSecretKeyError
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import SettingsError

_TOLD_TO_PEOPLE = (SettingsError, NotPossibleError, ProviderError, WrongSecretKeyError)

# Command → module and name in it, in the order in which `lumo --help` lists them.
_COMMANDS = {
    "up": "run.up",
    "serve": "run.serve",
    "work": "run.work",
    "migrate": "upkeep.migrate",
    "check": "upkeep.check",
    "rekey": "upkeep.rekey",
    "workspace": "workspaces.workspace",
    "line": "line.line",
    "klaviyo": "klaviyo.klaviyo",
    "message": "messages.message",
    "deliveries": "deliveries.deliveries",
    "profile": "profiles.profile",
}


class _Lumo(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(".")
        command: click.Command = getattr(import_module(f"lumo.config.cli.{module}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Errors that are meant for people are their message on standard error and exit status 1, no traceback."""
        try:
            return super().invoke(ctx)
        except _TOLD_TO_PEOPLE as error:
            click.echo(str(error), err=True)
            ctx.exit(1)
        except BrokenPipeError:
            raise  # click knows that it is nobody's fault
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            click.echo(f"{error.strerror or error}{place}", err=True)
            sys.stdout = None  # what it still holds can't be written at the end either
            ctx.exit(1)


@click.group(cls=_Lumo, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lumo")
def main() -> None:
    """LINE messages out of Klaviyo Flows: at once, exactly once.

    Settings are environment variables, LUMO_…; docs/operations.md lists them.
    """
