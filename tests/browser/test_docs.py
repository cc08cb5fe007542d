"""Swagger UI in a real browser: it shows the API and breaks no policy."""

import re

import pytest

from authserver.web.api.routes import ROUTES
from tests.browser.chromium import needs_chromium, rendered
from tests.processes import ServerProcess

pytestmark = needs_chromium


@pytest.fixture
def server(tmp_path):
    server = ServerProcess(tmp_path).start()
    yield server
    server.kill()


def test_every_operation_is_shown(server, tmp_path):
    page, console = rendered(tmp_path, f"http://localhost:{server.port}/docs")

    shown = re.findall('data-path="([^"]+)"', page)
    assert sorted(shown) == sorted(path for route in ROUTES for path in route.paths)
    assert console == ""


def test_an_opened_operation_breaks_no_policy(server, tmp_path):
    url = f"http://localhost:{server.port}/docs#/sessions/post_auth_login"

    page, console = rendered(tmp_path, url)

    assert "Log in with a password" in page
    assert "opblock-body" in page
    assert "Content Security Policy" not in console
    assert "ERROR" not in console
