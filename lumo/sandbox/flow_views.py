"""The Flow runner's pages: paste a Webhook action, choose a person and an event, run it, see what becomes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lumo.integrations.klaviyo.templates import TemplateFault
from lumo.lib import clock
from lumo.messaging.samples import SampleEvent, sample_events
from lumo.sandbox.flow_forms import FlowForm, TrialForm
from lumo.sandbox.flow_preview import Preview, describe_fault, preview
from lumo.sandbox.flow_record import Flow, FlowRecord, Run
from lumo.sandbox.flow_runner import flow_record_path, make_context, start_run
from lumo.sandbox.flow_settings import find_first_action, find_time_zone
from lumo.sandbox.flow_stories import describe_run, tell

_RUNS = 20
_PAGE = {"page": "flows"}


@require_safe
def flows(request: HttpRequest) -> HttpResponse:
    """Every Flow with the state of its last run."""
    with _record() as record:
        listed = [(flow, describe_run(run) if run else None) for flow, run in record.list_flows()]
    return render(request, "sandbox/flows.html", _PAGE | {"flows": listed})


@require_http_methods(["GET", "HEAD", "POST"])
def new_flow(request: HttpRequest) -> HttpResponse:
    """Create a Webhook action; the form begins with the Flow Message Settings of the first connected workspace."""
    form = FlowForm(request.POST) if request.method == "POST" else FlowForm(initial=find_first_action(settings.LUMO))
    if not form.is_valid():
        return _render_form(request, form)
    with _record() as record:
        flow = record.add_flow(form.flow(), now_ms=clock.unix_ms())
    return redirect("sandbox:flow", flow.id)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_flow(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Change a Webhook action."""
    with _record() as record:
        flow = _get_flow(record, flow_id)
        form = FlowForm(request.POST) if request.method == "POST" else FlowForm.showing(flow)
        if not form.is_valid():
            return _render_form(request, form, flow)
        record.change_flow(flow_id, form.flow())
    return redirect("sandbox:flow", flow_id)


@require_http_methods(["GET", "HEAD", "POST"])
def flow(request: HttpRequest, flow_id: int) -> HttpResponse:
    """A Webhook action and its runs; POST previews the body for the person and event chosen, and sends nothing."""
    with _record() as record:
        shown = _get_flow(record, flow_id)
        form = _trial_form(request, shown)
        found = _preview(shown, form) if form.is_valid() else None
        context = _describe(record, shown, form) | {"preview": found}
    status = 422 if form.errors or (found and found.faults) else 200
    return render(request, "sandbox/flow.html", context, status=status)


@require_POST
def start(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Let the chosen person come to the action. The serving process posts; a body without a rendering is refused."""
    with _record() as record:
        shown = _get_flow(record, flow_id)
        form = _trial_form(request, shown)
        if not form.is_valid():
            return render(request, "sandbox/flow.html", _describe(record, shown, form), status=422)
        try:
            begun = start_run(record, flow_id, pictures=_pictures(), **form.choices())
        except TemplateFault as fault:
            refused = {"preview": Preview("", [describe_fault(fault)], [])}
            return render(request, "sandbox/flow.html", _describe(record, shown, form) | refused, status=422)
    return redirect("sandbox:run", flow_id, begun.id)


@require_safe
def run(request: HttpRequest, flow_id: int, run_id: int) -> HttpResponse:
    """The story of a run. To htmx the part of it that changes; it asks until no try will follow."""
    with _record() as record:
        shown = _get_flow(record, flow_id)
        story = tell(_get_run(record, flow_id, run_id), record.list_tries(run_id))
    is_htmx = request.headers.get("HX-Request") == "true"
    context = _PAGE | {"flow": shown, "story": story, "time_zone": find_time_zone()}
    return render(request, "sandbox/_run_live.html" if is_htmx else "sandbox/run.html", context)


def _render_form(request: HttpRequest, form: FlowForm, flow: Flow | None = None) -> HttpResponse:
    context = _PAGE | {"form": form, "flow": flow}
    return render(request, "sandbox/flow_form.html", context, status=422 if form.is_bound else 200)


def _trial_form(request: HttpRequest, flow: Flow) -> TrialForm:
    events = _events(flow)
    return TrialForm(
        request.POST if request.method == "POST" else None, events=events, initial=TrialForm.FIRST | request.GET.dict()
    )


def _preview(flow: Flow, form: TrialForm) -> Preview:
    chosen = form.choices()
    context = make_context(profile_key=chosen["profile_key"], event_key=chosen["event_key"], pictures=_pictures())
    return preview(flow.body, context, escapes_html=chosen["escapes_html"])


def _describe(record: FlowRecord, flow: Flow, form: TrialForm) -> dict[str, object]:
    stories = [describe_run(run) for run in record.list_runs(flow.id, limit=_RUNS)]
    return _PAGE | {"flow": flow, "form": form, "runs": stories, "time_zone": find_time_zone()}


def _events(flow: Flow) -> list[SampleEvent]:
    return [event for event in sample_events(pictures=_pictures()) if event.metric == flow.metric]


def _pictures() -> str:
    return settings.LUMO.public_url + static("messaging/samples")


@contextmanager
def _record() -> Iterator[FlowRecord]:
    with FlowRecord(flow_record_path(Path(settings.LUMO_SANDBOX_RECORD))) as record:
        yield record


def _get_flow(record: FlowRecord, flow_id: int) -> Flow:
    found = record.find_flow(flow_id)
    if found is None:
        raise Http404(_("The sandbox knows no such Flow."))
    return found


def _get_run(record: FlowRecord, flow_id: int, run_id: int) -> Run:
    found = record.find_run(run_id)
    if found is None or found.flow_id != flow_id:
        raise Http404(_("The sandbox knows no such run."))
    return found
