"""A person who was erased is found nowhere, and does not come back, whatever is done."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.times import Clock
from meeting_etl_tests.promises.forgetting import (
    ADDRESS,
    NAME,
    NICKNAME,
    TRACES,
    Forgetting,
    append,
    line_of,
    lines_of_the_person,
    settings_of,
    world_of_the_person,
)
from meeting_etl_tests.promises.reconciling import ended_line

pytestmark = pytest.mark.slow
LOGS = "webhook_logs"


@pytest.fixture(scope="module", params=["compliance", "admin"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Forgetting]:
    folder = tmp_path_factory.mktemp("filled")
    with Sandbox(world_of_the_person(), faults=Faults(media_bytes=2000)) as webex:
        product = Forgetting(folder / "data", webex, request.param, more=settings_of(folder))
        product.fill()
        yield product


def erase_person(product: Forgetting, *more: str) -> str:
    return product.succeed("erase", "--person", ADDRESS, "--yes", *more)


def late_lines(product: Forgetting) -> list[str]:
    """Events that arrive after the erasure, about meetings that are known and new ones."""
    world = product.webex.world
    ended = [
        ended_line(meeting, meeting.ended_at, Clock().now() - timedelta(seconds=9))
        for meeting in world.meetings
    ]
    return [*ended, *lines_of_the_person(world)]


@pytest.mark.postgres
def test_a_person_is_found_nowhere_and_does_not_come_back(
    filled: Forgetting, tmp_path: Path
) -> None:
    product = filled.copy(tmp_path / "data")
    assert product.found(LOGS).keys() == TRACES
    assert any(
        path.startswith("reports") for path in product.found("lake", "media", "dagster").values()
    )
    before = product.numbers()
    erase_person(product)
    assert product.found(LOGS) == {}
    assert product.found().keys() >= {NAME, ADDRESS}, "the logs are left"
    assert product.numbers() == before
    product.refetch()
    assert product.found(LOGS) == {}
    assert product.numbers() == before
    append(product, late_lines(product))
    (moved, *_), now = product.webex.world.meetings, Clock().now()
    append(product, [ended_line(moved, moved.ended_at + timedelta(days=1), now)])
    product.succeed("run")
    assert product.found(LOGS) == {}
    if product.kind == "admin":
        product.refetch("--discover")
    assert product.found(LOGS) == {}
    erase_person(product, "--logs")
    assert product.found() == {}


@pytest.mark.parametrize("in_logs", [False, True])
def test_a_new_lake_made_of_the_logs_is_without_the_person(
    filled: Forgetting, tmp_path: Path, in_logs: bool
) -> None:
    product = filled.copy(tmp_path / "data")
    before = product.numbers()
    erase_person(product, *["--logs"] * in_logs)
    skipped = [] if in_logs else [LOGS]
    assert product.found(*skipped) == {}
    (erasure,) = product.rows("erasures")
    for name in ("lake", "media", "transcripts", "meetings.duckdb"):
        path = product.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    product.succeed("run")
    assert product.found(*skipped) == {}
    (again,) = product.rows("erasures")
    assert again == erasure
    assert product.numbers() == before


def test_rows_of_a_person_are_removed_and_do_not_come_back(
    filled: Forgetting, tmp_path: Path
) -> None:
    product = filled.copy(tmp_path / "data")
    snippets = product.rows("transcript_snippets")
    own = [row for row in snippets if row["person_name"] in (NAME, NICKNAME)]
    talk = {
        (row["meeting_id"], row["person"]): row["talk_seconds"] for row in product.rows("talk_time")
    }
    erase_person(product, "--rows")
    files = sorted(path.name for path in product.folder.glob("[mt]*/date=*/*"))
    for step in ("erased", "fetched again"):
        left = product.rows("transcript_snippets")
        assert len(left) == len(snippets) - len(own) < len(snippets), step
        assert not any(row["person_name"] == "erased:1" for row in left)
        people = product.rows("participants")
        assert not any(row["display_name"] == "erased:1" for row in people)
        counts = {row["transcript_id"]: row["snippet_count"] for row in product.rows("transcripts")}
        for transcript_id, count in counts.items():
            assert count == sum(row["transcript_id"] == transcript_id for row in left), step
        now = {
            (row["meeting_id"], row["person"]): row["talk_seconds"]
            for row in product.rows("talk_time")
        }
        assert now == {key: talk[key] for key in now}
        assert product.found(LOGS) == {}
        assert sorted(path.name for path in product.folder.glob("[mt]*/date=*/*")) == files
        product.refetch()


def test_a_meeting_is_found_nowhere_and_does_not_come_back(
    filled: Forgetting, tmp_path: Path
) -> None:
    product = filled.copy(tmp_path / "data")
    meeting = product.webex.world.meetings[0]
    recording = meeting.recordings[0]
    events = product.rows("webhook_events")
    product.succeed("erase", "--meeting", meeting.id, "--yes")
    skip = (LOGS, "dagster")
    gone = {meeting.id, meeting.transcripts[0].id, recording.id}
    assert product.found(*skip, texts=gone) == {}
    assert len(product.rows("webhook_events")) == len(events)
    received = Clock().now() - timedelta(seconds=9)
    data = {"id": recording.id, "hostEmail": meeting.host.email, "siteUrl": meeting.site_url}
    unowned = line_of(received, "recordings", "created", data)
    append(product, [ended_line(meeting, meeting.ended_at, received), unowned])
    product.succeed("run")
    product.refetch(*["--discover"] * (product.kind == "admin"))
    assert product.found(*skip, texts={meeting.id}) == {}
    product.succeed("erase", "--meeting", meeting.id, "--yes", "--logs")
    assert product.found("dagster", texts={meeting.id}) == {}
    shutil.rmtree(product.folder / "lake")
    product.succeed("run")
    assert product.found("dagster", texts={meeting.id}) == {}
    assert meeting.id not in {row["meeting_id"] for row in product.rows("fetch_ledger")}
