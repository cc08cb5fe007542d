"""The tour by browser alone: a page of the server shows codes and links."""

import re

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

A_PAUSE_MS = 2000  # of the page, between two looks
OTHER_PASSWORD = "another good phrase"


@pytest.fixture
def messages(visitor):
    """The page of messages, in a tab of its own."""
    tab = visitor.page.context.new_page()
    tab.clock.install()
    tab.goto(re.search(r"http\S+/messages/\S+", visitor.server.console())[0])
    return tab


def newest(messages, recipient):
    return messages.locator("article").filter(has_text=f"{recipient}@example.org").first


def test_account_is_made_and_recovered_with_no_terminal(visitor, messages):
    visitor.open("")
    visitor.press("home.register")
    visitor.fill("form.username", "alice")
    visitor.fill("form.email", "alice@example.org")
    visitor.fill("form.password", PASSWORD)
    visitor.press("register.submit")
    visitor.is_at("verify")
    code = newest(messages, "alice").locator(".code").inner_text()
    visitor.fill("form.code", code)
    visitor.reads("login.notice_confirmed")

    visitor.press("login.forgot")
    visitor.fill("form.identifier", "alice")
    visitor.press("form.send_code")
    visitor.is_at("reset")
    subject = visitor.words("mail.reset_code.subject", site=visitor.site)
    letter = messages.locator("article").filter(has=messages.get_by_text(subject))
    letter.get_by_role("link", name=visitor.words("script.open_link")).click()
    messages.get_by_label(visitor.words("form.new_password")).fill(OTHER_PASSWORD)
    messages.get_by_role("button", name=visitor.words("reset.submit")).click()
    expect(messages).to_have_url(re.compile("/login#notice=reset"))

    visitor.log_in("alice", OTHER_PASSWORD)
    visitor.open("account")
    visitor.is_at_account("alice")


def test_code_is_copied_by_a_press(visitor, messages, alice):
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    letter = newest(messages, alice)
    code = letter.locator(".code").inner_text()

    letter.get_by_role("button", name=visitor.words("script.copy")).click()

    copied = letter.get_by_role("button", name=visitor.words("script.copied"))
    expect(copied).to_be_visible()
    assert messages.evaluate("navigator.clipboard.readText()") == code


def test_page_says_when_the_server_was_started_anew(visitor, watch, messages):
    watch.announce("status of 404")
    address = messages.url
    messages.route(
        address,
        lambda route: route.fulfill(status=404, json={"code": "not_found"}),
    )

    messages.clock.run_for(A_PAUSE_MS)

    expect(messages.get_by_text(visitor.words("script.messages_over"))).to_be_visible()


def test_page_says_when_the_server_is_away_and_goes_on_after_that(
    visitor, watch, messages, alice
):
    watch.announce("ERR_INTERNET_DISCONNECTED")
    expect(newest(messages, alice)).to_be_visible()
    lost = messages.get_by_text(visitor.words("script.messages_lost"))

    visitor.page.context.set_offline(True)
    messages.clock.run_for(A_PAUSE_MS)
    expect(lost).to_be_visible()
    visitor.page.context.set_offline(False)
    messages.clock.run_for(A_PAUSE_MS)

    expect(lost).to_be_hidden()
