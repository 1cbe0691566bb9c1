"""The `lumo` command in this process, against the test's database and providers of its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lumo.config.cli import main
from lumo.lib.settings import Settings
from tests.providers import Providers, providers

CHANNEL, SECRET, API_KEY = "1650000001", "a-channel-secret", "pk_5a6d626f78"


class Lumo:
    """Runs commands with an environment of their own, which ends with each of them."""

    def __init__(self, settings: Settings, known: Providers) -> None:
        self.environment = {
            "LUMO_DATA_DIR": str(settings.data_dir),
            "LUMO_DATABASE_URL": settings.database_url,
            "LUMO_SECRET_KEY": settings.secret_keys[0],
            "LUMO_LISTEN": settings.listen,
            "LUMO_PUBLIC_URL": "https://lumo.example.com",
            "LUMO_SANDBOX": "0",
            "LUMO_LINE_API_URL": known.url,
            "LUMO_KLAVIYO_API_URL": known.url,
        }
        self.printed = ""

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> Result:
        """Run a command; whatever it does, it shows no traceback."""
        result = CliRunner().invoke(main, arguments, input=stdin, env=self.environment | environment)
        self.printed += result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def json(self, *arguments: str, stdin: str | None = None, **environment: str) -> Any:
        """Run a command with `--json` that must succeed."""
        result = self.run(*arguments, "--json", stdin=stdin, **environment)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def fail(self, *arguments: str, code: int = 1, stdin: str | None = None, **environment: str) -> str:
        """Run a command that must fail; what it says on standard error. Nothing goes to standard output."""
        result = self.run(*arguments, stdin=stdin, **environment)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        return result.stderr


@pytest.fixture
def known() -> Iterator[Providers]:
    """LINE with the channel `CHANNEL`, Klaviyo with the key `API_KEY`."""
    with providers() as both:
        both.add_channel(CHANNEL, SECRET)
        both.api_keys[API_KEY] = "AbCdEf"
        yield both


@pytest.fixture
def lumo(settings: Settings, known: Providers) -> Lumo:
    return Lumo(settings, known)


@pytest.fixture
def shop(lumo: Lumo) -> str:
    """The public id of a workspace."""
    made: str = lumo.json("workspace", "create", "--name", "Tea Shop")["id"]
    return made
