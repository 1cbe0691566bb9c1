"""The Klaviyo emulator: whose key it is, and how it refuses."""

import pytest

from lumo.sandbox.asgi import KLAVIYO
from lumo.sandbox.tests.conftest import Sandbox

HEADERS = {"authorization": "Klaviyo-API-Key pk_5a6d626f78", "revision": "2026-07-15"}


def test_a_key_belongs_to_the_sample_shop(sandbox: Sandbox) -> None:
    answer = sandbox.ask("GET", f"{KLAVIYO}/api/accounts", headers=HEADERS)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/vnd.api+json")
    [account] = answer.content["data"]
    assert account["attributes"]["contact_information"]["organization_name"] == "Sample Shop"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/api/accounts", {"authorization": "Klaviyo-API-Key wrong"}, 401),
        ("GET", "/api/accounts", {"authorization": ""}, 401),
        ("GET", "/api/accounts", {"revision": ""}, 400),
        ("POST", "/api/accounts", {}, 405),
        ("GET", "/api/nothing", {}, 404),
    ],
)
def test_it_refuses_in_json_api(sandbox: Sandbox, method: str, path: str, headers: dict[str, str], status: int) -> None:
    answer = sandbox.ask(method, f"{KLAVIYO}{path}", headers=HEADERS | headers)
    [error] = answer.content["errors"]
    assert (answer.status, error["status"]) == (status, status)
    assert error["detail"]
