"""Where pages meet what nobody planned: odd names, odd pastes, lost files."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import judges
from tests.processes import PASSWORD

LINK = "token=0123456789abcdefghij&name=alice"
NUMBER = "+44 (0)20 7946 0018"
MAIL = """The account alice123456 at example.org asks for it. The code is:

654 321

It works for 10 minutes. Instead of it you can open this page:

https://example.org/verify#token=111111222222333333&name=alice123456
"""
LATER = "document.getAnimations().forEach((each) => each.finish())"


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        (MAIL, "654321"),
        ("Your code is 654-321.", "654321"),
        ("654321 is your code for alice.123456.", "654321"),
        *((text, "") for text in ("alice123456", "alice.123456", "123456@a.example")),
        ("+44 20 7946 0018", ""),
    ],
)
def test_no_part_of_a_name_is_taken_for_a_code(visitor, watch, pasted, taken):
    watch.announce("status of 401")
    visitor.open("reset#to=alice")

    visitor.paste("form.code", pasted)

    expect(visitor.field("form.code")).to_have_value(taken)


def test_letter_typed_by_mistake_changes_no_code(visitor):
    visitor.open("reset#to=alice")

    visitor.field("form.code").press_sequentially("12x3")

    expect(visitor.field("form.code")).to_have_value("123")


def test_messages_show_no_name_as_a_code(visitor, server):
    form = {"username": "eve123456", "email": "eve@example.org", "password": PASSWORD}
    assert server.ask("POST", "/auth/register", **form).status == 201
    code = visitor.code("eve", "verify_code")
    proof = {"identifier": "eve@example.org", "otp": code}
    assert server.ask("POST", "/auth/verify-otp", **proof).status == 200
    form["username"] = "mallory"
    assert server.ask("POST", "/auth/register", **form).status == 201
    visitor.page.goto(re.search(r"http\S+/messages/\S+", server.console())[0])

    # That she has an account already, and before that her code.
    letters = visitor.page.locator("article").filter(has_text="eve123456")
    expect(letters).to_have_count(2)
    expect(letters.locator(".code")).to_have_text([code])


def test_keyboard_is_not_lost_where_all_is_filled_in(visitor):
    visitor.open("login")
    visitor.fill("form.identifier", "alice")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.by_code")
    expect(visitor.control("form.send_code")).to_be_focused()
    visitor.press("login.by_password")

    expect(visitor.control("login.submit")).to_be_focused()


@pytest.mark.parametrize("number", [NUMBER, "020 7946 0018"])
def test_number_that_a_code_was_asked_for_comes_along(visitor, number):
    visitor.page.route(
        "**/auth/password/forgot", lambda route: route.fulfill(json={"message": ""})
    )
    visitor.open("forgot")
    visitor.fill("form.identifier", number)

    visitor.press("form.send_code")

    visitor.is_at("reset")
    expect(visitor.field("form.identifier")).to_have_value(number)


@pytest.mark.parametrize("file", ["form.js", "login.js", "text.en.js"])
def test_page_whose_file_is_lost_says_so_and_can_be_loaded_again(visitor, watch, file):
    watch.announce("ERR_FAILED", "raised: .*dynamically imported", "preload")
    visitor.page.route(f"**/{file}", lambda route: route.abort(), times=2)
    visitor.open("login")
    expect(visitor.page.get_by_role("alert")).to_have_count(0)  # not at once

    visitor.page.evaluate(LATER)
    visitor.reads("frame.stalled")
    assert judges.faults(visitor.page) == []
    visitor.page.unroute_all()
    visitor.press("frame.reload")

    expect(visitor.field("form.identifier")).to_be_focused()
    expect(visitor.page.locator(".stalled")).to_be_hidden()


@pytest.mark.parametrize("notice", ["link", "to", "or", "broken", "token"])
def test_notice_of_a_link_switches_nothing_else_on(visitor, notice):
    visitor.open(f"reset#notice={notice}")

    expect(visitor.field("form.code")).to_be_visible()
    expect(visitor.field("form.new_password")).to_be_hidden()
    expect(visitor.page.get_by_text(visitor.words("form.broken"))).to_be_hidden()


@pytest.mark.parametrize("page", ["verify", "reset"])
def test_reload_of_a_links_page_asks_for_the_link_again(visitor, browse, page):
    visitor.open(f"{page}#{LINK}")
    expect(visitor.field("form.account")).to_have_value("alice")

    visitor.page.reload()
    visitor.reads("form.link_again")
    expect(visitor.page.get_by_text(visitor.words("reset.code_lead"))).to_be_hidden()
    visitor.page.get_by_role("link", name="Deutsch").click()

    visitor.sees(browse(locale="de").words("form.link_again"))


def test_session_that_ended_leads_to_log_in_and_back(member, watch, alice):
    watch.announce("status of 401")
    member.open("account#password")
    member.is_at_account(alice)
    member.page.context.clear_cookies()
    member.fill("account.current_password", PASSWORD)
    member.fill("form.new_password", "another good phrase")

    member.press("account.save_password")

    member.is_at("login")
    member.fill("form.identifier", alice)
    member.fill("form.password", PASSWORD)
    member.press("login.submit")
    expect(member.field("account.current_password")).to_be_focused()


def test_account_of_somebody_else_is_not_left_on_the_screen(member, alice, server):
    member.open("account")
    member.is_at_account(alice)
    body = {"user": {"username": "bob"}}
    member.page.route("**/auth/me", lambda route: route.fulfill(json=body), times=1)

    with member.page.expect_navigation():
        member.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    member.is_at_account(alice)


def test_change_of_an_address_is_taken_up_again_with_its_code(member, alice):
    address = f"{alice}.new@example.org"
    member.open("account")
    member.press("script.change_email")
    member.fill("account.new_email", address)
    member.fill("account.current_password", PASSWORD)
    member.press("form.send_code")
    member.sees(address)
    member.page.reload()

    member.press("script.change_email")
    member.press("account.have_code")
    member.complains(member.field("account.new_email"), "script.required")
    member.fill("account.new_email", address)
    member.press("account.have_code")
    member.fill("form.code", member.code(f"{alice}.new", "contact_code"))

    member.reads("script.email_changed")


def test_link_of_a_change_leads_whoever_is_logged_in_to_the_account(member, alice):
    member.open("account")
    member.press("script.change_email")
    member.fill("account.new_email", f"{alice}.new@example.org")
    member.fill("account.current_password", PASSWORD)
    member.press("form.send_code")
    member.sees(f"{alice}.new@example.org")

    member.page.goto(member.link(f"{alice}.new", "contact_code"))
    member.fill("form.password", PASSWORD)
    member.press("verify.submit")

    member.is_at_account(alice)
    member.sees(f"{alice}.new@example.org")


def test_name_that_somebody_put_beside_a_token_is_refused(visitor, watch, alice):
    watch.announce("status of 401")
    visitor.open("forgot")
    visitor.fill("form.identifier", alice)
    visitor.press("form.send_code")
    visitor.is_at("reset")
    link = visitor.link(alice, "reset_code")

    visitor.page.goto(re.sub("name=.*", "name=mallory", link))
    visitor.fill("form.new_password", "another good phrase")
    visitor.press("reset.submit")

    visitor.reads("script.reset_over")
    visitor.log_in(alice)


@pytest.mark.parametrize(
    ("refusal", "blamed"),
    [
        ({"code": "contact_taken", "detail": "In use."}, ["phone"]),
        (
            {
                "code": "rule_broken",
                "detail": "No.",
                "errors": [
                    {"field": "phone", "code": "phone_form", "message": "No."},
                    {"field": "username", "code": "username_form", "message": "No."},
                ],
            },
            ["username", "phone"],
        ),
    ],
)
def test_every_field_at_fault_is_marked_and_no_other(visitor, watch, refusal, blamed):
    watch.announce("status of 4")
    visitor.page.route(
        "**/auth/register", lambda route: route.fulfill(status=422, json=refusal)
    )
    visitor.open("register")
    visitor.fill("form.username", "carol")
    visitor.fill("form.phone", NUMBER)
    visitor.fill("form.password", PASSWORD)

    visitor.press("register.submit")

    expect(visitor.field(f"form.{blamed[0]}")).to_be_focused()
    marked = visitor.page.locator("[aria-invalid=true]")
    assert marked.evaluate_all("all => all.map((each) => each.name)") == blamed


def test_button_that_shows_a_password_says_when_it_would_hide_it(visitor):
    visitor.open("login")
    visitor.fill("form.password", "        ")

    visitor.press("form.show_password")
    visitor.press("script.hide_password")

    visitor.control("form.show_password").wait_for()
    visitor.press("login.submit")
    expect(visitor.field("form.password")).to_have_attribute("aria-invalid", "false")


def test_messages_promise_nothing_without_scripts(browse, server, watch):
    watch.announce("text.en.js csp")
    visitor = browse(java_script_enabled=False)

    visitor.page.goto(re.search(r"http\S+/messages/\S+", server.console())[0])

    expect(visitor.page.get_by_text(visitor.words("messages.empty"))).to_be_hidden()
