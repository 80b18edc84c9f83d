"""The pictures of docs/operations.md: `python -m meeting_etl_tests.ui.screenshots`.

Belongs here: which pages are shown, and what makes them ready. Does not: how the UI is served
(served_ui.py), what a tab is (browser.py).
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from meeting_etl_tests.served_ui import ServedUi, served_ui, wait_until
from meeting_etl_tests.ui.browser import Tab, chromium

FOLDER = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES = 200_000
_WIDTH = 1400
# The UI draws graphs and plots with a short animation.
_SETTLED_MS = 2_500
_RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
_CHECKS = """
mutation { launchRun(executionParams: {mode: "default", runConfigData: {}, selector: {
  repositoryLocationName: "meeting_etl.definitions", repositoryName: "__repository__",
  jobName: "check_days"}}) { __typename } }
"""


def main() -> None:
    """Serve the demo, wait until all is fetched and checked, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        command = ("demo", "--ui", "--data-dir", str(folder / "demo"))
        with served_ui({}, *command, within=folder) as ui:
            wait_until(lambda: _is_done(ui, "days") and not _runs(ui, "STARTED"))
            ui.ask(_CHECKS)
            wait_until(lambda: _is_done(ui, "check_days"))
            tab = Tab(browser, ui.url)
            for picture in (_graph, _plots, _coverage, _run(ui)):
                _save(tab, picture)
            assert tab.faults == [], tab.faults


def _runs(ui: ServedUi, status: str) -> list[dict[str, str]]:
    return [run for run in ui.ask(_RUNS)["runsOrError"]["results"] if run["status"] == status]


def _is_done(ui: ServedUi, job: str) -> bool:
    return any(run["jobName"] == job for run in _runs(ui, "SUCCESS"))


def _graph(tab: Tab) -> str:
    """The groups that runs materialize are expanded; with all, names are too small to read."""
    groups = ("ingest", "webex", "content")
    tab.page.set_viewport_size({"width": _WIDTH, "height": 1000})
    page = tab.open(
        "/asset-groups?expanded=" + ",".join(f"global@global:{name}" for name in groups)
    )
    tab.see("analytics")
    page.get_by_text("Hide navigation").click()
    page.get_by_label("panel_show_right").click()
    page.wait_for_timeout(_SETTLED_MS)
    return "graph"


def _plots(tab: Tab) -> str:
    page = tab.open("/assets/participants")
    tab.button("Plots").click()
    page.locator("canvas").first.wait_for()
    page.get_by_text("rows_removed", exact=True).last.scroll_into_view_if_needed()
    return "plots"


def _coverage(tab: Tab) -> str:
    page = tab.open("/assets/coverage?view=events")
    page.get_by_text("[Show Markdown]").first.click()
    page.get_by_alt_text("Coverage of the last 30 days").wait_for()
    return "coverage"


def _run(ui: ServedUi) -> Callable[[Tab], str]:
    """The run that read the logs and fetched the newest days, without Dagster's own events."""

    def picture(tab: Tab) -> str:
        (run,) = (run for run in _runs(ui, "SUCCESS") if run["jobName"] == "ingest_and_days")
        page = tab.open(f"/runs/{run['runId']}")
        page.get_by_text("Levels (").click()
        page.get_by_text("event", exact=True).click()
        page.keyboard.press("Escape")
        return "run"

    return picture


def _save(tab: Tab, picture: Callable[[Tab], str]) -> None:
    tab.page.set_viewport_size({"width": _WIDTH, "height": 700})
    path = FOLDER / f"{picture(tab)}.png"
    tab.page.wait_for_timeout(_SETTLED_MS)
    tab.page.screenshot(path=path)
    assert path.stat().st_size <= MOST_BYTES, f"{path} has {path.stat().st_size} bytes"


if __name__ == "__main__":
    main()
