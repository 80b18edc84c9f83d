"""The job `reopen`, filled in by hand in the launchpad."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.served_ui import wait_until
from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui

FORM = """
ops:
  reopen_work_items:
    config:
      first_day: "{day}"
      last_day: ""
      resources: [participants]
      statuses: []
"""


def without_attempts(found: dict[str, Any]) -> dict[str, Any]:
    for row in found["fetch_ledger"]:
        row["attempts"] = None
    return found


def requested(urls: list[str]) -> set[str]:
    """Meetings whose participants were requested; nothing else may be."""
    paths = {url.partition("?")[0].rsplit("/", 1)[-1] for url in urls}
    assert paths <= {"meetingParticipants"}
    return {parse_qs(urlsplit(url).query)["meetingId"][0] for url in urls}


def test_a_day_is_reopened_by_the_form_and_fetched_again_by_the_sensor(
    tab: Tab, product: Product
) -> None:
    day = max(row["date"] for row in product.rows("meetings"))
    before, requests = without_attempts(tables(product.folder)), len(product.requests())
    meetings = {row["meeting_id"] for row in before["meetings"] if row["date"] == day}
    page = tab.open("/jobs")
    page.get_by_text("reopen", exact=True).first.click()
    page.get_by_role("tab", name="Launchpad").click()  # the description has the word, too
    tab.see("first_day")  # what is missing is named
    editor = page.locator(".CodeMirror").first
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(FORM.format(day=day))
    tab.see("No errors")
    tab.button("Launch Run").click()
    tab.see("RUN_SUCCESS")
    wait_until(lambda: requested(product.requests(requests)) == meetings)
    wait_until(lambda: not product.etl().ledger.due_days())
    assert len(set(product.requests(requests))) == len(product.requests(requests))
    assert without_attempts(tables(product.folder)) == before
