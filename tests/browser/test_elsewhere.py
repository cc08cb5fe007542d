"""The README's page on another origin, in a real browser.

Only a browser shows that CORS works: it sends the preflights, hides what the
server does not allow, and keeps or drops cookies. The page is the README's,
unchanged but for the server's address.
"""

import http.server
import re
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import started
from tests.processes import PASSWORD, ROOT, ServerProcess

TOLD = (
    "User registered successfully",
    "The code is wrong, already used or expired. Ask for a new one.",
    "Account verified successfully",
    "Login successful",
    "Hello, alice. You are logged in.",
)


@pytest.fixture
def port(tmp_path) -> Iterator[int]:
    """Where the page is served, and nothing else."""
    site = tmp_path / "site"
    site.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def auth(tmp_path, port) -> Iterator[ServerProcess]:
    """The server, which lets the page's origin in."""
    auth = started(tmp_path, {"ALLOWED_ORIGINS": f"http://localhost:{port}"})
    found = re.search(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    text = found[1].replace("localhost:8080", f"localhost:{auth.port}")
    (tmp_path / "site" / "index.html").write_text(text)
    yield auth
    auth.kill()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def fill_in(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f"[name={name}]").fill(text)


def press(page: Page, path: str) -> None:
    page.locator(f'[value="{path}"]').click()


def told(page: Page, lines: int) -> None:
    """Wait until this many answers are told."""
    expect(page.locator("output")).to_have_text(" ".join(TOLD[:lines]))


def test_page_of_the_readme_logs_in_where_its_origin_is_listed(page, auth, port):
    page.goto(f"http://localhost:{port}/")

    fill_in(page, username="alice", email="alice@example.org", password=PASSWORD)
    press(page, "/auth/register")
    told(page, 1)
    fill_in(page, otp="000000")
    press(page, "/auth/verify-otp")
    told(page, 2)
    fill_in(page, otp=auth.code_for("alice@example.org"))
    press(page, "/auth/verify-otp")
    told(page, 3)
    press(page, "/auth/login")

    told(page, 5)
    assert page.context.cookies() == []


def test_page_is_told_nothing_where_its_origin_is_not_listed(page, auth, port):
    page.goto(f"http://127.0.0.1:{port}/")
    fill_in(page, username="alice", email="alice@example.org", password=PASSWORD)

    with page.expect_event("pageerror") as raised:
        press(page, "/auth/register")

    assert raised.value.message == "Failed to fetch"
    expect(page.locator("output")).to_be_empty()
