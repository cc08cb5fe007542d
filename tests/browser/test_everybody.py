"""Pages are for everybody: at any width, by day and by night, read or heard."""

import re

import pytest

from tests.browser import judges
from tests.processes import join, log_in

LINK = "token=0123456789abcdefghij&name=alice"
SENT = "to=alice@example.org&or=+442079460018&id=00000000-0000-0000-0000-000000000000"
OPEN_ALL = 'document.querySelectorAll("details").forEach((each) => (each.open = true))'


def front(visitor):
    visitor.open("")
    visitor.reads("script.health_good")


def enters_code(visitor):
    visitor.open("login")
    visitor.press("login.by_code")
    visitor.fill("form.identifier", "nobody@example.org")
    visitor.press("form.send_code")
    visitor.reads("script.maybe_sent")


def refused(visitor):
    visitor.open("register")
    visitor.press("register.submit")
    visitor.reads("script.required")


def account(visitor):
    visitor.open("account")
    visitor.is_at_account("alice")
    visitor.page.evaluate(OPEN_ALL)


def messages(visitor):
    address = re.search(r"http\S+/messages/\S+", visitor.server.console())
    visitor.page.goto(address[0])
    visitor.press("script.whole_message")


def opened(path):
    return lambda visitor: visitor.open(path)


STATES = {
    "front": front,
    "register": opened("register"),
    "register, refused": refused,
    "verify": opened(f"verify#{SENT}"),
    "verify, by link": opened(f"verify#{LINK}"),
    "login": opened("login#notice=confirmed"),
    "login, with a code": enters_code,
    "forgot": opened("forgot"),
    "reset": opened("reset"),
    "reset, by link": opened(f"reset#{LINK}"),
    "account": account,
    "messages": messages,
    "problem": opened("problems/too_many_requests"),
    "missing": opened("no/such/page"),
}


@pytest.fixture(scope="module")
def session(server):
    """Alice's, made once for all pages, as a browser keeps it."""
    join(server)
    line = log_in(server).headers["Set-Cookie"]
    name, _, value = line.partition(";")[0].partition("=")
    return {"name": name, "value": value, "url": "https://localhost", "secure": True}


# In each language half of the looks: what matters in one matters in all.
@pytest.mark.parametrize(
    ("locale", "looks"),
    [
        ("en", [(judges.DAY, judges.DESK), (judges.NIGHT, judges.PHONE)]),
        ("de", [(judges.DAY, judges.PHONE), (judges.NIGHT, judges.DESK)]),
    ],
    ids=["en", "de"],
)
@pytest.mark.parametrize("state", STATES)
def test_page_is_for_everybody(browse, watch, session, state, locale, looks):
    watch.announce("status of 404")
    visitor = browse(locale=locale)
    visitor.page.context.add_cookies([session])

    STATES[state](visitor)

    assert judges.faults(visitor.page, looks) == []
