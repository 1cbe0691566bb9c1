"""The sandbox's pages: a LINE phone in the browser, LINE's faults, what became of each request."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from lumo.accounts.models import OfficialAccount
from lumo.deliveries.explain import explain
from lumo.deliveries.log import LoggedDelivery, list_deliveries
from lumo.deliveries.reasons import Reason
from lumo.sandbox.chats import Chat, open_chat
from lumo.sandbox.forms import FaultsForm, StateForm
from lumo.sandbox.record import LineRecord
from lumo.workspaces.models import Workspace

_FRIENDS = 100
_DELIVERIES = 50


@require_safe
def phone(request: HttpRequest) -> HttpResponse:
    """The phone of whoever got a message last; while there is none, htmx asks for it."""
    with _record() as record:
        friends = record.list_friends(limit=1)
    if friends:
        found = redirect("sandbox:chat", friends[0].channel_id, friends[0].user_id)
        return HttpResponseClientRedirect(found.url) if _is_htmx(request) else found
    return HttpResponse(status=204) if _is_htmx(request) else render(request, "sandbox/phone.html", {"page": "phone"})


@require_safe
def chat(request: HttpRequest, channel_id: str, user_id: str) -> HttpResponse:
    """A friend's phone. To htmx the part of it that changes, or 204 when it has been seen as it is."""
    with _record() as record:
        shown = _get_chat(record, channel_id, user_id)
        context = _describe(record, shown, FaultsForm.showing(record.faults(), shown.channel))
    if not _is_htmx(request):
        return render(request, "sandbox/phone.html", context)
    if request.GET.get("seen") == context["version"]:
        return HttpResponse(status=204)
    return render(request, "sandbox/_live.html", context)


@require_POST
def set_state(request: HttpRequest, channel_id: str, user_id: str) -> HttpResponse:
    """Say how a friend stands to an account."""
    form = StateForm(request.POST)
    with _record() as record:
        _get_chat(record, channel_id, user_id)
        if form.is_valid():
            record.set_friend(channel_id, user_id, state=form.cleaned_data["state"])
    return redirect("sandbox:chat", channel_id, user_id)


@require_POST
def set_faults(request: HttpRequest, channel_id: str, user_id: str) -> HttpResponse:
    """Let LINE misbehave, or behave again; what can't be is shown beside the field, with all that was typed."""
    form = FaultsForm(request.POST)
    with _record() as record:
        shown = _get_chat(record, channel_id, user_id)
        if not form.is_valid():
            return render(request, "sandbox/phone.html", _describe(record, shown, form), status=422)
        record.set_faults(form.faults())
        record.set_quota(form.cleaned_data["quota"], shown.channel.used, channel_id=channel_id)
    for account in OfficialAccount.objects.filter(channel_id=channel_id, paused_reason=Reason.QUOTA):
        account.resume()  # Lumo's own check comes every ten minutes; nobody waits that long for a sandbox
    return redirect("sandbox:chat", channel_id, user_id)


@require_safe
def deliveries(request: HttpRequest) -> HttpResponse:
    """The newest requests of every workspace and what became of them."""
    shops = [(workspace, _tell(workspace)) for workspace in Workspace.objects.order_by("pk")]
    return render(request, "sandbox/deliveries.html", {"page": "deliveries", "shops": shops})


def _tell(workspace: Workspace) -> list[tuple[LoggedDelivery, str]]:
    lines = list_deliveries(workspace.pk, limit=_DELIVERIES)
    return [(line, str(explain(line.reason).headline) if line.reason else "") for line in lines]


def _describe(record: LineRecord, shown: Chat, faults_form: FaultsForm) -> dict[str, object]:
    """What the phone's page shows; `version` changes with what a phone and the list of friends show."""
    friends = record.list_friends(limit=_FRIENDS)
    return {
        "page": "phone",
        "chat": shown,
        "friends": friends,
        "version": sha256(msgspec.json.encode([shown, friends])).hexdigest()[:16],
        "state_form": StateForm(initial={"state": shown.friend.state}),
        "faults_form": faults_form,
        "time_zone": _find_time_zone(shown.channel.channel_id),
    }


def _find_time_zone(channel_id: str) -> str:
    """The zone of a shop that speaks as this account, as its friends are thought to live there too."""
    account = OfficialAccount.objects.filter(channel_id=channel_id).select_related("workspace").first()
    return account.workspace.time_zone if account else "UTC"


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@contextmanager
def _record() -> Iterator[LineRecord]:
    with LineRecord(Path(settings.LUMO_SANDBOX_RECORD)) as record:
        yield record


def _get_chat(record: LineRecord, channel_id: str, user_id: str) -> Chat:
    found = open_chat(record, channel_id, user_id)
    if found is None:
        raise Http404(_("The sandbox knows no such friend."))
    return found
