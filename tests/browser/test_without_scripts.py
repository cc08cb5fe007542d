"""Without JavaScript each page says what it needs, and promises no more."""

import pytest
from playwright.sync_api import expect

LINK = "token=0123456789abcdefghij&name=alice"


@pytest.fixture
def visitor(browse, watch):
    watch.announce("text.en.js csp")  # fetched ahead, had there been scripts
    return browse(java_script_enabled=False)


def says(visitor, key):
    """Look for it where scripts never let one look."""
    sentence = visitor.page.locator("noscript p").first
    expect(sentence).to_be_visible()
    expect(sentence).to_have_text(visitor.words(key))


@pytest.mark.parametrize(
    "path",
    [
        *("register", "verify", "login", "forgot", "reset", "account"),
        *(f"verify#{LINK}", f"reset#{LINK}"),
    ],
)
def test_page_says_that_it_needs_scripts(visitor, path):
    visitor.open(path)

    says(visitor, "form.without_script")
    # Nobody is asked for what could not be sent.
    expect(visitor.page.locator("input").filter(visible=True)).to_have_count(0)
    expect(visitor.page.locator("main button").filter(visible=True)).to_have_count(0)


def test_front_page_says_so_and_does_not_seem_to_work_on_something(visitor):
    visitor.open("")

    says(visitor, "home.without_script")
    expect(visitor.page.get_by_text(visitor.words("home.looking"))).to_be_hidden()


@pytest.mark.parametrize("page", ["problems/not_found", "no/such/page"])
def test_page_that_only_tells_something_needs_none(visitor, watch, page):
    watch.announce("status of 404")
    visitor.open(page)

    visitor.press("missing.home")

    expect(visitor.page).to_have_url(f"{visitor.root}/")
