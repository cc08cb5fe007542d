"""The README's page on another origin, in a real browser.

Only a browser shows that CORS works: it sends the preflights, hides what the
server does not allow, and keeps or drops cookies. The page is the README's,
unchanged but for the server's address; what is added types and clicks.
"""

import http.server
import json
import re
import threading
from collections.abc import Iterator

import pytest

from tests.browser.chromium import browsing, needs_chromium
from tests.processes import PASSWORD, ROOT, ServerProcess, wait_until

DRIVER = """
const told = () => document.querySelector("output").textContent;
const type = (name, text) => document.querySelector(`[name=${name}]`).value = text;
const failed = [];
addEventListener("error", (event) => failed.push(event.message));
addEventListener("unhandledrejection", (event) => failed.push(String(event.reason)));

async function until(condition) {
  while (!condition() && !failed.length)
    await new Promise((resolve) => setTimeout(resolve, 20));
  if (failed.length) throw new Error("stop here");
}
async function click(path) {
  const before = told();
  document.querySelector(`[value="${path}"]`).click();
  await until(() => told() !== before);
}

(async () => {
  type("username", "alice");
  type("email", "alice@example.org");
  type("password", "PASSWORD");
  await click("/auth/register");
  type("otp", "000000");
  await click("/auth/verify-otp");
  type("otp", await (await fetch("/code")).text());
  await click("/auth/verify-otp");
  await click("/auth/login");
  await until(() => told().includes("Hello"));
})().catch(() => {}).finally(() => fetch("/done", {
  method: "POST",
  body: JSON.stringify({ told: told().trim().split("\\n"), failed }),
}));
""".replace("PASSWORD", PASSWORD)

pytestmark = needs_chromium


def readme_page(port: int) -> bytes:
    """The page of the README, for a server on this port, and the driver."""
    found = re.search(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    page = found[1].replace("localhost:8080", f"localhost:{port}")
    return f"{page}<script>{DRIVER}</script>".encode()


class Elsewhere(http.server.ThreadingHTTPServer):
    """The other origin: serves the page, hands out codes, hears the end."""

    auth: ServerProcess
    report: dict[str, list[str]] | None = None


class Handler(http.server.BaseHTTPRequestHandler):
    """What the page's own origin answers."""

    server: Elsewhere

    def do_GET(self) -> None:
        auth = self.server.auth
        is_code = self.path == "/code"
        body = auth.code_for("alice@example.org").encode() if is_code else None
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or readme_page(auth.port))

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.report = json.loads(self.rfile.read(size))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("host", "told", "failed"),
    [
        (
            "localhost",
            [
                "User registered successfully",
                "The code is wrong, already used or expired. Ask for a new one.",
                "Account verified successfully",
                "Login successful",
                "Hello, alice. You are logged in.",
            ],
            [],
        ),
        ("127.0.0.1", [""], ["TypeError: Failed to fetch"]),  # not on the list
    ],
)
def test_page_of_the_readme_logs_in_where_its_origin_is_listed(
    tmp_path, elsewhere, host, told, failed
):
    port = elsewhere.server_port
    allowed = {"ALLOWED_ORIGINS": f"http://localhost:{port}", "BCRYPT_ROUNDS": "4"}
    elsewhere.auth = ServerProcess(tmp_path, allowed).start()
    try:
        with browsing(tmp_path, f"http://{host}:{port}/"):
            wait_until(lambda: elsewhere.report, "the page's report")
    finally:
        elsewhere.auth.kill()

    assert elsewhere.report == {"told": told, "failed": failed}
