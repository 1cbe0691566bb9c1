"""`lumo check`, `lumo migrate`, `lumo rekey`."""

import json
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec
import psycopg
import pytest

from lumo.accounts.models import OfficialAccount
from lumo.config.announcement import announced
from lumo.config.checks import _way_in
from lumo.config.tests.conftest import API_KEY, CHANNEL, SECRET, Lumo
from lumo.deliveries import ids
from lumo.lib import clock
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.profiles.models import KlaviyoConnection
from lumo.workspaces.models import Installation
from tests.logged import hold, receive
from tests.providers import Providers
from tests.waiting import fetch

NEW_KEY, OTHER_KEY = "n" * 32, "o" * 32
_WORKERS = "Run lumo up, or lumo work on any machine; then look at its log."
_REFUSED = """
    INSERT INTO refusal_counts (connection_id, code, hour, count)
    SELECT id, '{code}', date_trunc('hour', now()) - hours * interval '1 hour', 7
    FROM klaviyo_connections, unnest(ARRAY[0, 24]) AS hours
"""


@pytest.fixture
def header_value(lumo: Lumo, shop: str) -> str:
    """The authentication key of a workspace with LINE and Klaviyo connected."""
    lumo.json("line", "connect", "--channel-id", CHANNEL, "--channel-secret", SECRET)
    lumo.json("klaviyo", "connect", "--api-key", API_KEY)
    value: str = lumo.json("klaviyo", "flow-settings")["header_value"]
    lumo.printed = ""
    return value


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    """A sending process as far as the database sees it."""
    with psycopg.connect(settings.database_url, application_name="lumo-jobs"):
        yield


@pytest.mark.usefixtures("worker", "header_value")
def test_an_installation_that_is_well(lumo: Lumo) -> None:
    findings = _check(lumo)
    kinds = {finding["check"].split()[0] for finding in findings}
    assert kinds == {"database", "public", "disk", "LINE", "Klaviyo", "workers"}
    assert {finding["level"] for finding in findings} == {"ok"}
    told = lumo.run("check")
    assert told.exit_code == 0
    assert [line[0] for line in told.stdout.splitlines()] == ["✓"] * len(findings)


@pytest.mark.usefixtures("worker", "header_value")
@pytest.mark.parametrize(
    ("happened", "check", "level", "message", "fix"),
    [
        (
            "UPDATE official_accounts SET paused_reason = 'quota', paused_at = '2026-11-24T09:00Z'",
            "LINE oa_",
            "wrong",
            "Paused since 2026-11-24 09:00 UTC: The month's LINE messages are used up. Deliveries that wait: 0.",
            "Raise the LINE plan; Lumo notices within 10 minutes. What waits is kept for 23 hours. Then: lumo line res",
        ),
        (
            "UPDATE official_accounts SET paused_reason = 'line_token', paused_detail = 'Authentication failed.'",
            "LINE oa_",
            "wrong",
            "Paused: LINE refuses the account's credentials. Authentication failed. Deliveries that wait: 0.",
            "Connect it again.",
        ),
        (
            _REFUSED.format(code="key_reissued"),
            "authentication key",
            "wrong",
            "7 requests to Tea Shop carried an old authentication key in the last 24 hours.",
            "Run lumo klaviyo flow-settings and put Header Value into every Webhook action.",
        ),
        (
            _REFUSED.format(code="key_wrong"),
            "authentication key",
            "note",
            "7 requests to Tea Shop were refused as key_wrong in the last 24 hours.",
            "If they are your Flow's: Run lumo klaviyo flow-settings",
        ),
        ("UPDATE klaviyo_connections SET is_enabled = false", "Klaviyo kc_", "note", "It is switched off", "Run: lumo"),
        ("DELETE FROM django_migrations WHERE app = 'flows'", "start", "wrong", "The database lacks 1 migrations.", ""),
    ],
)
def test_what_the_database_tells(
    settings: Settings, lumo: Lumo, happened: str, check: str, level: str, message: str, fix: str
) -> None:
    fetch(settings, happened)
    [found] = [finding for finding in _check(lumo) if finding["level"] != "ok"]
    assert found["check"].startswith(check)
    assert found["level"] == level
    assert found["message"].startswith(message)
    assert found["fix"].startswith(fix)


