"""`lumo deliveries …`"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from lumo.config.cli.database import database
from lumo.config.cli.options import Moment, json_option, workspace_option
from lumo.config.cli.output import local_time, print_columns, print_json
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.deliveries.log import FlowFacts, LoggedDelivery, LoggedState, SentMessage, Step

_STATES = click.Choice(["waiting", "delivered", "failed", "skipped", "refused", "duplicate"])
_ID = click.IntRange(min=0, max=(1 << 63) - 1)


@click.group
def deliveries() -> None:
    """What became of every request."""


@deliveries.command(name="list")
@workspace_option
@click.option("--state", type=_STATES, help="Only these.")
@click.option("--reason", help="Only those with this code, such as blocked.")
@click.option("--since", type=Moment(), help="Only those since then.")
@click.option("--before", type=_ID, metavar="ID", help="Older than this one: the last ID of the page before.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@json_option
def list_(
    workspace_id: str | None,
    state: "LoggedState | None",
    reason: str | None,
    since: datetime | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List deliveries and refused requests, newest first."""
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace
        from lumo.deliveries.log import list_deliveries

        workspace = choose_workspace(workspace_id)
        found = list_deliveries(workspace.pk, state=state, reason=reason, since=since, before=before, limit=limit)
        if as_json:
            print_json([_described(line) for line in found])
            return
        print_columns(
            ["ID", "STATE", "REASON", "LINE USER", f"RECEIVED ({workspace.time_zone})", "DONE OR NEXT"],
            [_row(line, workspace.time_zone) for line in found],
            empty="There are none.",
        )
        if len(found) == limit:
            click.echo(f"Older ones: --before {found[-1].id}")


@deliveries.command
@click.argument("delivery_id", type=_ID, metavar="ID")
@workspace_option
@json_option
def show(delivery_id: int, workspace_id: str | None, as_json: bool) -> None:
    """Show one delivery or refused request.

    What happened, when and why, and what to do.
    """
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace
        from lumo.deliveries.log import find_delivery, find_facts, find_message, tell_steps

        workspace = choose_workspace(workspace_id)
        line = find_delivery(workspace.pk, delivery_id)
        if line is None:
            raise NotPossibleError(f"There is no delivery {delivery_id} in {workspace.name}.")
        facts, message, steps = find_facts(workspace.pk, line), find_message(line), tell_steps(line)
        if as_json:
            more = {"message": message, "request": facts, "steps": steps, "remedy": _remedy(line)}
            print_json(_described(line) | more)
        else:
            _print_story(line, facts, message, steps, workspace.time_zone)


@deliveries.command
@click.argument("delivery_id", type=_ID, metavar="ID")
@workspace_option
@json_option
def retry(delivery_id: int, workspace_id: str | None, as_json: bool) -> None:
    """Send a failed, skipped or refused one again.

    As a new delivery, and only where LINE certainly accepted nothing of it.
    """
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace
        from lumo.deliveries import retry as again

        new_id = again.retry(choose_workspace(workspace_id).pk, delivery_id)
        if as_json:
            print_json({"id": str(new_id)})
        else:
            click.echo(f"{new_id}  See what becomes of it: lumo deliveries show {new_id}")


def _described(line: "LoggedDelivery") -> dict[str, Any]:
    return {
        "id": str(line.id),
        "state": line.state,
        "reason": line.reason,
        "detail": line.detail,
        "line_user_id": line.line_user_id,
        "account": line.account or None,
        "created_at": line.created_at,
        "finished_at": line.finished_at,
        "due_at": line.due_at,
        "attempts": line.attempts,
        "line_request_id": line.line_request_id or None,
        "original_id": str(line.original_id) if line.original_id is not None else None,
    }


def _row(line: "LoggedDelivery", zone: str) -> list[object]:
    then = line.finished_at or line.due_at
    received = local_time(line.created_at, zone)
    return [line.id, line.state, line.reason, line.line_user_id, received, local_time(then, zone)]


def _remedy(line: "LoggedDelivery") -> str:
    from lumo.deliveries.explain import explain

    return str(explain(line.reason).remedy) if line.reason else ""


def _print_story(
    line: "LoggedDelivery", facts: "FlowFacts | None", message: "SentMessage | None", steps: "list[Step]", zone: str
) -> None:
    click.echo(f"{line.id}  {line.state}{f' ({line.reason})' if line.reason else ''}")
    for step in steps:
        click.echo(f"  {local_time(step.at, zone) or '–':19}  {step.what}")
    click.echo(f"  Times are those of {zone}.")
    known = {
        "To": f"{line.line_user_id} {line.account}",
        "Message": f"{message.id} {message.name} (revision {message.revision})" if message else "",
        "Attempts": line.attempts or "",
        "LINE's request": line.line_request_id,
        "Flow": facts.flow_id if facts else "",
        "Placement": facts.placement if facts else "",
        "Profile": facts.profile if facts else "",
        "Event": facts.event if facts else "",
        "What to do": _remedy(line),
    }
    for name, value in known.items():
        if str(value).strip():
            click.echo(f"  {name}: {value}")
    if facts is None:
        click.echo("  Its request is not stored any more.")
