"""All works below a folder of a site that others share, behind a proxy."""

import pytest
from playwright.sync_api import expect

from tests import ports
from tests.browser.conftest import started
from tests.processes import PASSWORD
from tests.web import proxies

pytestmark = proxies.needs_nginx


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    port = ports.free_port()
    server = started(
        tmp_path_factory.mktemp("server"),
        {"TRUSTED_PROXIES": "127.0.0.1"},
        public_url=f"http://localhost:{port}/shop/auth",
    )
    folder = tmp_path_factory.mktemp("nginx")
    with proxies.nginx(
        folder, server.port, buffering=True, port=port, below="/shop/auth"
    ):
        yield server
    server.kill()


def test_account_is_made_used_and_recovered_below_a_folder(visitor, watch):
    visitor.open("")
    visitor.reads("script.health_good")
    visitor.press("home.register")
    visitor.fill("form.username", "alice")
    visitor.fill("form.email", "alice@example.org")
    visitor.fill("form.password", PASSWORD)
    visitor.press("register.submit")
    visitor.is_at("verify")
    visitor.page.goto(visitor.link("alice", "verify_code"))
    visitor.fill("form.password", PASSWORD)
    visitor.press("verify.submit")
    visitor.reads("login.notice_confirmed")

    visitor.fill("form.password", PASSWORD)
    visitor.press("login.submit")
    visitor.is_at_account("alice")
    visitor.press("account.log_out")
    visitor.reads("login.notice_ended")

    watch.announce("status of 401")
    visitor.open(".well-known/change-password")
    visitor.reads("login.notice_needed")


@pytest.mark.parametrize("path", ["no/such/page", "problems/not_found", "a/b/c/d"])
def test_page_in_a_deeper_folder_finds_its_way_back(visitor, watch, path):
    watch.announce("status of 404")
    visitor.open(path)

    visitor.press("missing.home")

    expect(visitor.page).to_have_url(f"{visitor.root}/")
    visitor.reads("script.health_good")


def test_language_that_was_chosen_is_kept_below_the_folder_alone(visitor):
    visitor.open("login?lang=de")

    [cookie] = visitor.page.context.cookies()
    assert (cookie["name"], cookie["path"]) == ("language", "/shop/auth/")
    visitor.open("forgot")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "de")
