"""The pages that a newcomer opens first: all of them load, without an error."""

import pytest

from meeting_etl.definitions import build_defs
from meeting_etl_tests.product import Product
from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui


def test_the_graph_shows_all_groups_and_all_assets(tab: Tab, product: Product) -> None:
    specs = build_defs(product.etl()).resolve_all_asset_specs()
    tab.open("/asset-groups")
    for group in {spec.group_name for spec in specs}:
        tab.see(group or "")
    for name in (spec.key.to_user_string() for spec in specs):
        tab.open(f"/assets/{name}")
        tab.see("Definition")
        assert "not found" not in tab.text().lower(), name


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/overview/activity/timeline", "Timeline"),
        ("/runs", "Backfills"),
        ("/assets", "Assets"),
        ("/jobs", "Jobs"),
        ("/automation", "due_work"),
        ("/deployment/locations", "meeting_etl"),
        ("/deployment/health", "Daemon"),
    ],
)
def test_each_page_opens_without_an_error(tab: Tab, path: str, text: str) -> None:
    tab.open(path)
    tab.see(text)
    tab.page.wait_for_load_state("networkidle")
