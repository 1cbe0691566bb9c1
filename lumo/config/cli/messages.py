"""`lumo message …`"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from lumo.config.cli.database import database
from lumo.config.cli.options import json_option, workspace_option
from lumo.config.cli.output import local_time, print_columns, print_json
from lumo.lib.errors import NotPossibleError
from lumo.lib.settings import Settings

if TYPE_CHECKING:
    from lumo.messaging.models import AutoSendMessage, Placement
    from lumo.messaging.rehearsal import Rehearsal
    from lumo.workspaces.models import Workspace

_message_id = click.argument("message_id", metavar="asm_…")
_INPUT = click.File("rb")


@click.group
def message() -> None:
    """Auto Send Messages, which Flows send.

    docs/guides/messages.md describes the file format.
    """


@message.command(name="import")
@click.argument("file", type=_INPUT)
@workspace_option
@click.option("--new", is_flag=True, help="Make a new message, even if the file names one.")
@json_option
def import_(file: Any, workspace_id: str | None, new: bool, as_json: bool) -> None:
    """Make or revise a message from a FILE.

    YAML or JSON; - for standard input. It is the next revision of the message that the file names, if it names one.
    """
    content = file.read()
    with database(Settings.load()) as settings:
        from lumo.config.cli.scope import choose_workspace
        from lumo.messaging import files, services
        from lumo.messaging.checking import DocumentInvalidError

        workspace, read = choose_workspace(workspace_id), files.read(content)
        existing = None if new or not read.id else _get_message(read.id, hint=" To make a new one, add --new.")
        if existing and existing.workspace_id != workspace.pk:
            raise NotPossibleError(f"{read.id} is in another workspace. Add --new to make a copy in {workspace.name}.")
        try:
            saved = services.save_message(
                workspace,
                name=read.name,
                document=read.document,
                http_origin=settings.http_origin(),
                message=existing,
            )
        except DocumentInvalidError as error:
            raise NotPossibleError(str(error)) from error
        _warn_of_new_pastes(saved.message, list(saved.outdated))
        if as_json:
            print_json({"id": saved.message.public_id})
        else:
            click.echo(f"{saved.message.public_id}  {read.name}  (revision {saved.message.newest().number})")
            if not saved.message.placements.exists():
                click.echo(f"Next: lumo message get-json {saved.message.public_id}{_account_hint(workspace)}")


@message.command
@_message_id
@click.option("--format", "file_format", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def export(message_id: str, file_format: str) -> None:
    """Print a message as a file to import."""
    with database(Settings.load()):
        from lumo.messaging import files

        found = _get_message(message_id)
        file = files.MessageFile(found.public_id, found.name, found.newest().document())
        click.echo(files.write(file, as_json=file_format == "json"), nl=False)


@message.command(name="list")
@workspace_option
@json_option
def list_(workspace_id: str | None, as_json: bool) -> None:
    """List the messages of a Workspace."""
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_workspace
        from lumo.messaging.services import list_messages

        workspace = choose_workspace(workspace_id)
        found = list_messages(workspace)
        if as_json:
            print_json(found)
            return
        rows = [
            [
                one.id,
                one.name,
                "archived" if one.is_archived else "",
                " + ".join(one.blocks),
                one.trigger,
                one.placements,
                local_time(one.updated_at, workspace.time_zone),
            ]
            for one in found
        ]
        heads = ["ID", "NAME", "", "BLOCKS", "TRIGGER", "COPIED", f"UPDATED ({workspace.time_zone})"]
        print_columns(heads, rows, empty="There is none yet. Make one: lumo message import FILE")


@message.command(name="get-json")
@_message_id
@click.option(
    "--account", "account_id", metavar="oa_…", help="The LINE account that sends; needed if there are several."
)
@json_option
def get_json(message_id: str, account_id: str | None, as_json: bool) -> None:
    """Print the body for a Webhook action.

    That alone, ready to paste. Each call is for one more Webhook action: it has a placement of its own. With --json:
    the placement and the body.
    """
    with database(Settings.load()):
        from lumo.config.cli.scope import choose_account, get_account
        from lumo.messaging import services

        found = _get_message(message_id)
        account = get_account(account_id) if account_id else choose_account(found.workspace)
        placed = services.place(found, account)
        if as_json:
            print_json(placed)
        else:
            click.echo(placed.body)


@message.command
@_message_id
@click.option("--sample", default="", metavar="NAME", help="A sample event; a name that is none lists them.")
@click.option("--event", "event_file", type=_INPUT, help="An event's properties, as JSON.")
@click.option("--profile", "profile_file", type=_INPUT, help="A profile's properties, as JSON.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write a page that shows the phone.")
@click.option("--body", "with_body", is_flag=True, help="Print the body that Klaviyo would post instead.")
@json_option
def preview(
    message_id: str,
    sample: str,
    event_file: Any,
    profile_file: Any,
    html_file: Path | None,
    with_body: bool,
    as_json: bool,
) -> None:
    """Show what LINE would get. Nothing is sent.

    For a profile and an event: samples where none is given.
    """
    event, person = (_properties(file) if file else None for file in (event_file, profile_file))
    with database(Settings.load()) as settings:
        found = _get_message(message_id)
        rehearsal = _rehearse(found, settings, sample=sample, event=event, person=person)
        if html_file:
            html_file.write_text(_draw(found, rehearsal, settings), encoding="utf-8")
            click.echo(f"Written: {html_file}", err=True)
        if with_body:
            click.echo(rehearsal.body)
        elif as_json:
            nothing = {"reason": rehearsal.reason or None, "detail": rehearsal.detail}
            print_json({"messages": rehearsal.messages, **nothing})
        elif not html_file:
            click.echo(_tell(rehearsal))


@message.command
@_message_id
def archive(message_id: str) -> None:
    """Send nothing of a message any more.

    Requests that name it are refused, what waits of it is not sent.
    """
    with database(Settings.load()):
        found = _get_message(message_id)
        found.archive()
        click.echo(f"Archived: {found.name}. Bring it back: lumo message restore {found.public_id}")


@message.command
@_message_id
def restore(message_id: str) -> None:
    """Send an archived message again."""
    with database(Settings.load()):
        found = _get_message(message_id)
        found.restore()
        click.echo(f"Restored: {found.name}")


def _get_message(public_id: str, *, hint: str = "") -> "AutoSendMessage":
    from lumo.messaging.models import AutoSendMessage

    found = AutoSendMessage.objects.select_related("workspace").filter(public_id=public_id).first()
    if found is None:
        raise NotPossibleError(f"There is no message {public_id}. List them: lumo message list.{hint}")
    return found


def _rehearse(
    found: "AutoSendMessage",
    settings: Settings,
    *,
    sample: str,
    event: dict[str, Any] | None,
    person: dict[str, Any] | None,
) -> "Rehearsal":
    from lumo.integrations.klaviyo.templates import TemplateFault
    from lumo.messaging.contract import BodyInvalidError
    from lumo.messaging.rehearsal import choose_event, rehearse
    from lumo.messaging.samples import ORGANIZATION, sample_profiles

    document = found.newest().document()
    someone = sample_profiles()[0].person if person is None else person
    pictures = f"{settings.public_url}/static/messaging/samples"
    try:
        return rehearse(
            document,
            person=someone,
            event=choose_event(document, sample, pictures=pictures) if event is None else event,
            organization=ORGANIZATION,
            display_name=str(someone.get("first_name") or ""),
            http_origin=settings.http_origin(),
        )
    except (TemplateFault, BodyInvalidError) as error:
        raise NotPossibleError(f"Klaviyo would post what Lumo can't read: {error}") from error


def _draw(found: "AutoSendMessage", rehearsal: "Rehearsal", settings: Settings) -> str:
    from lumo.messaging.preview.page import draw_page

    account = found.workspace.accounts.order_by("number").first()
    sender = account.display_name if account else found.workspace.name
    return draw_page(rehearsal.messages, sender=sender, image_origins=[settings.http_origin()])


def _tell(rehearsal: "Rehearsal") -> str:
    from lumo.deliveries.explain import explain
    from lumo.messaging.outline import outline

    if rehearsal.messages:
        return outline(rehearsal.messages)
    explanation = explain(rehearsal.reason)
    return f"Nothing would be sent ({rehearsal.reason}). {explanation.headline} {explanation.remedy}"


def _properties(file: Any) -> dict[str, Any]:
    """An object out of a JSON file: properties alone, or an event as Klaviyo's API returns it."""
    try:
        content = msgspec.json.decode(file.read(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise NotPossibleError(f"{file.name} does not hold a JSON object: {error}.") from error
    properties = content.get("event_properties", content)
    if not isinstance(properties, dict):
        raise NotPossibleError(f"{file.name}: event_properties is no JSON object.")
    return properties


def _warn_of_new_pastes(saved: "AutoSendMessage", outdated: "list[Placement]") -> None:
    """Say on standard error, scripts read the other, which Webhook actions need a new paste."""
    if not outdated:
        return
    actions = "1 Webhook action needs" if len(outdated) == 1 else f"{len(outdated)} Webhook actions need"
    click.echo(f"{actions} a new paste: what was copied does not carry what the message now uses.", err=True)
    zone = saved.workspace.time_zone
    for placement in outdated:
        copied_at = local_time(placement.created_at, zone)
        click.echo(f"  {placement.public_id}  copied {copied_at} ({zone}) for {placement.account}", err=True)
    for account in dict.fromkeys(placement.account.public_id for placement in outdated):
        click.echo(f"Copy anew: lumo message get-json {saved.public_id} --account {account}", err=True)


def _account_hint(workspace: "Workspace") -> str:
    return " --account oa_…" if workspace.accounts.count() > 1 else ""
