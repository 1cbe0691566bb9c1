"""Django's settings, derived from Lumo's own (`lumo.lib.settings`)."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from lumo.lib.settings import Settings

LUMO = Settings.load()
BASE_DIR = Path(__file__).resolve().parent.parent


def _database(url: str) -> dict[str, object]:
    """A PostgreSQL URL as Django wants it; `?host=` may name a socket's folder."""
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "lumo",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or parts.hostname or "",
        "PORT": str(parts.port or options.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "lumo-django", **options},
    }


SECRET_KEY = LUMO.secret_keys[0] if LUMO.secret_keys else "only for commands that need no secret"
SECRET_KEY_FALLBACKS = list(LUMO.secret_keys[1:])
DEBUG = False
ALLOWED_HOSTS = [urlsplit(LUMO.public_url).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
DATABASES = {"default": _database(LUMO.database_url)}
INSTALLED_APPS = [
    "lumo.workspaces",
    "lumo.accounts",
    "lumo.profiles",
    "lumo.messaging",
    "lumo.deliveries",
    "lumo.flows",
    "lumo.sandbox",
    "django_htmx",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "lumo.config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight out of the packages: there is no step between install and run
WHITENOISE_AUTOREFRESH = False
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING_CONFIG = None
LUMO_SANDBOX_RECORD = str(LUMO.data_dir / "sandbox" / "line.sqlite3")
