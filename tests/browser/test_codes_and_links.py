"""What a mail brings: its code typed or pasted, or its link opened.

A link is a key, so its token leaves the address bar at once, and opening it
spends nothing.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

OTHER_PASSWORD = "another good phrase"
UNPROVEN = {"username": "carol", "email": "carol@example.org", "password": PASSWORD}


@pytest.fixture
def carol(server):
    """Somebody who registered and has proven nothing yet."""
    assert server.ask("POST", "/auth/register", **UNPROVEN).status == 201
    return "carol"


def test_code_of_a_mail_logs_in(visitor, alice):
    visitor.open("login")
    visitor.fill("form.identifier", alice)

    visitor.press("login.by_code")
    visitor.press("form.send_code")
    visitor.reads("script.maybe_sent")
    visitor.fill("form.code", visitor.code(alice, "login_code"))

    visitor.is_at_account(alice)


def test_code_is_taken_out_of_the_words_that_were_pasted_with_it(visitor, alice):
    visitor.open("login")
    visitor.press("login.by_code")
    visitor.fill("form.identifier", alice)
    visitor.press("form.send_code")
    visitor.reads("script.maybe_sent")
    code = visitor.code(alice, "login_code")

    visitor.paste("form.code", f"Your code is {code[:3]} {code[3:]}.")

    visitor.is_at_account(alice)


def test_code_of_a_mail_lets_a_new_password_be_chosen(visitor, alice):
    visitor.open("forgot")
    visitor.fill("form.identifier", alice)
    visitor.press("form.send_code")
    visitor.is_at("reset")
    expect(visitor.field("form.identifier")).to_have_value(alice)

    visitor.fill("form.code", visitor.code(alice, "reset_code"))
    expect(visitor.field("form.account")).to_have_value(alice)
    visitor.fill("form.new_password", OTHER_PASSWORD)
    visitor.press("reset.submit")

    visitor.reads("login.notice_reset")
    visitor.log_in(alice, OTHER_PASSWORD)


def test_link_names_the_account_and_asks_for_its_password(visitor, watch, carol):
    link = visitor.link(carol, "verify_code")
    watch.announce("status of 401")

    visitor.page.goto(link)
    expect(visitor.field("form.account")).to_have_value(carol)
    visitor.fill("form.password", OTHER_PASSWORD)
    visitor.press("verify.submit")
    visitor.reads("script.wrong_password")
    visitor.fill("form.password", PASSWORD)
    visitor.press("verify.submit")

    visitor.reads("login.notice_confirmed")
    visitor.log_in(carol)


def test_link_that_was_used_says_so(visitor, watch, alice):
    visitor.open("forgot")
    visitor.fill("form.identifier", alice)
    visitor.press("form.send_code")
    visitor.is_at("reset")
    visitor.page.goto(visitor.link(alice, "reset_code"))
    visitor.fill("form.new_password", OTHER_PASSWORD)
    visitor.press("reset.submit")
    visitor.is_at("login")
    watch.announce("status of 401")

    visitor.page.goto(visitor.link(alice, "reset_code"))
    visitor.fill("form.new_password", PASSWORD)
    visitor.press("reset.submit")

    visitor.reads("script.reset_over")
    visitor.press("reset.anew")
    visitor.is_at("forgot")


@pytest.mark.parametrize(
    ("page", "field", "told"),
    [
        ("verify", "form.password", "script.link_invalid_code"),
        ("reset", "form.new_password", "script.reset_over"),
    ],
)
def test_link_that_is_over_does_not_lose_the_keyboard(
    visitor, watch, page, field, told
):
    watch.announce("status of 401")
    visitor.open(f"{page}#token=0123456789abcdefghij&name=alice")
    visitor.fill(field, OTHER_PASSWORD)

    visitor.press(f"{page}.submit")

    expect(visitor.page.get_by_text(visitor.words(told))).to_be_focused()


@pytest.mark.parametrize("page", ["verify", "reset"])
def test_token_of_a_link_leaves_the_address_bar_at_once(visitor, page):
    token = "0123456789abcdefghij"

    visitor.open(f"{page}#token={token}&name=alice")

    expect(visitor.field("form.account")).to_have_value("alice")
    assert visitor.page.url == f"{visitor.root}/{page}"
    assert token not in visitor.page.content()
    visitor.page.reload()
    expect(visitor.field("form.code")).to_be_visible()


@pytest.mark.parametrize("page", ["verify", "reset"])
def test_link_that_was_cut_off_says_so(visitor, page):
    visitor.open(f"{page}#token=0123456789abcdefghij&na")

    visitor.reads("form.broken")
    expect(visitor.field("form.code")).to_be_visible()


def test_next_link_may_be_opened_where_the_last_one_was(visitor):
    visitor.open("reset#token=0123456789abcdefghij&name=alice")
    expect(visitor.field("form.account")).to_have_value("alice")

    visitor.open("reset#token=9876543210abcdefghij&name=carol")

    expect(visitor.field("form.account")).to_have_value("carol")
    expect(visitor.page).to_have_url(re.compile("/reset$"))
