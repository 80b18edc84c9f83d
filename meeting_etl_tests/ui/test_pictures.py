"""What the UI draws of our metadata."""

import pytest

from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui


def test_the_coverage_of_the_last_30_days_is_a_picture(tab: Tab) -> None:
    page = tab.open("/assets/coverage?view=events")
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_alt_text("Coverage of the last 30 days")
    picture.wait_for()
    # An image that the UI had blocked would have no size of its own.
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 620
    tab.see("Dark green: every work item is answered.")


def test_ids_in_comments_of_columns_are_neither_tags_nor_italic(tab: Tab) -> None:
    tab.open("/assets/meetings")
    tab.see("Id of the instance, <series>_I_<number>; unique.")
