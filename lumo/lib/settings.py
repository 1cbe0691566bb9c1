"""The installation's settings: environment variables LUMO_…, each also as LUMO_…_FILE.

One frozen object made at the edge (`Settings.load`) and handed down; nothing else reads the environment.
`docs/operations.md` lists every variable.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LONGEST_LIFE = 23 * HOUR  # LINE knows a retry key for 24 hours: what is tried later could arrive twice


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and the fix."""


class Intervals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often and how long things happen, in seconds. Tests shorten them by LUMO_INTERVALS (JSON)."""

    flush_window: float = 0.02
    body_deadline: float = 20.0
    directory_kept: float = 5.0
    refusal_counts: float = 2.0
    retry_loop: float = 1.0
    retry_base: float = 1.0
    retry_cap: float = 5 * MINUTE
    row_deadline: float = 15.0
    results_window: float = 0.1
    push_timeout: float = 10.0
    sweep_every: float = 30.0
    sweep_after: float = 60.0
    quota_check: float = 10 * MINUTE
    housekeeping: float = HOUR
    job_heartbeat: float = 5.0
    restart_pause: float = 0.5
    expire_after: float = LONGEST_LIFE
    dedupe_kept: float = 25 * HOUR


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided. `secret_keys` newest first; `workers` is the number of sending processes."""

    data_dir: Path
    database_url: str = ""
    secret_keys: tuple[str, ...] = ()
    listen: str = "127.0.0.1:8000"
    public_url: str = ""
    workers: int = 1
    sandbox: bool = False
    trusted_proxies: str = ""
    ca_file: str = ""
    line_api_url: str = ""
    klaviyo_api_url: str = ""
    shopify_api_url: str = ""
    statement_cache_size: int = 100
    intervals: Intervals = Intervals()

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read LUMO_… from the environment. Raises SettingsError naming the variable and the fix."""
        environ = os.environ if environ is None else environ
        read = _Reader(environ)
        settings = cls(
            data_dir=Path(read("DATA_DIR") or default_data_dir(environ)).absolute(),
            database_url=read.database_url(),
            secret_keys=split_keys(read("SECRET_KEY")),
            listen=read("LISTEN") or "127.0.0.1:8000",
            public_url=read.url("PUBLIC_URL"),
            workers=read.whole_number("WORKERS", default=max(1, (os.cpu_count() or 1) - 1)),
            sandbox=read.switch("SANDBOX"),
            trusted_proxies=read("TRUSTED_PROXIES"),
            ca_file=read("CA_FILE"),
            line_api_url=read.url("LINE_API_URL"),
            klaviyo_api_url=read.url("KLAVIYO_API_URL"),
            shopify_api_url=read.url("SHOPIFY_API_URL"),
            statement_cache_size=read.whole_number("STATEMENT_CACHE_SIZE", default=100, least=0),
            intervals=read.intervals(),
        )
        if not settings.public_url:
            settings = msgspec.structs.replace(settings, public_url=f"http://{settings.listen}")
        settings.host_and_port()
        return settings

    def host_and_port(self) -> tuple[str, int]:
        """Where HTTP is served. Raises SettingsError when LUMO_LISTEN isn't `host:port`."""
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise SettingsError(f"LUMO_LISTEN is {self.listen!r}; it must be host:port, such as 127.0.0.1:8000.")
        return host.strip("[]"), int(port)

    def local_address(self) -> tuple[str, int]:
        """Host and port by which this machine itself reaches LUMO_LISTEN."""
        host, port = self.host_and_port()
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104

    def local_url(self) -> str:
        """The same as an address for a browser on this machine."""
        host, port = self.local_address()
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def with_emulators(self) -> "Settings":
        """In the sandbox the emulators that HTTP serves stand in for LINE and Klaviyo, unless others are set."""
        if not self.sandbox:
            return self
        return msgspec.structs.replace(
            self,
            line_api_url=self.line_api_url or f"{self.local_url()}/sandbox/line",
            klaviyo_api_url=self.klaviyo_api_url or f"{self.local_url()}/sandbox/klaviyo",
        )

    def http_origin(self) -> str:
        """The one address at which LINE may be given pictures and links by http: our own, in the sandbox or on
        loopback; empty where there is none.
        """
        is_own = self.public_url.startswith("http://") and (self.sandbox or self.is_loopback())
        return self.public_url if is_own else ""

    def is_loopback(self) -> bool:
        """Whether PUBLIC_URL names this machine only."""
        return urlsplit(self.public_url).hostname in {"127.0.0.1", "localhost", "::1"}


def split_keys(text: str) -> tuple[str, ...]:
    """Secret keys as they are written in a variable or file: newest first, parted by commas or white space."""
    return tuple(text.replace(",", " ").split())


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """`/var/lib/lumo` for root, `$XDG_DATA_HOME/lumo` (else `~/.local/share/lumo`) for anybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/lumo")
    base = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME") or str(Path.home()), ".local", "share")
    return Path(base) / "lumo"


class _Reader:
    """Reads LUMO_<name>, else the file that LUMO_<name>_FILE names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(self, name: str) -> str:
        value, path = self._environ.get(f"LUMO_{name}", ""), self._environ.get(f"LUMO_{name}_FILE", "")
        if value and path:
            raise SettingsError(f"Both LUMO_{name} and LUMO_{name}_FILE are set; keep one of them.")
        if not path:
            return value.strip()
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"LUMO_{name}_FILE names {path!r}, which can't be read: {error}") from error

    def whole_number(self, name: str, *, default: int, least: int = 1) -> int:
        text = self(name)
        if not text:
            return default
        if not text.isdigit() or int(text) < least:
            raise SettingsError(f"LUMO_{name} is {text!r}; it must be a whole number of at least {least}.")
        return int(text)

    def switch(self, name: str) -> bool:
        text = self(name).lower()
        if text not in {"", "0", "1", "no", "yes", "false", "true"}:
            raise SettingsError(f"LUMO_{name} is {text!r}; it must be 1 or 0.")
        return text in {"1", "yes", "true"}

    def url(self, name: str) -> str:
        text = self(name).rstrip("/")
        if text and (urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname):
            raise SettingsError(f"LUMO_{name} is {text!r}; it must be an address such as http://127.0.0.1:9000.")
        return text

    def database_url(self) -> str:
        """LUMO_DATABASE_URL; what is said against it never shows it, because a password is in it."""
        text = self("DATABASE_URL")
        if text and not _is_postgresql(text):
            raise SettingsError(
                "LUMO_DATABASE_URL is no address of a PostgreSQL database; it must be like "
                "postgresql://user:password@host/name, with / # ? @ in the password percent-encoded."
            )
        return text

    def intervals(self) -> Intervals:
        text: Any = self("INTERVALS")
        try:
            intervals = msgspec.json.decode(text, type=Intervals) if text else Intervals()
        except msgspec.DecodeError as error:
            raise SettingsError(f"LUMO_INTERVALS is not a JSON object of seconds: {error}") from error
        if intervals.expire_after > LONGEST_LIFE:
            raise SettingsError(
                f"LUMO_INTERVALS sets expire_after above {LONGEST_LIFE:.0f}: a message could arrive twice."
            )
        return intervals


def _is_postgresql(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"postgresql", "postgres"} and not parts.fragment and parts.port != 0
    except ValueError:  # a port that is none: mostly the rest of a password
        return False