@pytest.mark.usefixtures("worker", "header_value")
def test_what_line_and_klaviyo_refuse_is_told_in_their_words(lumo: Lumo, known: Providers) -> None:
    known.secrets[CHANNEL] = "another-secret"
    known.api_keys.clear()
    refused = [finding for finding in _check(lumo) if finding["level"] == "wrong"]
    words = ["invalid client_secret", "Incorrect authentication credentials."]
    assert [finding["message"] for finding in refused] == words
    assert refused[0]["fix"] == "Run lumo line connect with the channel's present credentials."
    known.is_down = True
    away = [finding["message"] for finding in _check(lumo) if finding["level"] == "wrong"]
    assert away == [f"It can't be asked now ({words})." for words in ("status 503", "Klaviyo answered 503.")]


@pytest.mark.usefixtures("header_value")
def test_without_a_worker_it_is_worth_a_note_until_something_waits_too_long(settings: Settings, lumo: Lumo) -> None:
    account = OfficialAccount.objects.get()
    hold(settings, receive(settings, account), "quiet_hours", due_at=clock.now() + timedelta(hours=1))
    receive(settings, account)
    assert _find(lumo, "workers") == ("note", "No worker is connected: nothing is sent now.")
    receive(settings, account, base_id=ids.first_id_at(clock.now() - timedelta(minutes=10)))
    level, message = _find(lumo, "workers")
    assert level == "wrong"
    assert message.startswith("Deliveries that wait longer than 5 minutes: 1, the first since ")
    assert message.endswith(" UTC. Workers that are connected: 0.")
    OfficialAccount.objects.update(paused_reason="quota")  # then it is the pause that is wrong
    assert _find(lumo, "workers")[0] == "note"


def test_a_new_installation_is_told_what_comes_next_and_left_as_it_is(lumo: Lumo) -> None:
    findings = _check(lumo, LUMO_PUBLIC_URL="http://127.0.0.1:8000")
    fixes = [finding["fix"].partition(":")[0] for finding in findings if finding["level"] == "note"]
    assert fixes == ["Set LUMO_PUBLIC_URL to the https address of the proxy in front of Lumo.", "Run", "Run", _WORKERS]
    assert not Installation.objects.exists()


def test_the_way_in_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "o'clock $(false)"
    settings = Settings(data_dir=folder, database_url=f"postgresql://lumo@/lumo?host={quote(str(folder))}&port=5432")
    [found] = _way_in(settings)
    command = found.message.removeprefix("While Lumo runs: ").partition(" ")[2].partition('" ')[2]
    assert shlex.split(command)[1:3] == ["-h", str(folder)]
    assert f"$(cat {shlex.quote(str(folder / 'postgres' / 'password'))})" in found.message


def test_a_secret_key_that_others_can_read_is_wrong(settings: Settings, lumo: Lumo) -> None:
    file = settings.data_dir / "secret_key"
    file.write_text(NEW_KEY)
    for mode, level in [(0o640, "wrong"), (0o604, "wrong"), (0o600, None)]:
        file.chmod(mode)
        assert _find(lumo, "secret key")[0] == level


@pytest.mark.usefixtures("header_value")
def test_another_secret_key_than_the_databases_is_wrong(lumo: Lumo) -> None:
    [found] = _check(lumo, LUMO_SECRET_KEY=OTHER_KEY)
    assert (found["check"], found["level"]) == ("start", "wrong")
    assert found["message"].startswith("LUMO_SECRET_KEY is not the one")


def test_what_is_missing_in_the_schema_is_migrated(settings: Settings, lumo: Lumo) -> None:
    fetch(settings, "DROP TABLE request_rates")
    fetch(settings, "DROP TABLE refusal_counts")
    fetch(settings, "DELETE FROM django_migrations WHERE app = 'flows'")
    for _ in range(2):
        assert lumo.run("migrate").stdout == "The schema is up to date.\n"
    assert fetch(settings, "SELECT FROM refusal_counts") == []


