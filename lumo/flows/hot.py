"""The door for Klaviyo's Webhook actions: `POST /hooks/klaviyo/{connection}`, raw ASGI, no Django (DESIGN §4).

The checks run in a fixed order: address, method, size, connection enabled, key, rate, type, body. The rate is counted
in the flush, where processes share it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from lumo.deliveries.enqueue import Incoming
from lumo.flows import metrics
from lumo.flows.answers import Answer, refused
from lumo.flows.arrivals import Arrival
from lumo.flows.bodies import HungUpError, Receive, UnreadError, is_json, read_body
from lumo.flows.directory import Directory, Entry
from lumo.flows.flusher import UNAVAILABLE, Flusher
from lumo.flows.refusals import SAMPLE_BYTES, RefusalCounts
from lumo.lib.encryption import Keyring
from lumo.lib.settings import Settings
from lumo.messaging import contract
from lumo.messaging.contract import BodyInvalidError, FlowBody
from lumo.postgres.lasting import DATABASE_ERRORS, LastingConnection
from lumo.profiles.authentication import KEY_HEADER

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_KEY_HEADER = KEY_HEADER.lower().encode()
_FLOW_HEADER = b"x-klaviyo-flow-id"
_ADDRESS = re.compile(r"/hooks/klaviyo/(kc_[0-9a-z]{1,40})/?")
_NOT_FOUND = refused("not_found")
_UNREAD = {"too_large", "too_slow"}
_OUT_OF_DATE = {"connection_disabled", "key_reissued"}
_FOUND_LATE = _OUT_OF_DATE | {"too_many"}
_FOUND_BY_NAME = {"account_unknown", "message_unknown"}  # what a stale directory would refuse
_SHORT = 200  # characters of what is copied out of a request beside its body


class Hooks:
    """Answers `/hooks/klaviyo/…`. `start` before the first request, `stop` after the last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Open the database. Raises what it raises."""
        intervals = self._settings.intervals
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(self._connection("lumo-directory"))
            keyring = Keyring(self._settings.secret_keys)
            self._directory = Directory(database, keyring, kept=intervals.directory_kept)
            self._counts = await stack.enter_async_context(RefusalCounts(database, every=intervals.refusal_counts))
            database = await stack.enter_async_context(self._connection("lumo-flusher"))
            self._flusher = await stack.enter_async_context(Flusher(database, intervals=intervals))
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Store and answer what waits, then close."""
        await self._stack.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except HungUpError:
            return
        except DATABASE_ERRORS:  # while looking somebody up; the flusher answers for its own
            answer = UNAVAILABLE
        metrics.requests.labels(answer.code).inc()
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        match = _ADDRESS.fullmatch(scope["path"])
        if match is None:
            return _NOT_FOUND
        public_id = match[1]
        entry = self._directory.find(public_id) or await self._directory.look_again(public_id)
        if entry is None:
            return _NOT_FOUND
        if scope["method"] != "POST":
            return await self._refuse(entry, "method_not_allowed")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            body = await read_body(headers, receive, patience=self._settings.intervals.body_deadline)
        except UnreadError as error:
            return await self._refuse(entry, error.code)
        key = headers.get(_KEY_HEADER, b"").strip()
        if entry.find_fault(key):
            entry = await self._directory.look_again(public_id) or entry
            if fault := entry.find_fault(key):
                return await self._refuse(entry, fault, body)
        return await self._take(public_id, entry, headers, body)

    async def _refuse(self, entry: Entry, code: str, body: bytes = b"") -> Answer:
        """Count a refusal that any stranger can cause; keep a few of them as samples."""
        answer = refused(code)
        if not self._counts.add(entry.id, code):
            return answer
        sample = Incoming(workspace_id=entry.workspace_id, connection_id=entry.id, body=body[:SAMPLE_BYTES], code=code)
        return await self._flusher.submit(Arrival(incoming=sample, key_version=None, answer=answer))

    async def _take(self, public_id: str, entry: Entry, headers: Mapping[bytes, bytes], body: bytes) -> Answer:
        """Store a request that proved itself, as one to be sent or as refused for what it says."""
        incoming = Incoming(
            workspace_id=entry.workspace_id,
            connection_id=entry.id,
            body=body,
            flow_id=headers.get(_FLOW_HEADER, b"").decode("latin-1").replace("\0", "")[:_SHORT],
        )
        refusal = await self._examine(public_id, entry, headers, incoming)
        if refusal:
            incoming.code = refusal.code
        arrival = Arrival(incoming=incoming, key_version=entry.key_version, answer=refusal)
        answer = await self._flusher.submit(arrival)
        if answer.code in _OUT_OF_DATE:
            self._directory.forget(public_id)
        if answer.code in _FOUND_LATE:
            return await self._refuse(entry, answer.code, body)
        return answer

    async def _examine(
        self, public_id: str, entry: Entry, headers: Mapping[bytes, bytes], incoming: Incoming
    ) -> Answer | None:
        """Note in `incoming` what its body says; the answer when it shows a permanent fault."""
        if not is_json(headers):
            return refused("type_unsupported")
        try:
            body = contract.read(incoming.body)
        except BodyInvalidError as error:
            return refused("body_invalid", str(error))
        fault = contract.find_fault(body, accounts=entry.accounts, messages=entry.messages)
        if fault in _FOUND_BY_NAME:
            entry = await self._directory.look_again(public_id) or entry
            fault = contract.find_fault(body, accounts=entry.accounts, messages=entry.messages)
        _note(body, entry, incoming)
        return refused(fault) if fault else None

    def _connection(self, name: str) -> LastingConnection:
        cache_size = self._settings.statement_cache_size
        return LastingConnection(self._settings.database_url, name=name, statement_cache_size=cache_size)


def _note(body: FlowBody, entry: Entry, incoming: Incoming) -> None:
    """Copy what a delivery is found by out of the body."""
    incoming.account_id = contract.resolve_account(body, accounts=entry.accounts)
    incoming.line_user_id = body.recipient()[:_SHORT]
    incoming.placement = contract.as_rendered(body.placement)[:_SHORT]
    incoming.profile = contract.as_rendered(body.profile)[:_SHORT]
    incoming.message = body.message_id()[:_SHORT]
    incoming.event = contract.as_rendered(body.event)[:_SHORT]
    if incoming.account_id is not None:
        incoming.dedupe_key = contract.dedupe_key(
            body,
            incoming.body,
            connection_id=entry.id,
            flow_id=incoming.flow_id,
            account_id=incoming.account_id,
        )


async def _send(answer: Answer, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer.body))]
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if answer.code in _UNREAD:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
