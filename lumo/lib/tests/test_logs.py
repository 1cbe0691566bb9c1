"""Logs of a real process."""

import json
import subprocess
import sys

_FAILS = """
import logging
from lumo.lib.logs import configure_logs, get_logger
configure_logs("serve")
log = get_logger("here")
def fail(secret):
    raise ValueError("why")
try:
    fail("hunter2")
except ValueError:
    log.exception("request failed", trace_id="1")
    logging.getLogger("uvicorn.error").exception("it too")
"""

_IS_QUIET = """
import logging
from lumo.lib.logs import configure_logs
configure_logs("serve")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
logging.getLogger("django.request").warning("Not Found: /wp-admin")
logging.getLogger("django.security.DisallowedHost").error("Invalid HTTP_HOST header: 'x'.")
logging.getLogger("django.request").error("Internal Server Error: /")
"""


def test_what_any_stranger_can_cause_is_not_logged() -> None:
    done = subprocess.run([sys.executable, "-c", _IS_QUIET], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["Internal Server Error: /"]


def test_an_exception_is_one_line_of_json_without_the_values_of_variables() -> None:
    done = subprocess.run([sys.executable, "-c", _FAILS], capture_output=True, text=True, check=True)
    ours, foreign = [json.loads(line) for line in done.stderr.splitlines()]
    assert (ours["event"], ours["process"], ours["trace_id"]) == ("request failed", "serve", "1")
    assert ours["exception"][0]["exc_value"] == foreign["exception"][0]["exc_value"] == "why"
    assert "hunter2" not in done.stderr
