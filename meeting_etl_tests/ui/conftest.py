"""The UI as `meeting-etl dev` serves it, in a browser, with an embedded Webex behind it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.product import Product
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.served_ui import served_ui
from meeting_etl_tests.ui.browser import Tab, chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def webex() -> Iterator[Sandbox]:
    """A team whose meetings have all settled."""
    world = recent_world(2, days_ago=5, days=7, meetings=30)
    with Sandbox(world) as server:
        yield server


@pytest.fixture(scope="package")
def product(webex: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """A data folder after a first run, whose definitions and partitions begin with its data."""
    made = Product(tmp_path_factory.mktemp("ui"), webex)
    made.write_logs()
    done = made.command_process("run")  # a browser has an event loop in this process
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="package")
def url(product: Product) -> Iterator[str]:
    with served_ui(product.environ, within=product.folder) as ui:
        yield ui.url


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Tab]:
    """A tab that has seen no error at its end."""
    opened = Tab(browser, url)
    try:
        yield opened
    finally:
        opened.page.close()
    assert opened.faults == []
