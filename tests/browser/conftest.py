"""A browser for this folder, a fresh profile for each, and nothing overlooked.

The browser is Debian's Chromium, led by Playwright; the server is a process of
its own, one for each module, that prints its codes. What a browser complains of
on its console, and whatever a page runs that is not ours, fails the test in
which it happens, unless the test has announced it.
"""

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from tests import ports
from tests.browser.visitor import Visitor
from tests.processes import GIVE_UP_S, ServerProcess, join

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 1000 * GIVE_UP_S
# Said on the console, where it is heard. `hacked` is what smuggled scripts set.
WATCHMAN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI}`));
Object.defineProperty(window, "hacked", { set: () => console.error("hacked") });
"""


class Watch:
    """What browsers complained of, and what a test says will come."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.announced: list[str] = []

    def announce(self, *patterns: str) -> None:
        """Say what a browser will rightly complain of."""
        self.announced += patterns

    def unannounced(self) -> list[str]:
        known = re.compile("|".join(self.announced or ["(?!)"]))
        return [each for each in self.complaints if not known.search(each)]

    def over(self, context: BrowserContext, home: str) -> None:
        """Listen to all pages of a context, which are to ask nobody else."""
        context.add_init_script(WATCHMAN)
        context.on("request", lambda request: self._asking(request.url, home))
        context.on("console", self._heard)
        context.on("weberror", self._raised)
        context.on("requestfailed", self._failed)
        context.on("dialog", self._asked)

    def _asking(self, url: str, home: str) -> None:
        if not url.startswith((f"{home}/", "data:")):
            self.complaints.append(f"asked: {url}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _raised(self, error: WebError) -> None:
        self.complaints.append(f"raised: {error.error}")

    def _failed(self, request: Request) -> None:
        # Whoever leaves a page drops what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser; it ends with the folder, lest its loop be in others' way."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server for a module, with the module's SETTINGS."""
    settings = getattr(request.module, "SETTINGS", {})
    server = started(tmp_path_factory.mktemp("server"), settings)
    yield server
    server.kill()


def started(
    folder: Path, settings: dict[str, str], public_url: str = "", **how: Any
) -> ServerProcess:
    """Start a server that knows its own address."""
    port = ports.free_port()
    common = {
        "PORT": str(port),
        "PUBLIC_URL": public_url or f"http://localhost:{port}",
        "BCRYPT_ROUNDS": "4",
        "ADDRESS_REQUESTS_PER_MINUTE": "10000",  # all tests have one address
    }
    return ServerProcess(folder, common | settings, **how).start()


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    assert watch.unannounced() == []


Browse = Callable[..., Visitor]


@pytest.fixture
def browse(chromium: Browser, watch: Watch, server: ServerProcess) -> Iterator[Browse]:
    """Open one more browser profile; returns who sits in front of it."""
    contexts = []

    def opened(kind: type[Visitor] = Visitor, **options: str) -> Visitor:
        language = options.setdefault("locale", "en")
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        visitor = kind(context.new_page(), server, language)
        watch.over(context, visitor.root)
        return visitor

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(browse: Browse) -> Visitor:
    """Somebody whose browser is new."""
    return browse()


@pytest.fixture
def alice(server: ServerProcess) -> str:
    """The user name of somebody who joined."""
    name = f"alice-{secrets.token_hex(4)}"
    join(server, name)
    return name


@pytest.fixture
def member(visitor: Visitor, alice: str) -> Visitor:
    """Alice, logged in."""
    visitor.log_in(alice)
    return visitor
