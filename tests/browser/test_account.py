"""The account: who I am, how I am reached, where I am logged in."""

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

A_PAUSE_MS = 1000  # after which what was typed is judged
OTHER_PASSWORD = "another good phrase"


def ask_for(member, kind, value):
    """Ask for a new address or number on the account's page."""
    member.fill(f"account.new_{kind}", value)
    member.fill("account.current_password", PASSWORD)
    member.press("form.send_code")


def test_new_address_takes_the_old_ones_place_once_its_code_is_given(member, alice):
    member.open("account")
    member.sees(f"{alice}@example.org")

    member.press("script.change_email")
    ask_for(member, "email", f"{alice}.new@example.org")
    member.fill("form.code", member.code(f"{alice}.new", "contact_code"))

    member.reads("script.email_changed")
    expect(member.page.locator("#email-value")).to_have_text(f"{alice}.new@example.org")


def test_number_is_added_once_its_code_is_given(member, server):
    member.open("account")
    member.reads("script.no_phone")

    member.press("script.add_phone")
    ask_for(member, "phone", "+442079460018")
    member.sees("+442079460018")
    member.fill("form.code", member.texted("+442079460018"))

    member.reads("script.phone_changed")
    member.reads("script.change_phone")


def test_wrong_password_changes_no_address(member, watch, alice):
    watch.announce("status of 401")
    member.open("account")

    member.press("script.change_email")
    member.fill("account.new_email", "mallory@example.org")
    member.fill("account.current_password", OTHER_PASSWORD)
    member.press("form.send_code")

    field = member.field("account.current_password")
    member.complains(field, "script.wrong_password")
    expect(member.page.locator("#email-value")).to_have_text(f"{alice}@example.org")


def test_proof_of_an_address_hides_no_complaint(member, watch, alice):
    watch.announce("ERR_FAILED")
    member.open("account")
    member.press("script.change_email")
    ask_for(member, "email", f"{alice}.new@example.org")
    code = member.code(f"{alice}.new", "contact_code")
    member.page.route("**/auth/me", lambda route: route.abort(), times=1)

    member.fill("form.code", code)

    outcome = member.page.locator("#outcome")
    expect(outcome).to_be_focused()
    expect(outcome).to_have_text(member.words("script.unreachable"))
    member.press("account.retry")
    member.sees(f"{alice}.new@example.org")


def test_all_other_sessions_end_at_once(browse, member, alice, watch):
    other = browse()
    other.log_in(alice)
    member.open("account")
    expect(member.page.locator("#list li")).to_have_count(2)

    member.press("account.end_others")

    member.reads("script.session_ended")
    expect(member.page.locator("#list li")).to_have_count(1)
    watch.announce("status of 401")
    other.open("account")
    other.reads("login.notice_needed")


def test_end_of_a_session_hides_no_complaint(browse, member, alice, watch):
    watch.announce("ERR_FAILED")
    browse().log_in(alice)
    member.open("account")
    member.is_at_account(alice)
    member.page.route("**/auth/me", lambda route: route.abort(), times=1)

    member.press("account.end_others")

    outcome = member.page.locator("#outcome")
    expect(outcome).to_be_focused()
    expect(outcome).to_have_text(member.words("script.unreachable"))
    member.press("account.retry")
    expect(member.page.locator("#list li")).to_have_count(1)


def test_whoever_logs_out_everywhere_is_logged_out_here_and_there(
    browse, member, alice, watch
):
    other = browse()
    other.log_in(alice)
    member.open("account")

    member.press("account.log_out_everywhere")

    member.reads("login.notice_ended")
    watch.announce("status of 401")
    other.open("account")
    other.reads("login.notice_needed")


def test_password_manager_is_led_to_where_the_password_changes(visitor, watch, alice):
    watch.announce("status of 401")
    visitor.open(".well-known/change-password")
    visitor.is_at("login")

    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)
    visitor.press("login.submit")

    visitor.is_at_account(alice)
    expect(visitor.field("account.current_password")).to_be_focused()


@pytest.mark.parametrize("section", ["contacts", "password", "sessions"])
def test_whoever_must_log_in_first_comes_back_to_where_they_were(
    visitor, watch, alice, section
):
    watch.announce("status of 401")
    visitor.open(f"account#{section}")
    visitor.reads("login.notice_needed")

    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)
    visitor.press("login.submit")

    visitor.is_at_account(alice)
    assert visitor.page.url == f"{visitor.root}/account#{section}"


def test_passwords_are_shown_on_request_and_hidden_before_they_are_sent(visitor, watch):
    watch.announce("status of 401")
    visitor.open("login")
    visitor.fill("form.identifier", "nobody")
    visitor.fill("form.password", PASSWORD)

    visitor.press("form.show_password")
    expect(visitor.field("form.password")).to_have_attribute("type", "text")
    visitor.press("login.submit")

    visitor.reads("script.wrong_login")
    expect(visitor.field("form.password")).to_have_attribute("type", "password")


def test_password_is_judged_while_it_is_typed(visitor):
    visitor.open("register")

    visitor.fill("form.password", "password")
    visitor.reads("fields.password_common")
    visitor.fill("form.password", PASSWORD)
    visitor.reads("script.password_good")


def test_nothing_is_praised_once_the_password_has_changed(member):
    member.open("account")
    member.press("account.change_password")
    member.fill("account.current_password", PASSWORD)
    member.fill("form.new_password", OTHER_PASSWORD)
    member.reads("script.password_good")

    member.press("account.save_password")
    member.reads("script.password_changed")
    member.press("account.change_password")

    field = member.field("form.new_password")
    expect(field).to_have_accessible_description(member.words("form.password_hint"))
    expect(field).to_have_value("")


def test_nothing_is_judged_that_was_typed_before_the_password_had_changed(member):
    held, judged = [], []
    member.page.route("**/password/change", lambda route: held.append(route))
    member.page.clock.install()
    member.open("account#password")
    member.fill("account.current_password", PASSWORD)
    member.fill("form.new_password", OTHER_PASSWORD)
    member.press("account.save_password")
    expect(member.page.locator("[aria-busy=true]")).to_have_count(1)
    member.fill("form.new_password", "short")
    member.page.on("request", lambda request: judged.append(request.url))

    held[0].continue_()
    member.reads("script.password_changed")
    member.page.clock.run_for(A_PAUSE_MS)
    member.press("account.change_password")

    field = member.field("form.new_password")
    expect(field).to_have_accessible_description(member.words("form.password_hint"))
    assert not [url for url in judged if url.endswith("/password/check")]


def test_front_page_says_how_the_server_is_and_leads_on(visitor):
    visitor.open("")
    visitor.reads("script.health_good")

    visitor.press("home.register")

    visitor.is_at("register")
