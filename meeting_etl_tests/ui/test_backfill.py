"""A backfill launched by clicking."""

from datetime import timedelta

import pytest

from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui


def test_a_backfill_of_five_days_succeeds(tab: Tab, product: Product) -> None:
    last = max(row["date"] for row in product.rows("meetings"))
    days = [str(last - timedelta(days=ago)) for ago in (4, 3, 2, 1, 0)]
    before, requests = tables(product.folder), len(product.requests())
    page = tab.open("/assets/meetings")
    tab.button("Materialize").click()
    dialog = page.get_by_role("dialog")
    selection = dialog.locator("input[type=text]").first
    tab.see("Preview")
    selection.fill(f"[{days[0]}...{days[-1]}]")
    selection.press("Enter")
    tab.see("5 partitions")
    dialog.get_by_role("button", name="Launch").click()
    tab.see("Created backfill")
    page.get_by_text("View", exact=True).first.click()
    tab.see("Succeeded")
    tab.see("100% completed")
    tab.open(f"/assets/meetings?view=partitions&partition={days[0]}")
    tab.see("Latest materialization")
    tab.open("/assets/meetings")
    tab.button("Plots").click()
    page.locator("canvas").first.wait_for()
    assert tables(product.folder) == before
    assert product.requests(requests) == []
