"""No token is ever within reach of a script, so none can carry it away.

The session is a cookie that scripts cannot read. What a page could keep, it
does not; what it is answered holds no token.
"""

import re

from playwright.sync_api import expect

from tests.processes import PASSWORD

KEPT = """async () => ({
  cookies: document.cookie,
  local: Object.keys(localStorage),
  session: Object.keys(sessionStorage),
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  name: window.name,
  history: history.state,
})"""
NOTHING = {
    "cookies": "",
    "local": [],
    "session": [],
    "databases": [],
    "caches": [],
    "workers": 0,
    "name": "",
    "history": None,
}
NAMES = "Object.getOwnPropertyNames(window).sort()"


def log_in(visitor, alice):
    visitor.open("login")
    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)
    visitor.press("login.submit")
    visitor.is_at_account(alice)


def test_pages_keep_nothing_where_scripts_can_read_it(visitor, alice):
    log_in(visitor, alice)

    assert visitor.page.evaluate(KEPT) == NOTHING


def test_pages_leave_no_names_behind_for_other_scripts(visitor, alice):
    visitor.open("healthz")  # the same origin, and no script
    without = visitor.page.evaluate(NAMES)

    log_in(visitor, alice)

    assert visitor.page.evaluate(NAMES) == without


def test_session_is_one_cookie_that_no_script_can_read(visitor, alice):
    log_in(visitor, alice)

    [cookie] = visitor.page.context.cookies()
    assert cookie["name"] == "__Host-session"
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Strict"


def test_no_answer_to_a_page_holds_a_token(visitor, alice):
    bodies = []
    visitor.page.route("**/*", lambda route: passed(route, bodies))

    log_in(visitor, alice)

    [cookie] = visitor.page.context.cookies()
    told = "\n".join(bodies)
    assert '"Login successful"' in told
    assert cookie["value"] not in told
    assert "eyJ" not in told
    assert re.findall('"[a-z]+_token": *"[^ "]*"', told) == []


def passed(route, bodies):
    """Let a request through and keep what it is answered."""
    answer = route.fetch()
    bodies.append(answer.text())
    route.fulfill(response=answer)


def test_proof_of_a_code_is_a_cookie_that_no_script_can_read(visitor, alice):
    visitor.open("forgot")
    visitor.fill("form.identifier", alice)
    visitor.press("form.send_code")
    visitor.is_at("reset")

    visitor.fill("form.code", visitor.code(alice, "reset_code"))
    expect(visitor.field("form.new_password")).to_be_visible()

    [cookie] = visitor.page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"]) == ("__Host-reset", True)
    assert visitor.page.evaluate(KEPT) == NOTHING
