"""The API's own page: in Swagger UI, or as plain as it is without that."""

import sys

import pytest

from authserver.web.api.routes import ROUTES
from tests.browser import judges
from tests.browser.conftest import started
from tests.browser.visitor import Visitor
from tests.processes import ROOT

WITHOUT_SWAGGER_UI = f"""
import sys
sys.modules["flask_swagger_ui"] = None
sys.path.insert(0, {str(ROOT)!r})
from authserver import cli
sys.exit(cli.main())
"""
PATHS = sorted(path for route in ROUTES for path in route.paths)
PATHS_SHOWN = "shown => shown.map((each) => each.dataset.path)"


def test_every_operation_is_shown(visitor):
    visitor.open("docs")
    visitor.sees("Log in with a password")

    shown = visitor.page.locator("[data-path]").evaluate_all(PATHS_SHOWN)
    assert sorted(shown) == PATHS


def test_an_opened_operation_breaks_no_policy(visitor, watch):
    watch.announce("Deprecated: .*swagger-ui-bundle.js")  # of _ in addresses
    visitor.open("docs#/sessions/post_auth_login")

    visitor.page.locator(".opblock-body").get_by_text("Try it out").wait_for()


@pytest.fixture
def plain(browse, tmp_path):
    """Somebody in front of a server that has no Swagger UI."""
    command = (sys.executable, "-c", WITHOUT_SWAGGER_UI)
    server = started(tmp_path, {}, command=command)
    yield Visitor(browse().page, server, "en")
    server.kill()


def test_without_swagger_ui_the_page_is_plain_and_for_everybody(plain, watch):
    watch.announce("^asked: ")  # another server than the module's
    plain.open("docs")

    plain.sees("/auth/login")

    assert judges.faults(plain.page) == []
