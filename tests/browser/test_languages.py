"""The language: what the browser asks for, or what its user chose instead."""

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

PAGES = ["", "login", "problems/not_found"]


def is_german(visitor):
    expect(visitor.page.locator("html")).to_have_attribute("lang", "de")


@pytest.mark.parametrize("page", PAGES)
def test_browser_that_asks_for_german_gets_german(browse, page):
    visitor = browse(locale="de")

    visitor.open(page)

    is_german(visitor)
    expect(visitor.page.locator("h1").filter(visible=True)).not_to_be_empty()


def test_what_was_chosen_is_kept_from_page_to_page(visitor, browse, alice):
    german = browse(locale="de")
    visitor.open("login")

    visitor.page.get_by_role("link", name="Deutsch").click()
    is_german(visitor)
    visitor.page.get_by_role("link", name=german.words("login.forgot")).click()
    is_german(visitor)
    visitor.page.get_by_label(german.words("form.identifier")).fill(alice)
    visitor.page.get_by_role("button", name=german.words("form.send_code")).click()

    visitor.sees(german.words("reset.code_lead"))
    assert german.code(alice, "reset_code")  # the mail as well


def test_choice_counts_more_than_what_the_browser_asks_for(browse, visitor):
    german = browse(locale="de")
    german.open("")

    german.page.get_by_role("link", name="English").click()
    german.open("login")

    german.sees(visitor.words("login.forgot"))


def test_switch_keeps_the_fragment_and_so_the_link_of_a_mail(visitor):
    visitor.open("reset#token=0123456789abcdefghij&name=alice")
    expect(visitor.field("form.account")).to_have_value("alice")

    visitor.page.get_by_role("link", name="Deutsch").click()

    is_german(visitor)
    expect(visitor.page.locator("#username")).to_have_value("alice")
    assert "token" not in visitor.page.url


def test_switch_keeps_where_the_code_went(visitor):
    visitor.open("verify#to=alice@example.org&name=alice")
    visitor.sees("alice@example.org")

    visitor.page.get_by_role("link", name="Deutsch").click()

    is_german(visitor)
    visitor.sees("alice@example.org")


def test_refusals_are_told_in_german_too(browse, watch):
    watch.announce("status of 401")
    visitor = browse(locale="de")
    visitor.open("login")
    visitor.fill("form.identifier", "carol")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    visitor.complains(visitor.field("form.password"), "script.wrong_login")
