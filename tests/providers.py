"""LINE and Klaviyo as far as setting up needs them: a loopback server that knows some credentials."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl


class Providers:
    """What they know, to be changed by a test: secrets by channel id, tokens by bot, Klaviyo's API keys by account."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.secrets: dict[str, str] = {}
        self.tokens: dict[str, dict[str, str]] = {}
        self.api_keys: dict[str, str] = {}
        self.is_down = False

    def add_channel(self, channel_id: str, secret: str, *, name: str = "Tea Shop") -> None:
        """A channel with this secret; `token-of-{channel_id}` is its long-lived token."""
        self.secrets[channel_id] = secret
        bot = {"userId": f"U{int(channel_id):032x}", "displayName": name, "basicId": f"@{channel_id}"}
        self.tokens[f"token-of-{channel_id}"] = bot

    def answer(self, path: str, authorization: str, form: dict[str, str]) -> tuple[int, Any]:
        """Status and JSON for a request."""
        if self.is_down:
            return 503, {}
        if path == "/oauth2/v3/token":
            if self.secrets.get(form["client_id"]) != form["client_secret"]:
                return 400, {"error": "invalid_request", "error_description": "invalid client_secret"}
            return 200, {"access_token": f"token-of-{form['client_id']}", "expires_in": 900}
        if path == "/v2/bot/info":
            bot = self.tokens.get(authorization.removeprefix("Bearer "))
            return (200, bot) if bot else (401, {"message": "Authentication failed"})
        account = self.api_keys.get(authorization.removeprefix("Klaviyo-API-Key "))
        if account is None:
            return 401, {"errors": [{"detail": "Incorrect authentication credentials."}]}
        name = {"contact_information": {"organization_name": f"Shop {account}"}}
        return 200, {"data": [{"id": account, "attributes": name}]}


@contextmanager
def providers() -> Iterator[Providers]:
    """Both on one port of 127.0.0.1 while the block runs; their address is `url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            authorization = self.headers.get("authorization", "")
            status, content = known.answer(self.path, authorization, dict(parse_qsl(body.decode())))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known = Providers(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
