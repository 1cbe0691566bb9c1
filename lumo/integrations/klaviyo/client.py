"""Calls to the Klaviyo API with a private key. Every call has a time-out and fails as `integrations.errors` says."""

import msgspec

from lumo.integrations.errors import PermanentError, RefusedError, TransientError
from lumo.integrations.http import Answer, Http, stand_in

REVISION = "2026-07-15"  # served for two years: developers.klaviyo.com/en/docs/api_versioning_and_deprecation_policy
_HOST = "https://a.klaviyo.com"


class Organization(msgspec.Struct, frozen=True):
    """How the account calls itself."""

    organization_name: str = ""


class AccountAttributes(msgspec.Struct, frozen=True):
    """The part of an account that we read."""

    contact_information: Organization = Organization()
    timezone: str = ""


class Account(msgspec.Struct, frozen=True):
    """A Klaviyo account; `id` is its public key of six characters."""

    id: str
    attributes: AccountAttributes = AccountAttributes()


class Accounts(msgspec.Struct, frozen=True):
    """The answer of GET /api/accounts: always exactly one."""

    data: list[Account]


class KlaviyoError(msgspec.Struct, frozen=True):
    """One entry of a JSON:API error answer."""

    title: str = ""
    detail: str = ""


class KlaviyoErrors(msgspec.Struct, frozen=True):
    """The body of every 4xx."""

    errors: list[KlaviyoError] = []


class KlaviyoClient:
    """Speaks to Klaviyo over `http` with a private API key; `replacement` is LUMO_KLAVIYO_API_URL."""

    def __init__(self, http: Http, *, api_key: str, replacement: str = "") -> None:
        self._http = http
        self._base = stand_in(_HOST, replacement)
        self._headers = {
            "authorization": f"Klaviyo-API-Key {api_key}",
            "revision": REVISION,
            "accept": "application/vnd.api+json",
        }

    async def fetch_account(self) -> Account:
        """The account that the key belongs to: the cheapest way to check a key (scope `accounts:read`).

        https://developers.klaviyo.com/en/reference/get_accounts
        Raises RefusedError (`klaviyo_key`) for a wrong key or a missing scope, TransientError.
        """
        answer = await self._http.send("GET", f"{self._base}/api/accounts", headers=self._headers)
        if answer.status != 200:
            raise _failure(answer)
        try:
            return msgspec.json.decode(answer.body, type=Accounts).data[0]
        except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
            raise TransientError(f"Klaviyo's answer can't be read: {error}", status=200) from error


def _failure(answer: Answer) -> PermanentError | RefusedError | TransientError:
    words, status = _words(answer), answer.status
    if status in {401, 403}:
        return RefusedError("klaviyo_key", words, status=status)
    if status == 429 or status >= 500:
        after = answer.headers.get("retry-after", "")
        return TransientError(words, status=status, retry_after=float(after) if after.isdigit() else None)
    return PermanentError("klaviyo_refused", words, status=status)


def _words(answer: Answer) -> str:
    try:
        errors = msgspec.json.decode(answer.body, type=KlaviyoErrors).errors
    except (msgspec.DecodeError, UnicodeDecodeError):
        errors = []
    return "; ".join(error.detail or error.title for error in errors)[:500] or f"Klaviyo answered {answer.status}."
