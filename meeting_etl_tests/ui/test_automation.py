"""What starts by itself, and what a check says of it."""

import shutil
from pathlib import Path

import pytest

from meeting_etl_tests.product import Product
from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui


def newest_log(product: Product) -> Path:
    logs = (product.folder / "webhook_logs").rglob("*.jsonl")
    return max(logs, key=lambda path: path.relative_to(product.folder))


def execute_all(tab: Tab) -> None:
    """The button does nothing while the page still loads."""
    tab.page.wait_for_load_state("networkidle")
    tab.button("Execute all").click()
    tab.see("Launched run")


def test_an_appended_line_is_a_request_in_the_history_of_the_sensor(
    tab: Tab, product: Product
) -> None:
    page = tab.open("/automation")
    page.get_by_text("due_work").first.click()
    tab.see("0 runs requested")
    with newest_log(product).open("a") as log:
        log.write("this is not JSON\n" * 30)
    tab.see("1 run requested")
    tab.open("/assets/webhook_events?view=checks")
    execute_all(tab)
    tab.see("lines of the last 7 days were rejected, more than 1.0%")


def test_a_key_that_is_there_twice_is_red(tab: Tab, product: Product) -> None:
    """As if somebody had copied a file in the lake."""
    page = tab.open("/assets/webhook_events?view=checks")
    events = product.folder / "lake" / "webhook_events"
    part = max(events.glob("received_date=2*/part-0.parquet"))
    copied = part.with_name("part-1.parquet")
    shutil.copy(part, copied)
    try:
        page.get_by_text("rows_sound").first.click()
        execute_all(tab)
        tab.see("rows have the key of another row")
    finally:
        copied.unlink()
    icon = page.get_by_role("img", name="cancel").first  # a warning would be another sign
    assert "red" in icon.evaluate("icon => icon.style.getPropertyValue('--icon-color')")
