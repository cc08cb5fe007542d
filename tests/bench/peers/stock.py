"""The standard library's server and handler, doing the same work as ours.

HTTP/1.1 with keep-alive, one write for head and body, TCP_NODELAY: all that can
be had of the stock handler by its own switches. Token, session, user and answer
are our modules', headers included; no line is logged.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from authserver import errors, runtime, tokens
from authserver.flows import authenticate, lookup
from authserver.web.dispatch import SECURITY_HEADERS
from tests.bench import people

APP = runtime.create_app(people.settings(Path.cwd()))


class Handler(BaseHTTPRequestHandler):
    """Answers GET /protected."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path != "/protected":
            self._answer(404, {"detail": "no such route"})
            return
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise errors.NotAuthenticated("no credential")
            who = authenticate.by_bearer(APP, token)
        except errors.AuthError as error:
            self._answer(int(error.status), {"detail": error.message})
            return
        greeting = f"Hello, {who.user.username}. You are logged in."
        profile = lookup.profile_of(who.user)._asdict()
        self._answer(200, {"message": greeting, "user": profile})

    def _answer(self, status: int, payload: dict[str, object]) -> None:
        body = json.dumps(payload, separators=(",", ":")).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", tokens.request_id())
        for name, value in SECURITY_HEADERS:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - theirs
        pass


class Server(ThreadingHTTPServer):
    """With a backlog that takes the benchmark's connections."""

    request_queue_size = int(os.environ.get("BACKLOG", "1024"))
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
