"""A proxy before a search server, which refuses what a test says, as real clusters do."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

# What a response keeps of the server's, besides its body.
_HEADERS = ("content-type", "x-elastic-product")


class Gate:
    """Passes requests on, but for those of which a test says how they end.

    Attributes:
        port: where it listens.
        rules: patterns of `METHOD /path`, and what such a request gets: a status and a body, or
            "drop", which closes the connection, or "lose", which does so after it was passed on.
        bytes_max: of a body; larger ones are refused, unless it is 0.
        seen: the requests: method and path, headers, body.
    """

    def __init__(self, url: str) -> None:
        self.rules: dict[str, tuple[int, Any] | str] = {}
        self.bytes_max = 0
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.client = httpx.Client(base_url=url, timeout=60)
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                gate.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    def refuse(self, pattern: str, status: int, kind: str, reason: str = "no") -> None:
        """Respond to such requests with an error, in the form that both servers have."""
        error = {"type": kind, "reason": reason}
        body = {"error": error | {"root_cause": [error]}, "status": status}
        self.rules[pattern] = status, body

    def requests(self, pattern: str) -> list[str]:
        """The requests so far that match."""
        return [line for line, _, _ in self.seen if re.search(pattern, line)]

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        line = f"{request.command} {request.path}"
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((line, headers, body))
        rule = next((rule for one, rule in self.rules.items() if re.search(one, line)), None)
        if 0 < self.bytes_max < len(body):
            rule = 413, {}
        if isinstance(rule, tuple):
            status, answer = rule
            is_json = not isinstance(answer, str)
            packed = json.dumps(answer).encode() if is_json else answer.encode()
            kind = "application/json" if is_json else "text/html"
            self.respond(request, status, packed, {"content-type": kind})
            return
        if rule != "drop":
            found = self.client.request(
                request.command, request.path, content=body, headers=_passed(headers)
            )
        if rule is not None:
            if rule == "lose":
                del self.rules[next(one for one in self.rules if re.search(one, line))]
            request.close_connection = True
            return
        kept = {name: found.headers[name] for name in _HEADERS if name in found.headers}
        self.respond(request, found.status_code, found.content, kept)

    def respond(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
    ) -> None:
        """Send a response."""
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextmanager
def gate_before(url: str, certificate: Path | None = None) -> Iterator[Gate]:
    """A gate before a server, with TLS if there is a certificate, which has its key with it."""
    gate = Gate(url)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        gate.server.socket = context.wrap_socket(gate.server.socket, server_side=True)
    thread = threading.Thread(target=gate.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield gate
    finally:
        gate.server.shutdown()
        gate.server.server_close()
        thread.join()
        gate.client.close()


def _passed(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in ("content-type", "accept") if name in headers}
