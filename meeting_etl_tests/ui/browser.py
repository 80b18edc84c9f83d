"""A real Chromium that watches what no page of the UI may show."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

# Toasts appear for seconds only: each is written to the console as it appears.
_TOASTS = """
new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(node => {
  if (node.querySelector && (node.matches('[data-sonner-toast]') || node.closest('[data-sonner-toast]')))
    console.log('toast: ' + node.innerText)
}))).observe(document, {childList: true, subtree: true})
"""  # noqa: E501
# What the UI says after a click that succeeded.
_GOOD_TOAST = re.compile(r"^toast: (Created backfill|Launched run|Copied|.*reloaded)", re.DOTALL)
# The longest wait for a page, a run or the daemon.
WAIT_MS = 120_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium of the system, as Debian's package `chromium` installs it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "install Chromium first: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A tab on the UI at `url`. `faults` are errors of the console and red toasts so far."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.faults: list[str] = []
        self._url = url
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.page.set_default_timeout(WAIT_MS)
        self.page.add_init_script(_TOASTS)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, path: str) -> Page:
        """Go to a page of the UI."""
        self.page.goto(self._url + path)
        return self.page

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name).first

    def see(self, text: str | re.Pattern[str]) -> None:
        """Wait until a text is visible."""
        try:
            self.page.get_by_text(text).locator("visible=true").first.wait_for()
        except PlaywrightTimeoutError:
            raise AssertionError(f"{text!r} is not on {self.page.url}: {self.text()}") from None

    def text(self) -> str:
        """All that the page shows."""
        return self.page.locator("body").inner_text()

    def _note(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type == "error" or (text.startswith("toast: ") and not _GOOD_TOAST.match(text)):
            self.faults.append(text)
