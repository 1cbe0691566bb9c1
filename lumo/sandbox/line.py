"""LINE's Messaging API, as far as Lumo speaks to it: tokens, bot info, push, validation, profile, quota.

https://developers.line.biz/en/reference/messaging-api/. Any channel may be connected: its first secret is the right
one from then on. Any well-formed user id is a friend, unless the record says that they blocked the channel or that
LINE does not know them. `lumo.sandbox.faults` says how it can be told to misbehave.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from uuid import uuid4

import msgspec

from lumo.lib import clock
from lumo.sandbox.faults import Faults
from lumo.sandbox.http import Reply, Request, json_reply
from lumo.sandbox.messages import check_messages, check_push
from lumo.sandbox.record import Channel, LineRecord, NewPush, Push, default_name

BODY_LIMIT = 2 * 1024 * 1024  # bytes
_TOKEN_SECONDS = 900
_RETRY_KEY_KEPT_MS = 24 * 3600 * 1000
_FIRST_MESSAGE_ID = 5_000_000_000_000
_RETRY_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PROFILE = re.compile(r"/v2/bot/profile/(U[0-9a-f]{32})")

_NOT_FOUND = "Not found"
_BAD_TOKEN = "Authentication failed. Confirm that the access token in the authorization header is valid."  # noqa: S105
_FORBIDDEN = "Access to this API is not available for your account"
_MONTHLY_LIMIT = "You have reached your monthly limit."
_RATE_LIMIT = "The API rate limit has been exceeded. Try again later."
_INTERNAL = "Internal error"

Answer = Callable[[Request, Channel], Awaitable[Reply]]


class LineEmulator:
    """Answers LINE's addresses from one record. Use it from one event loop.

    Pictures and videos must be https as at LINE, but may be http at `http_origin`; "" is none.
    """

    def __init__(self, record: LineRecord, *, http_origin: str = "") -> None:
        self._record = record
        self._http_origin = http_origin
        self._pushes = 0
        self._second, self._in_second = 0, 0
        self._answers: dict[tuple[str, str], Answer] = {
            ("GET", "/v2/bot/info"): self._bot_info,
            ("POST", "/v2/bot/message/push"): self._push,
            ("POST", "/v2/bot/message/validate/push"): self._validate,
            ("GET", "/v2/bot/message/quota"): self._quota,
            ("GET", "/v2/bot/message/quota/consumption"): self._consumption,
        }

    async def answer(self, request: Request) -> Reply:
        """The reply to a request whose path begins where LINE's does."""
        if (request.method, request.path) == ("POST", "/oauth2/v3/token"):
            return self._issue_token(request)
        answer = self._answers.get((request.method, request.path))
        if answer is None and request.method == "GET" and _PROFILE.fullmatch(request.path):
            answer = self._profile
        if answer is None:
            return _refused(404, _NOT_FOUND)
        channel = self._find_channel(request)
        status = self._record.faults().status
        if channel is None or status == 401:
            reply = _refused(401, _BAD_TOKEN)
        elif status:
            reply = _refused(status, _FORBIDDEN if status == 403 else _INTERNAL)
        else:
            return await answer(request, channel)
        if answer == self._push:
            self._note_attempt(channel.channel_id if channel else "", request, reply.status)
        return reply

    def _issue_token(self, request: Request) -> Reply:
        """A stateless token, for a channel that is new or whose secret is right."""
        form = request.form()
        channel_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if form.get("grant_type") != "client_credentials" or not channel_id.isdigit() or not secret:
            return _oauth_refused("invalid client_id or grant_type")
        known = self._record.find_channel(channel_id)
        if known and known.secret and known.secret != secret:
            return _oauth_refused("invalid client_secret")
        self._record.register_channel(channel_id, secret=secret)
        token = token_urlsafe(32)
        self._record.add_token(token, channel_id, expires_ms=clock.unix_ms() + _TOKEN_SECONDS * 1000)
        return _reply(200, {"token_type": "Bearer", "access_token": token, "expires_in": _TOKEN_SECONDS})

    async def _bot_info(self, _request: Request, channel: Channel) -> Reply:
        return _reply(
            200,
            {
                "userId": channel.bot_user_id,
                "basicId": channel.basic_id,
                "displayName": channel.display_name,
                "chatMode": "bot",
                "markAsReadMode": "auto",
            },
        )

    async def _push(self, request: Request, channel: Channel) -> Reply:
        faults = self._record.faults()
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        self._pushes += 1
        reply = self._refuse_push(request, channel, faults) or self._accept(request, channel)
        if reply.status != 200:
            self._note_attempt(channel.channel_id, request, reply.status)
        elif _is_turn(self._pushes, faults.lost_every):
            return _refused(500, _INTERNAL)
        return reply

    def _refuse_push(self, request: Request, channel: Channel, faults: Faults) -> Reply | None:
        """What is wrong, with this push or with LINE today; in the order in which LINE is thought to look."""
        key = _retry_key(request)
        if request.body is None:
            return _refused(413, "Request body is too large")
        if not request.has_type("application/json"):
            return _refused(415, "Unsupported media type")
        if key is not None and not _RETRY_KEY.fullmatch(key):
            return _refused(400, "The X-Line-Retry-Key header is invalid")
        if self._is_above_rate(faults.pushes_per_second):
            return _refused(429, _RATE_LIMIT)
        if _is_turn(self._pushes, faults.error_every):
            return _refused(500, _INTERNAL)
        if accepted := self._find_accepted(channel, key):
            headers = {"x-line-accepted-request-id": accepted.request_id}
            words = {"message": "The retry key is already accepted"}
            return _reply(409, words | _sent(accepted.id, accepted.decoded()), headers)
        content, refusal = check_push(request.body, http_origin=self._http_origin)
        if refusal:
            return _reply(400, refusal)
        friend = self._record.find_friend(channel.channel_id, content["to"])
        if friend and friend.state == "unknown":
            return _refused(400, "Failed to send messages")
        if channel.quota is not None and channel.used >= channel.quota:
            return _refused(429, _MONTHLY_LIMIT)
        return None

    def _accept(self, request: Request, channel: Channel) -> Reply:
        """200; a friend who blocked the channel gets nothing all the same."""
        assert request.body is not None
        content = msgspec.json.decode(request.body)
        friend = self._record.find_friend(channel.channel_id, content["to"])
        push = NewPush(
            channel_id=channel.channel_id,
            user_id=content["to"],
            retry_key=_retry_key(request),
            arrived_ms=clock.unix_ms(),
            request_id=str(uuid4()),
            delivered=friend is None or friend.state == "following",
            body=request.body,
        )
        push_id = self._record.add_push(push, status=200)
        return _reply(200, _sent(push_id, content), {"x-line-request-id": push.request_id})

    def _find_accepted(self, channel: Channel, key: str | None) -> Push | None:
        """The push that LINE accepted under this retry key, as long as it remembers."""
        push = self._record.find_push_by_retry_key(channel.channel_id, key) if key else None
        if push and clock.unix_ms() - push.arrived_ms > _RETRY_KEY_KEPT_MS:
            self._record.forget_retry_key(push.id)
            return None
        return push

    async def _validate(self, request: Request, _channel: Channel) -> Reply:
        refusal = check_messages(request.body or b"", http_origin=self._http_origin)
        return _reply(400, refusal) if refusal else _reply(200, {})

    async def _profile(self, request: Request, channel: Channel) -> Reply:
        user_id = request.path.rpartition("/")[2]
        friend = self._record.find_friend(channel.channel_id, user_id)
        if friend and friend.state != "following":
            return _refused(404, _NOT_FOUND)
        name = friend.display_name if friend else default_name(user_id)
        return _reply(200, {"userId": user_id, "displayName": name, "language": "ja"})

    async def _quota(self, _request: Request, channel: Channel) -> Reply:
        if channel.quota is None:
            return _reply(200, {"type": "none"})
        return _reply(200, {"type": "limited", "value": channel.quota})

    async def _consumption(self, _request: Request, channel: Channel) -> Reply:
        return _reply(200, {"totalUsage": channel.used})

    def _find_channel(self, request: Request) -> Channel | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = self._record.find_token(token) if scheme == "Bearer" else None
        return found[0] if found and found[1] > clock.unix_ms() else None

    def _is_above_rate(self, pushes_per_second: int) -> bool:
        second = int(time.time())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        return 0 < pushes_per_second < self._in_second

    def _note_attempt(self, channel_id: str, request: Request, status: int) -> None:
        self._record.add_attempt(channel_id, _retry_key(request), at_ms=clock.unix_ms(), status=status)


def _retry_key(request: Request) -> str | None:
    key = request.headers.get("x-line-retry-key")
    return key.lower() if key is not None else None


def _is_turn(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _sent(push_id: int, content: object) -> dict[str, object]:
    """The ids that LINE gives to the messages of a push: the same ones when it is repeated."""
    count = len(content["messages"]) if isinstance(content, dict) else 0
    first = _FIRST_MESSAGE_ID + push_id * 10
    return {
        "sentMessages": [{"id": str(first + number), "quoteToken": f"q{first + number}"} for number in range(count)]
    }


def _refused(status: int, message: str) -> Reply:
    return _reply(status, {"message": message})


def _oauth_refused(description: str) -> Reply:
    return _reply(400, {"error": "invalid_request", "error_description": description})


def _reply(status: int, content: object, headers: dict[str, str] | None = None) -> Reply:
    """As every answer of LINE it carries the id of its request."""
    return json_reply(status, content, {"x-line-request-id": str(uuid4())} | (headers or {}))
