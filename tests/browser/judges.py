"""What a page is judged by: axe-core, and whether anything scrolls sideways.

axe-core (Deque Systems) knows the rules of WCAG that a program can check. It is
handed to the page by the debugger, which the page's policy does not concern.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

AXE = Axe()
RUN = 'axe.run({ resultTypes: ["violations"] })'
SIDEWAYS = """[...document.querySelectorAll("html, body, body *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
  .map((each) => each.outerHTML.slice(0, 100))"""
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"
PHONE, DESK = {"width": 320, "height": 640}, {"width": 1280, "height": 800}
DAY, NIGHT = "light", "dark"
ALL = tuple(product((DAY, NIGHT), (PHONE, DESK)))


def faults(page: Page, looks: Iterable[tuple[str, ViewportSize]] = ALL) -> list[str]:
    """Return what is wrong with what is shown, by day and by night."""
    page.evaluate(AXE.axe_script)
    found = []
    for scheme, size in looks:
        # No colours in between: what fades is judged as what it becomes.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        where = f"{scheme}, {size['width']} px: "
        found += [where + each for each in _violations(page.evaluate(RUN))]
        if page.evaluate(TOO_WIDE):
            found += [where + each for each in page.evaluate(SIDEWAYS)]
    return found


def _violations(results: dict[str, Any]) -> list[str]:
    return [
        f"{violation['id']} {node['html']} {node['failureSummary']}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]
