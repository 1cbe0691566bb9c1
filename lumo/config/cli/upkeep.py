"""`lumo migrate`, `lumo check`, `lumo rekey`: keeping an installation well."""

import click

from lumo.config.cli.database import PATIENCE, database, say, server
from lumo.config.cli.options import json_option
from lumo.config.cli.output import print_json
from lumo.lib.settings import Settings, SettingsError

_MARKS = {"ok": "✓", "note": "•", "wrong": "✗"}


@click.command
def migrate() -> None:
    """Bring the database's schema up to date. Several machines may do so at once."""
    with database(Settings.load()):
        click.echo("The schema is up to date.")


@click.command
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Say what is wrong and how to mend it. Exit status 1 when something is. Changes nothing."""
    from lumo.config.checks import Finding, examine

    try:
        settings = Settings.load()
        with server(settings) as url:
            findings = examine(settings, database_url=url, say=say, patience=PATIENCE)
    except SettingsError as error:
        findings = [Finding("start", "wrong", str(error))]
    is_well = all(finding.level != "wrong" for finding in findings)
    if as_json:
        print_json({"is_well": is_well, "findings": findings})
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.level]} {finding.check}: {finding.message}")
            if finding.fix:
                click.echo(f"    {finding.fix}")
    ctx.exit(0 if is_well else 1)


@click.command
def rekey() -> None:
    """Encrypt every secret anew with the newest key.

    First add the new key in front of the old one: LUMO_SECRET_KEY="new,old", or a line above it in the data folder's
    secret_key, and restart every process, on every machine: one that does not know the new key can read no secret
    after this. Then rekey. Then the old key can go.
    """
    with database(Settings.load()) as settings:
        from lumo.config.rekey import rekey as encrypt_anew

        click.echo(f"{encrypt_anew(settings)} secrets are encrypted with the newest key. Older keys can go.")
