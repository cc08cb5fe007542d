"""Too often, too slow, too late: what a page does while it cannot go on.

Nothing that was typed is lost, nothing is sent twice, and whoever must wait is
told how long.
"""

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

TYPED = {"form.identifier": "carol", "form.password": PASSWORD}
A_MINUTE_MS = 60_000
# A code comes first: with a name, its last digit would send it.
PAGES = [
    ("login", "login.submit", TYPED, "auth/login"),
    ("forgot", "form.send_code", {"form.identifier": "carol"}, "auth/password/forgot"),
    (
        *("register", "register.submit"),
        {
            "form.username": "carol",
            "form.email": "carol@example.org",
            "form.password": PASSWORD,
        },
        "auth/register",
    ),
    (
        *("verify", "verify.submit"),
        {"form.code": "123456", "form.identifier": "carol"},
        "auth/verify-otp",
    ),
    (
        *("reset", "reset.code_submit"),
        {"form.code": "123456", "form.identifier": "carol"},
        "validate-otp",
    ),
]

each_form = pytest.mark.parametrize(("page", "button", "typed", "path"), PAGES)


@pytest.fixture
def fill_in(visitor):
    """Open a page and fill in what is given."""

    def opened(page, typed):
        visitor.open(page)
        for key, text in typed.items():
            visitor.fill(key, text)

    return opened


@each_form
def test_lost_network_is_told_and_keeps_what_was_typed(
    visitor, watch, fill_in, page, button, typed, path
):
    watch.announce("ERR_INTERNET_DISCONNECTED")
    fill_in(page, typed)

    visitor.page.context.set_offline(True)
    visitor.press(button)

    visitor.reads("script.unreachable")
    for key, text in typed.items():
        expect(visitor.field(key)).to_have_value(text)
    expect(visitor.control(button)).to_be_focused()


def test_once_the_network_is_back_the_same_press_goes_through(visitor, watch, alice):
    watch.announce("ERR_INTERNET_DISCONNECTED")
    visitor.open("login")
    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)
    visitor.page.context.set_offline(True)
    visitor.press("login.submit")
    visitor.reads("script.unreachable")

    visitor.page.context.set_offline(False)
    visitor.press("login.submit")

    visitor.is_at_account(alice)


def test_account_that_could_not_be_had_can_be_asked_for_again(member, watch, alice):
    watch.announce("ERR_FAILED")
    member.page.route("**/auth/me", lambda route: route.abort(), times=1)
    member.open("account")
    member.reads("script.unreachable")

    member.press("account.retry")

    member.is_at_account(alice)


@each_form
def test_button_at_work_says_so_and_cannot_be_pressed_twice(
    visitor, watch, fill_in, page, button, typed, path
):
    watch.announce("ERR_FAILED")
    held = []
    visitor.page.route(f"**/{path}", lambda route: held.append(route))
    fill_in(page, typed)

    visitor.control(button).dblclick()
    visitor.page.keyboard.press("Enter")

    at_work = visitor.page.locator("button[aria-busy=true]")
    expect(at_work).to_have_attribute("aria-disabled", "true")
    expect(at_work).to_be_focused()
    at_work.click(force=True)
    assert len(held) == 1
    held[0].abort()
    visitor.reads("script.unreachable")
    assert len(held) == 1
    expect(visitor.control(button)).to_be_enabled()


def test_session_is_ended_once_however_often_the_button_is_pressed(member, alice):
    held = []
    member.page.route("**/auth/logout", lambda route: held.append(route))
    member.open("account")
    member.is_at_account(alice)

    member.control("account.log_out").dblclick()
    expect(member.page.locator("#logout")).to_have_attribute("aria-busy", "true")
    member.page.locator("#logout").click(force=True)

    assert len(held) == 1
    held[0].continue_()
    member.is_at("login")


def test_limit_of_messages_counts_down_and_lets_go(visitor, watch, alice):
    watch.announce("status of 429")
    visitor.page.clock.install()
    visitor.open("reset")
    visitor.fill("form.identifier", alice)
    asked = []
    visitor.page.on("request", lambda request: asked.append(request))
    for _ in range(3):
        visitor.press("form.again")
        visitor.reads("script.sent_again")

    visitor.press("form.again")
    visitor.reads("script.too_many_requests")
    button = visitor.page.locator("#again")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_contain_text("0:")
    button.click(force=True)
    assert len(asked) == 4

    visitor.page.clock.fast_forward(A_MINUTE_MS)
    visitor.reads("script.again_now")
    expect(button).to_be_enabled()
    visitor.press("form.again")
    visitor.reads("script.too_many_requests")
    assert len(asked) == 5


def test_end_of_a_wait_leaves_what_was_told_after_its_beginning(visitor, watch):
    watch.announce("status of 429", "ERR_FAILED")
    refusal = {"code": "too_many_requests", "detail": "Wait."}
    visitor.page.route(
        "**/auth/password/forgot",
        lambda route: route.fulfill(
            status=429, json=refusal, headers={"Retry-After": "60"}
        ),
    )
    visitor.page.route("**/validate-otp", lambda route: route.abort())
    visitor.page.clock.install()
    visitor.open("reset#to=alice")
    visitor.press("form.again")
    visitor.reads("script.too_many_requests")
    visitor.fill("form.code", "123456")
    visitor.reads("script.unreachable")

    visitor.page.clock.fast_forward(A_MINUTE_MS)

    expect(visitor.control("form.again")).to_be_enabled()
    expect(visitor.page.locator("#code-outcome")).to_have_text(
        visitor.words("script.unreachable")
    )


def test_limit_of_log_ins_keeps_what_was_typed_until_it_lets_go(visitor, watch, alice):
    watch.announce("status of 429")
    refusal = {"code": "too_many_requests", "detail": "Wait."}
    visitor.page.route(
        "**/auth/login",
        lambda route: route.fulfill(
            status=429, json=refusal, headers={"Retry-After": "90"}
        ),
        times=1,
    )
    visitor.page.clock.install()
    visitor.open("login")
    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")
    visitor.reads("script.again_in", time="2 minutes")
    visitor.sees("1:30")
    visitor.page.clock.run_for(A_MINUTE_MS)
    visitor.sees("0:30")
    visitor.page.clock.run_for(A_MINUTE_MS)
    visitor.reads("script.again_now")
    visitor.press("login.submit")

    visitor.is_at_account(alice)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_answer_that_is_no_json_counts_as_a_lost_network(visitor, watch, status):
    watch.announce(f"status of {status}")
    visitor.page.route(
        "**/auth/login", lambda route: route.fulfill(status=status, body="<h1>Oops")
    )
    visitor.open("login")
    visitor.fill("form.identifier", "carol")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    visitor.reads("script.unreachable")