def test_after_a_rekey_the_new_key_alone_opens_everything(lumo: Lumo, header_value: str) -> None:
    old_key = lumo.environment["LUMO_SECRET_KEY"]
    for _ in range(2):
        done = lumo.run("rekey", LUMO_SECRET_KEY=f"{NEW_KEY},{old_key}")
        assert done.stdout == "3 secrets are encrypted with the newest key. Older keys can go.\n"
    assert lumo.json("klaviyo", "flow-settings", LUMO_SECRET_KEY=NEW_KEY)["header_value"] == header_value
    assert {finding["level"] for finding in _check(lumo, LUMO_SECRET_KEY=NEW_KEY)} == {"ok", "note"}
    assert lumo.fail("klaviyo", "flow-settings").startswith("LUMO_SECRET_KEY is not the one")


@pytest.mark.usefixtures("header_value")
def test_a_rekey_waits_until_the_running_lumo_knows_the_new_key(settings: Settings, lumo: Lumo) -> None:
    old_key = lumo.environment["LUMO_SECRET_KEY"]
    keys = f"{NEW_KEY},{old_key}"
    with announced(settings):
        assert lumo.fail("rekey", LUMO_SECRET_KEY=keys).startswith("The Lumo that runs was started with another newest")
    with announced(msgspec.structs.replace(settings, secret_keys=(NEW_KEY, old_key))):
        assert NEW_KEY not in (settings.data_dir / "running.json").read_text()
        assert lumo.run("rekey", LUMO_SECRET_KEY=keys).exit_code == 0


@pytest.mark.usefixtures("header_value")
def test_a_rekey_without_the_old_key_is_refused(lumo: Lumo) -> None:
    assert lumo.fail("rekey", LUMO_SECRET_KEY=NEW_KEY).startswith("LUMO_SECRET_KEY is not the one")
    assert lumo.fail("rekey", LUMO_SECRET_KEY="short").startswith("LUMO_SECRET_KEY holds a key of fewer than 32")


@pytest.mark.usefixtures("header_value")
def test_a_rekey_that_meets_a_foreign_secret_changes_none(lumo: Lumo) -> None:
    KlaviyoConnection.objects.update(key_encrypted=Keyring((OTHER_KEY,)).encrypt("x"))
    before = OfficialAccount.objects.get().channel_secret_encrypted
    said = lumo.fail("rekey", LUMO_SECRET_KEY=f"{NEW_KEY},{lumo.environment['LUMO_SECRET_KEY']}")
    assert said == "LUMO_SECRET_KEY does not fit this database: its secrets were encrypted with another key.\n"
    assert OfficialAccount.objects.get().channel_secret_encrypted == before


def test_no_secret_is_ever_printed(lumo: Lumo, known: Providers, header_value: str) -> None:
    old_key = lumo.environment["LUMO_SECRET_KEY"]
    lumo.run("check")
    lumo.run("check", LUMO_SECRET_KEY=OTHER_KEY)
    known.secrets[CHANNEL] = "another-secret"
    _check(lumo)
    lumo.run("rekey", LUMO_SECRET_KEY=f"{NEW_KEY},{old_key}")
    lumo.fail("rekey", LUMO_SECRET_KEY=OTHER_KEY)
    secrets = (SECRET, API_KEY, f"token-of-{CHANNEL}", NEW_KEY, OTHER_KEY, old_key, header_value)
    assert not [secret for secret in secrets if secret in lumo.printed]


def _check(lumo: Lumo, **environment: str) -> list[dict[str, str]]:
    """What `lumo check` finds; its exit status is that of its findings."""
    result = lumo.run("check", "--json", **environment)
    told = json.loads(result.stdout)
    findings: list[dict[str, str]] = told["findings"]
    assert told["is_well"] == all(finding["level"] != "wrong" for finding in findings)
    assert result.exit_code == (0 if told["is_well"] else 1)
    return findings


def _find(lumo: Lumo, check: str) -> tuple[str | None, str]:
    """Level and message of one finding; None without one."""
    for finding in _check(lumo):
        if finding["check"] == check:
            return finding["level"], finding["message"]
    return None, ""
