"""Calls to the LINE Messaging API. Every call has a time-out and fails as `integrations.errors` says.

What a status means on a send: https://developers.line.biz/en/docs/messaging-api/retrying-api-request/ and
https://developers.line.biz/en/reference/messaging-api/#status-codes. LINE's texts may change: branch on the status.
"""

from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from lumo.integrations.errors import PermanentError, RefusedError, TransientError
from lumo.integrations.http import Answer, Http, stand_in
from lumo.integrations.line.schemas import Accepted, AccessToken, BotInfo, Consumption, ErrorAnswer, Quota

_HOST = "https://api.line.me"
_DETAIL_LENGTH = 500

T = TypeVar("T")


class LineClient:
    """Speaks to LINE over `http`; `replacement` is LUMO_LINE_API_URL."""

    def __init__(self, http: Http, *, replacement: str = "") -> None:
        self._http = http
        self._base = stand_in(_HOST, replacement)
        self._push_url = f"{self._base}/v2/bot/message/push"

    async def push(self, token: str, body: bytes, *, retry_key: str) -> Accepted:
        """Push one message; the same `retry_key` is accepted once in 24 h, a 409 for it counts as accepted.

        https://developers.line.biz/en/reference/messaging-api/#send-push-message
        Raises PermanentError (`recipient_unknown`, `line_refused`), RefusedError (`line_token`, `line_forbidden`),
        TransientError (its status is 429 for a rate or a monthly limit, 0 when no answer arrived).
        """
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "x-line-retry-key": retry_key,
        }
        answer = await self._http.send("POST", self._push_url, headers=headers, body=body)
        if answer.status == 200:
            return Accepted(answer.headers.get("x-line-request-id", ""))
        if answer.status == 409:
            return Accepted(answer.headers.get("x-line-accepted-request-id", ""))
        raise _failure(answer)

    async def issue_token(self, channel_id: str, channel_secret: str) -> AccessToken:
        """A stateless channel access token (15 minutes, any number of them).

        https://developers.line.biz/en/reference/messaging-api/#issue-stateless-channel-access-token
        Raises RefusedError (`line_token`) for wrong credentials, TransientError.
        """
        form = {"grant_type": "client_credentials", "client_id": channel_id, "client_secret": channel_secret}
        answer = await self._http.send(
            "POST",
            f"{self._base}/oauth2/v3/token",
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        if answer.status in {400, 401, 403, 404}:
            raise RefusedError("line_token", _oauth_words(answer), status=answer.status)
        return _read(answer, AccessToken)

    async def fetch_bot_info(self, token: str) -> BotInfo:
        """Which Official Account a token speaks for.

        https://developers.line.biz/en/reference/messaging-api/#get-bot-info
        """
        return await self._get("/v2/bot/info", token, BotInfo)

    async def fetch_quota(self, token: str) -> Quota:
        """The month's message limit. https://developers.line.biz/en/reference/messaging-api/#get-quota"""
        return await self._get("/v2/bot/message/quota", token, Quota)

    async def fetch_consumption(self, token: str) -> Consumption:
        """Messages used this month. https://developers.line.biz/en/reference/messaging-api/#get-consumption"""
        return await self._get("/v2/bot/message/quota/consumption", token, Consumption)

    async def _get(self, path: str, token: str, kind: type[T]) -> T:
        answer = await self._http.send("GET", self._base + path, headers={"authorization": f"Bearer {token}"})
        return _read(answer, kind)


def _read(answer: Answer, kind: type[T]) -> T:
    if answer.status != 200:
        raise _failure(answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TransientError(f"LINE's answer can't be read: {error}", status=answer.status) from error


def _failure(answer: Answer) -> PermanentError | RefusedError | TransientError:
    """What an answer other than 200 means, by its status alone (400: by whether it carries `details`).

    What LINE would not say comes from somebody on the way, and may be over soon: a redirection, a 400 without JSON.
    """
    status, body = answer.status, _find_error_body(answer)
    words = _words(body) if body else f"LINE answered {status} without an explanation."
    if status == 401:
        return RefusedError("line_token", words, status=status)
    if status == 403:
        return RefusedError("line_forbidden", words, status=status)
    if status < 400 or status in {408, 429} or status >= 500 or (status == 400 and body is None):
        return TransientError(words, status=status, retry_after=_retry_after(answer))
    if status == 400 and body and not body.details:
        return PermanentError("recipient_unknown", words, status=status)
    return PermanentError("line_refused", words, status=status)


def _find_error_body(answer: Answer) -> ErrorAnswer | None:
    try:
        return msgspec.json.decode(answer.body, type=ErrorAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _words(body: ErrorAnswer) -> str:
    details = "; ".join(f"{detail.property}: {detail.message}" for detail in body.details)
    return " – ".join(part for part in (body.message, details) if part)[:_DETAIL_LENGTH]


def _oauth_words(answer: Answer) -> str:
    try:
        body = msgspec.json.decode(answer.body, type=dict[str, str | int | None])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"LINE answered {answer.status}."
    return str(body.get("error_description") or body.get("message") or body.get("error") or "")[:_DETAIL_LENGTH]


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
