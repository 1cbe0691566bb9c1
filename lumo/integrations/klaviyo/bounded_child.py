"""The process that renders for `bounded`: it says that it is ready, reads one request, answers line by line, ends.

It has no secrets, no settings and no database, and gives up its means before it reads a word of a template.
"""

import math
import resource
import sys

import msgspec

from lumo.integrations.klaviyo.bounded import MEMORY_LIMIT, Outcome, Request
from lumo.integrations.klaviyo.template_limits import TemplateFault
from lumo.integrations.klaviyo.templates import render

_FILES_LIMIT = 16  # to read a module or a zone late; pipes take three


def main() -> None:
    """Render the jobs of the request on standard input; an argument gives the seconds they may take in all."""
    _give_up_means(float(sys.argv[1]))
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    for job in request.jobs:
        sys.stdout.buffer.write(_render(request.source, job.context, job.autoescape) + b"\n")
        sys.stdout.buffer.flush()


def _give_up_means(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    for kind, limit in {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: MEMORY_LIMIT,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _FILES_LIMIT,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }.items():
        granted = resource.getrlimit(kind)[1]
        lower = limit if granted == resource.RLIM_INFINITY else min(limit, granted)
        resource.setrlimit(kind, (lower, lower))


def _render(source: str, context: dict[str, object], autoescape: bool) -> bytes:
    try:
        outcome = Outcome(text=render(source, context, autoescape=autoescape))
    except TemplateFault as fault:
        outcome = Outcome(message=fault.message, line=fault.line)
    return msgspec.json.encode(outcome)


if __name__ == "__main__":
    main()
