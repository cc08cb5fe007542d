"""Somebody in front of a browser, who finds things by the words on them.

Fields are found by their labels and buttons by their names, as a screen reader
tells them; the words come from the file of the visitor's language, by key:
`login.submit` of a page, `script.wrong_code`, `fields.email_form`.

There are two hands for it: one that points and clicks, and one that has nothing
but a keyboard.
"""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from authserver import texts
from tests.processes import PASSWORD, ServerProcess, wait_until

CLOSE_PX = 30
MOST_TABS = 60  # more than any page has stops
IS_FOCUSED = "each => each === document.activeElement"
OUTLINE = "each => getComputedStyle(each).outlineStyle"


class Visitor:
    """Points, clicks and types."""

    def __init__(self, page: Page, server: ServerProcess, language: str) -> None:
        self.page = page
        self.server = server
        self.root = server.settings["PUBLIC_URL"]
        self.site = self.root.partition("://")[2].partition("/")[0]
        self.texts: dict[str, Any] = texts.load(language)

    def words(self, key: str, **places: str) -> str:
        """Return what our pages say, with its places filled in."""
        names = key.split(".")
        found: Any = self.texts if names[0] in self.texts else self.texts["pages"]
        for name in names:
            found = found[name]
        return re.sub(r"\$([a-z]+)", lambda place: places[place[1]], str(found))

    def open(self, path: str) -> None:
        """Type an address, by its path below PUBLIC_URL."""
        self.page.goto(f"{self.root}/{path}")

    def field(self, key: str) -> Locator:
        label = self.words(key)
        return self.page.get_by_label(label, exact=True).filter(visible=True)

    def control(self, key: str, **places: str) -> Locator:
        """Return what is pressed: a button, a link, a heading that unfolds."""
        name = self.words(key, **places)
        button = self.page.get_by_role("button", name=name, exact=True)
        link = self.page.get_by_role("link", name=name, exact=True)
        fold = self.page.locator("summary").get_by_text(name, exact=True)
        return button.or_(link).or_(fold).filter(visible=True).first

    def fill(self, key: str, text: str) -> None:
        self.field(key).fill(text)

    def press(self, key: str, **places: str) -> None:
        self.control(key, **places).click()

    def paste(self, key: str, text: str) -> None:
        """Put a text into the clipboard and from there into a field."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self._go_to(self.field(key))
        self.page.keyboard.press("Control+V")

    def _go_to(self, target: Locator) -> None:
        target.click()

    def reads(self, key: str, **places: str) -> None:
        """Wait until this can be read on the page."""
        self.sees(self.words(key, **places))

    def sees(self, text: str) -> None:
        """Wait until a text can be read on the page."""
        expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def complains(self, field: Locator, key: str) -> None:
        """Wait until a field has the focus and, below it, this complaint."""
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(self.words(key))
        expect(field).to_be_focused()
        complaint = field.locator("xpath=following::p[1]")
        expect(complaint).to_have_text(self.words(key))
        upper, lower = field.bounding_box(), complaint.bounding_box()
        assert upper, lower
        assert 0 <= lower["y"] - upper["y"] - upper["height"] < CLOSE_PX

    def is_at(self, page: str) -> None:
        """Wait until a page of ours is open and its script is done."""
        address = f"{re.escape(self.root)}/{page}([#?].*)?"
        expect(self.page).to_have_url(re.compile(f"^{address}$"))

    def is_at_account(self, username: str) -> None:
        """Wait until the account of somebody is shown."""
        self.is_at("account")
        expect(self.page.locator("strong.name")).to_have_text(username)

    def log_in(self, username: str, password: str = PASSWORD) -> None:
        """Be logged in, without the page for it."""
        form = {"identifier": username, "password": password, "cookie_only": True}
        answer = self.page.request.post(f"{self.root}/auth/login", data=form)
        assert answer.ok, answer.text()

    def code(self, username: str, kind: str) -> str:
        """Return the newest code in somebody's mails of a kind."""
        return self._mailed(username, kind, r"^[0-9]{6}$")

    def link(self, username: str, kind: str) -> str:
        """Return the newest link in somebody's mails of a kind."""
        return self._mailed(username, kind, r"^http\S+$")

    def texted(self, number: str) -> str:
        """Return the code of a text message."""
        return self._sent(f"To: {number}\n", r"\b[0-9]{6}\b")

    def _mailed(self, username: str, kind: str, pattern: str) -> str:
        subject = self.words(f"mail.{kind}.subject", site=self.site)
        head = f"To: {username}@example.org\nSubject: {subject}\n"
        return self._sent(head, pattern)

    def _sent(self, head: str, pattern: str) -> str:
        def found() -> list[str]:
            letters = self.server.console().split("-" * 72)
            texts = [each for each in letters if head in each]
            return re.findall(pattern, "".join(texts), re.MULTILINE)

        return str(wait_until(found, f"a message: {head}")[-1])


class Keyboard(Visitor):
    """Has no mouse: Tab, Enter and letters."""

    def fill(self, key: str, text: str) -> None:
        self._go_to(self.field(key))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, key: str, **places: str) -> None:
        self._go_to(self.control(key, **places))
        self.page.keyboard.press("Enter")

    def _go_to(self, target: Locator) -> None:
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate(IS_FOCUSED):
                assert target.evaluate(OUTLINE) != "none", "nobody sees the focus"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way to {target} by the Tab key")
