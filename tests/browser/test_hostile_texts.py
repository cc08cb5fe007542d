"""Texts of strangers are shown as texts: nothing in them runs, nothing breaks.

Every string here is a script wherever HTML, an attribute, an address or a
script would take it; what runs sets `hacked`, which fails the test.
"""

import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import expect

from tests.processes import PASSWORD

TAGS = '"><script>hacked=1</script><img src=x onerror=hacked=1>'
POLYGLOT = (
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=hacked=1 )//</stYle/</titLe/"
    "</teXtarEa/</scRipt/--!><sVg/<sVg/oNloAd=hacked=1//>"
)
TEMPLATE = "${hacked=1}{{hacked}}$to'-(hacked=1)-'"
SITE = f"Shop {TAGS}{TEMPLATE}"[:60]
SETTINGS = {"SITE_NAME": SITE}
TEXT = TAGS + TEMPLATE + POLYGLOT


def test_device_of_a_session_is_a_text(browse, member, alice):
    stranger = browse(user_agent=f"{TEXT} x")
    stranger.log_in(alice)

    member.open("account")

    shown = member.page.locator("#list .device").filter(has_text=TEXT[:10])
    expect(shown).to_be_visible()
    member.page.locator("#list button").last.click()
    member.reads("script.session_ended")


@pytest.mark.parametrize(
    "path",
    ["", "login", "problems/not_found", "no/such/page"],
)
def test_name_of_the_site_is_a_text(visitor, watch, path):
    watch.announce("status of 404")
    visitor.open(path)

    expect(visitor.page.locator(".brand")).to_have_text(SITE)
    expect(visitor.page).to_have_title(re.compile(re.escape(SITE)))


@pytest.mark.parametrize("page", ["login", "verify", "reset", "forgot", "account"])
def test_fragment_is_believed_nothing(visitor, watch, page):
    watch.announce("status of 401")
    names = ("to", "or", "name", "id", "notice", "back", "token", TEXT)
    fragment = urlencode(dict.fromkeys(names, TEXT))

    visitor.open(f"{page}#{fragment}")
    expect(visitor.page.locator("main input:visible").first).to_be_visible()

    assert TEXT not in visitor.page.locator("main").inner_text()
    values = "inputs => inputs.map((each) => each.value).join('')"
    assert visitor.page.locator("main input").evaluate_all(values) == ""


def test_what_has_the_shape_of_an_address_is_a_text(visitor):
    address = f"{TEMPLATE}`onload=hacked=1//&lt;@evil.example"

    visitor.open(f"verify#to={quote(address)}")

    visitor.sees(address)


def test_query_and_path_are_believed_nothing(visitor, watch):
    watch.announce("status of 404")
    quoted = quote(TEXT, safe="")

    for path in ("login?lang={}", "login?{}", "{}", "problems/{}", "messages/{}"):
        visitor.open(path.format(quoted))
        assert TEXT not in visitor.page.content()


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "{}", "else"]
)
def test_log_in_leads_to_no_address_of_a_link(visitor, alice, back):
    visitor.open(f"login?back={back}&next={back}#back={back.format(TEXT)}")
    visitor.fill("form.identifier", alice)
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    visitor.is_at_account(alice)
    assert visitor.page.url == f"{visitor.root}/account"


def test_sentence_of_the_server_is_a_text(visitor, watch):
    watch.announce("status of 418")
    refusal = {"code": "unheard_of", "detail": TEXT}
    visitor.page.route(
        "**/auth/login", lambda route: route.fulfill(status=418, json=refusal)
    )
    visitor.open("login")
    visitor.fill("form.identifier", "carol")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    expect(visitor.page.locator("#with-password [role=status]")).to_have_text(TEXT)


def test_complaint_of_the_server_is_a_text(visitor, watch):
    watch.announce("status of 422")
    fault = {"field": "identifier", "code": "unheard_of", "message": TEXT}
    refusal = {"code": "rule_broken", "detail": TEXT, "errors": [fault]}
    visitor.page.route(
        "**/auth/login", lambda route: route.fulfill(status=422, json=refusal)
    )
    visitor.open("login")
    visitor.fill("form.identifier", "carol")
    visitor.fill("form.password", PASSWORD)

    visitor.press("login.submit")

    expect(visitor.page.locator("#identifier-note")).to_have_text(TEXT)


def test_what_an_account_consists_of_is_text(member):
    user = {"username": TEXT, "email": TEXT, "phone": TEXT, "roles": [TEXT]}
    here = {"id": TEXT, "user_agent": TEXT, "address": TEXT, "current": True}
    times = {"created_at": 1, "last_seen_at": 1, "expires_at": 1}
    member.page.route("**/auth/me", lambda route: route.fulfill(json={"user": user}))
    member.page.route(
        "**/sessions",
        lambda route: route.fulfill(json={"sessions": [here | times]}),
    )

    member.open("account")

    expect(member.page.locator("strong.name")).to_have_text(TEXT)
    expect(member.page.locator("#email-value")).to_have_text(TEXT)
    expect(member.page.locator("#list")).to_contain_text(TEXT)


def test_message_is_a_text_and_leads_nowhere_else(visitor):
    message = {"recipient": TEXT, "subject": TEXT, "sent_at": 1}
    letters = [
        message | {"text": f"{TEXT}\n\n123456\n\n{link}\n"}
        for link in ("http://evil.example/verify#token=x", "javascript:hacked=1")
    ]
    address = re.search(r"http\S+/messages/\S+", visitor.server.console())[0]
    visitor.page.route(
        address,
        lambda route: (
            route.fulfill(json={"messages": letters})
            if "json" in route.request.headers["accept"]
            else route.continue_()
        ),
    )

    visitor.page.goto(address)

    expect(visitor.page.locator("article h2").first).to_have_text(TEXT)
    expect(visitor.page.locator("article")).to_have_count(2)
    expect(visitor.page.locator("article a")).to_have_count(0)
