"""What no event tells of a meeting costs at most one request, and none where a listing told it."""

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 8


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(5, NOW + timedelta(days=3), meetings=MEETINGS, participants=2, snippets=2)


def product(folder: Path, world: World, kind: Kind, *, windows: bool) -> Product:
    file = folder / "settings.toml"
    file.write_text(f"[fetch]\nwindows = {str(windows).lower()}\n")
    webex = Sandbox(world, ManualClock(NOW))
    made = Product(folder, webex, kind, clock=webex.clock, more={"MEETING_ETL_SETTINGS": str(file)})
    made.write_logs()
    return made


def without_hosts(folder: Path, world: World) -> None:
    """Logs that do not say whose meeting it was, as nobody promises that they do."""
    logs = folder / "webhook_logs"
    shutil.rmtree(logs)
    logs.mkdir()
    lines = []
    for meeting in world.meetings:
        data = {
            "id": meeting.id,
            "start": meeting.started_at.isoformat(),
            "end": meeting.ended_at.isoformat(),
            "siteUrl": meeting.site_url,
        }
        lines.append(json.dumps({"resource": "meetings", "event": "ended", "data": data}))
    (logs / "events.jsonl").write_text("\n".join(lines) + "\n")


def asked_by_id(product: Product) -> Counter[str]:
    """How often each meeting was asked for by its id."""
    paths = (url.partition("?")[0].split("/") for url in product.requests())
    return Counter(path[-1] for path in paths if path[-2] == "meetings")


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        "compliance",
        pytest.param("user", marks=pytest.mark.slow),
        pytest.param("admin", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("with_hosts", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_details_cost_at_most_one_request(
    world: World, tmp_path: Path, kind: Kind, windows: bool, with_hosts: bool
) -> None:
    made = product(tmp_path, world, kind, windows=windows)
    if not with_hosts:
        without_hosts(tmp_path, world)
    with made.webex:
        work_off(made.etl())
        requested = asked_by_id(made)
        listed = windows and kind != "compliance"
        assert requested == ({} if listed else {meeting.id: 1 for meeting in world.meetings})
        assert isinstance(made.clock, ManualClock)
        made.clock.advance(days=2)
        work_off(made.etl())
        assert asked_by_id(made) == requested
    for row in made.rows("meetings"):
        assert row["title"], row
        assert row["host_email"] == "owner@sized.example", row
    assert len(made.rows("participants")) == 2 * MEETINGS
