"""What people come for, from the first page to the last, as they would do it.

The journey is made twice: by hand, in English, and with nothing but a keyboard,
in German. The browser is told no secret but what stands in a mail.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Keyboard, Visitor
from tests.processes import PASSWORD

OTHER_PASSWORD = "another good phrase"
DEVICE = "Chrome, Linux"

each_hand = pytest.mark.parametrize(
    ("kind", "locale"), [(Visitor, "en"), (Keyboard, "de")]
)


def register(person, username):
    person.open("register")
    person.fill("form.username", username)
    person.fill("form.email", f"{username}@example.org")
    person.fill("form.password", PASSWORD)
    person.press("register.submit")
    person.is_at("verify")
    person.sees(f"{username}@example.org")


def log_in(person, username, password=PASSWORD):
    person.open("login")
    person.fill("form.identifier", username)
    person.fill("form.password", password)
    person.press("login.submit")
    person.is_at_account(username)


def log_out(person):
    person.press("account.log_out")
    person.is_at("login")
    person.reads("login.notice_ended")


@each_hand
def test_account_is_made_used_in_two_browsers_and_recovered(
    browse, watch, kind, locale
):
    alice = f"alice-{locale}"
    first, second = (browse(kind, locale=locale) for _ in range(2))

    register(first, alice)
    first.paste("form.code", first.code(alice, "verify_code"))
    first.is_at("login")
    first.reads("login.notice_confirmed")
    expect(first.field("form.identifier")).to_have_value(alice)
    first.fill("form.password", PASSWORD)
    first.press("login.submit")
    first.is_at_account(alice)

    log_in(second, alice)
    second.reads("script.this_device")
    second.press("script.end_device", name=DEVICE)
    second.reads("script.session_ended")
    watch.announce("status of 401")
    first.page.reload()
    first.is_at("login")
    first.reads("login.notice_needed")

    second.press("account.change_password")
    second.fill("account.current_password", PASSWORD)
    second.fill("form.new_password", OTHER_PASSWORD)
    second.press("account.save_password")
    second.reads("script.password_changed")
    log_out(second)

    second.press("login.forgot")
    second.fill("form.identifier", alice)
    second.press("form.send_code")
    second.is_at("reset")
    second.page.goto(second.link(alice, "reset_code"))
    expect(second.field("form.account")).to_have_value(alice)
    second.fill("form.new_password", PASSWORD)
    second.press("reset.submit")
    second.is_at("login")
    second.reads("login.notice_reset")

    log_in(second, alice)
    log_out(second)
