"""A report in a browser without a network: every chart is seen, with scripts and without."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Request

from meeting_etl_tests.commands import command_process
from meeting_etl_tests.product import Product
from meeting_etl_tests.report.reported import ROWS, participant
from meeting_etl_tests.ui.browser import WAIT_MS
from meeting_etl_tests.views.lakes import ask

pytestmark = pytest.mark.ui


class Seen:
    """What a page asks for, and its errors."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.faults: list[str] = []

    def request(self, request: Request) -> None:
        self.requested.append(request.url)

    def fault(self, error: Error) -> None:
        self.faults.append(str(error))


@pytest.fixture(scope="module")
def reports(product: Product) -> list[Path]:
    """One about days, and one about the meeting with the most snippets."""
    sql = "SELECT meeting_id FROM talk_time GROUP BY 1 ORDER BY sum(snippets) DESC LIMIT 1"
    meeting = product.command_process("sql", sql, "--format", "csv").stdout.split()[1]
    written = []
    for arguments in ((), ("--meeting", meeting)):
        done = product.command_process("report", *arguments)
        assert done.returncode == 0, done.stderr
        written.append(Path(done.stderr.removeprefix("Report: ").strip()))
    return written


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("scripts", [True, False])
def test_every_chart_is_seen(
    browser: Browser, reports: list[Path], scripts: bool, colours: str, width: int
) -> None:
    for path, count in zip(reports, (4, 3), strict=True):  # these few days have no series
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if colours == "dark" else "light",
            java_script_enabled=scripts,
            offline=True,
        )
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        seen = Seen()
        page.on("request", seen.request)
        page.on("pageerror", seen.fault)
        page.goto(path.as_uri())
        if scripts:
            page.locator(".chart .vega-embed svg").nth(count - 1).wait_for()
            page.wait_for_function("document.querySelectorAll('.chart > svg').length === 0")
        pictures = page.locator(".chart svg")
        assert pictures.count() == count
        for number in range(count):
            box = pictures.nth(number).bounding_box()
            assert box is not None
            assert box["height"] > 60
            assert box["x"] >= 0
            assert 0.9 * min(width - 32, 640) <= box["width"] <= width
        assert seen.requested == [path.as_uri()]
        assert seen.faults == []
        # Text has the colour of the page's: light on dark, dark on light.
        ink = page.locator(".chart svg text").first.evaluate("e => getComputedStyle(e).fill")
        assert ink == ("rgb(230, 233, 237)" if colours == "dark" else "rgb(29, 33, 39)")
        context.close()


def test_long_names_leave_room_for_the_chart(browser: Browser, tmp_path: Path) -> None:
    """On a narrow screen, of which names of 40 letters would take all."""
    long = participant("W" * 200, None, "10:00", "11:00") | {"display_name": "W" * 200}
    ask(tmp_path, ROWS | {"participants": [long]}, "SELECT 1")
    path = tmp_path / "m.html"
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path)}
    done = command_process("report", "--meeting", "m", "-o", str(path), environ=environ)
    assert done.returncode == 0, done.stderr
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(path.as_uri())
    bar = page.locator("#attendance .vega-embed svg .mark-rect path").first
    bar.wait_for()
    box = bar.bounding_box()
    assert box is not None
    # All of the meeting, of a chart of 368 pixels.
    assert 150 < box["width"] < 368
    assert box["x"] + box["width"] <= 400
    page.close()
