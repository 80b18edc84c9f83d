"""Failures as somebody meets them who clicks on what is red."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from meeting_etl_tests.product import Product
from meeting_etl_tests.served_ui import ServedUi, served_ui, wait_until
from meeting_etl_tests.ui.browser import Tab

pytestmark = pytest.mark.ui

FAILED = """
query { runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId } } } }
"""


@pytest.fixture
def refused(product: Product, tmp_path: Path) -> Iterator[ServedUi]:
    """The UI of a product whose token Webex refuses."""
    wrong = replace(product, folder=tmp_path / "data", more={"WEBEX_ACCESS_TOKEN": "wrong"})
    wrong.write_logs()
    with served_ui(wrong.environ, within=tmp_path) as ui:
        yield ui


def test_the_sentence_about_a_wrong_token_is_the_first_line(
    browser: Browser, refused: ServedUi
) -> None:
    wait_until(lambda: refused.ask(FAILED)["runsOrError"]["results"])
    (run, *_) = refused.ask(FAILED)["runsOrError"]["results"]
    tab = Tab(browser, refused.url)
    tab.open(f"/runs/{run['runId']}")
    tab.see("RUN_FAILURE")
    lines = tab.text().splitlines()
    said = lines[lines.index("STEP_FAILURE") + 1]
    assert said.startswith("Set a new WEBEX_ACCESS_TOKEN: Webex responded 401")
    assert not [line for line in lines if "Traceback" in line or "dagster._core" in line]
    tab.open("/assets/participants")
    tab.see("Failed in")
    assert tab.faults == []
