"""Where one session is allowed, a second log-in offers to take its place."""

from playwright.sync_api import expect

from tests.processes import PASSWORD

SETTINGS = {"SESSION_POLICY": "single"}


def refused(browse, watch, alice):
    """Somebody else at the log-in page, refused for the first one's sake."""
    watch.announce("status of 4")
    browse().log_in(alice)
    second = browse()
    second.open("login")
    second.fill("form.identifier", alice)
    second.fill("form.password", PASSWORD)
    second.press("login.submit")
    second.reads("login.elsewhere")
    return second


def test_second_log_in_takes_the_first_ones_place_if_asked_to(browse, watch, alice):
    second = refused(browse, watch, alice)
    expect(second.control("login.replace")).to_be_focused()

    second.press("login.replace")

    second.is_at_account(alice)
    expect(second.page.locator("#list li")).to_have_count(1)


def test_second_log_in_changes_nothing_by_itself(browse, watch, alice):
    second = refused(browse, watch, alice)

    second.open("account")

    second.reads("login.notice_needed")


def test_code_is_not_spent_by_the_offer(browse, watch, alice):
    watch.announce("status of 409")
    browse().log_in(alice)
    second = browse()
    second.open("login")
    second.fill("form.identifier", alice)
    second.press("login.by_code")
    second.press("form.send_code")
    second.reads("script.maybe_sent")

    second.fill("form.code", second.code(alice, "login_code"))
    second.reads("login.elsewhere")
    second.press("login.replace")

    second.is_at_account(alice)


def test_press_on_the_offer_counts_for_no_later_log_in(browse, watch, alice):
    second = refused(browse, watch, alice)
    second.fill("form.password", "")
    second.press("login.replace")
    second.complains(second.field("form.password"), "script.required")

    second.fill("form.password", PASSWORD)
    second.press("login.submit")

    second.reads("login.elsewhere")


def test_offer_goes_as_soon_as_another_try_is_made(browse, watch, alice):
    second = refused(browse, watch, alice)
    second.fill("form.password", "wrong")

    second.press("login.submit")

    second.complains(second.field("form.password"), "script.wrong_login")
    expect(second.page.locator("#elsewhere")).to_be_hidden()
