"""What a screen reader reads out by itself: what is new, once, and no more.

A live region is read out whenever it is written, though it say the same again.
"""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.processes import join

A_PAUSE_MS = 2000  # of the page of messages, between two looks
A_MINUTE_MS = 60_000
COUNT = """(place) => {
  const all = { subtree: true, childList: true, characterData: true };
  place.writes = 0;
  new MutationObserver((found) => (place.writes += found.length)).observe(place, all);
}"""
WRITES = "(place) => place.writes"
LIVE = "[role=log], [role=status], [role=alert], [aria-live=polite]"


@pytest.fixture
def messages(visitor, alice):
    """The page of messages, with one for Alice."""
    visitor.page.clock.install()
    visitor.page.goto(re.search(r"http\S+/messages/\S+", visitor.server.console())[0])
    expect(visitor.page.locator("article").filter(has_text=alice)).to_be_visible()
    return visitor.page


def look_again(messages):
    """Let the page ask, and once more, when it has shown the first answer."""
    for _ in range(2):
        with messages.expect_response("**/messages/*"):
            messages.clock.run_for(A_PAUSE_MS)


def test_hint_is_not_read_out_at_every_key(visitor):
    visitor.page.clock.install()  # nothing is judged meanwhile
    visitor.open("register")
    line = visitor.page.locator("#password-note")
    line.evaluate(COUNT)

    visitor.field("form.password").press_sequentially("correct")

    expect(line).to_have_text(visitor.words("form.password_hint"))
    assert line.evaluate(WRITES) == 0


def test_new_messages_are_announced(visitor, messages, server):
    names = [f"{each}-{secrets.token_hex(4)}" for each in ("bob", "carol")]
    for name in names:
        join(server, name)

    messages.clock.run_for(A_PAUSE_MS)

    status = messages.get_by_role("status").filter(has_text=names[0])
    expect(status.locator("p")).to_have_text(
        [
            visitor.words("script.message_new", to=f"{name}@example.org")
            for name in names
        ]
    )


def test_messages_that_were_there_are_not_announced(visitor, messages):
    look_again(messages)

    assert "".join(messages.get_by_role("status").all_inner_texts()) == ""


def test_messages_of_before_a_failure_are_not_announced(visitor, alice, watch):
    watch.announce("ERR_FAILED")
    address = re.search(r"http\S+/messages/\S+", visitor.server.console())[0]
    visitor.page.clock.install()
    visitor.page.route(address, lambda route: route.abort())
    visitor.page.route(address, lambda route: route.continue_(), times=1)  # the page
    visitor.page.goto(address)
    visitor.reads("script.messages_lost")
    visitor.page.unroute(address)

    visitor.page.clock.run_for(A_PAUSE_MS)

    expect(visitor.page.locator("article").filter(has_text=alice)).to_be_visible()
    assert "".join(visitor.page.get_by_role("status").all_inner_texts()) == ""


def test_look_that_finds_nothing_new_writes_nothing(messages):
    messages.locator("main").evaluate(COUNT)

    look_again(messages)

    assert messages.locator("main").evaluate(WRITES) == 0


def test_passing_of_time_is_shown_and_not_read_out(messages):
    time = messages.locator("time").first
    expect(time).to_have_text("just now")

    messages.clock.fast_forward(A_MINUTE_MS)

    expect(time).to_have_text("1 minute ago")
    assert time.evaluate("(time, live) => time.closest(live)", LIVE) is None
