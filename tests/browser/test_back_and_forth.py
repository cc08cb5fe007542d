"""Back, forward and reload do no harm: nothing is sent twice, nothing leaks."""

from playwright.sync_api import expect

from tests.processes import PASSWORD


def test_account_is_not_shown_again_after_logging_out(visitor, watch, alice):
    visitor.open("login")
    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)
    visitor.press("login.submit")
    visitor.is_at_account(alice)
    visitor.press("account.log_out")
    visitor.reads("login.notice_ended")
    watch.announce("status of 401")

    visitor.page.go_back()

    visitor.reads("login.notice_needed")
    expect(visitor.page.get_by_text(alice)).to_have_count(0)


def test_going_back_and_forth_while_registering_loses_nothing(visitor):
    visitor.open("register")
    visitor.fill("form.username", "frida")
    visitor.fill("form.email", "frida@example.org")
    visitor.fill("form.password", PASSWORD)
    visitor.press("register.submit")
    visitor.sees("frida@example.org")
    code = visitor.code("frida", "verify_code")
    posted = []
    visitor.page.on("request", lambda request: posted.append(request.method))

    visitor.page.go_back()
    visitor.is_at("register")
    visitor.page.go_forward()
    visitor.sees("frida@example.org")
    visitor.page.reload()
    visitor.sees("frida@example.org")

    assert "POST" not in posted
    visitor.fill("form.code", code)
    visitor.reads("login.notice_confirmed")


def test_reloading_the_account_shows_it_again(member, alice):
    member.open("account#sessions")
    member.is_at_account(alice)

    member.page.reload()

    member.is_at_account(alice)


def test_token_of_a_link_is_not_in_what_one_can_go_back_to(visitor):
    visitor.open("reset#token=0123456789abcdefghij&name=alice")
    expect(visitor.field("form.account")).to_have_value("alice")
    visitor.open("login")

    visitor.page.go_back()

    visitor.is_at("reset")
    assert "token" not in visitor.page.url
    expect(visitor.field("form.code")).to_be_visible()
