"""Retention by table: what goes, what stays, and that a prune that ends early can be repeated."""

import shutil
import time
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.metrics import has_current_metrics, refresh_metrics
from meeting_etl.lake.migration import migrate
from meeting_etl.pipeline.deletions.honour import honour_deletes
from meeting_etl.pipeline.ledger.due_days import FileQueue
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.meetings.move import move_meetings
from meeting_etl.pipeline.prune import Pruned, prune
from meeting_etl.schemas import (
    FETCH_LEDGER,
    INVITEES,
    MEETINGS,
    PARTICIPANTS,
    SPEAKER_METRICS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.events import moment
from meeting_etl_tests.pipeline.folding import MONDAY, TUESDAY
from meeting_etl_tests.processes import begun

NOW = moment("2026-03-10 04:15")
GROUPS = ("snippets", "participants", "transcript_files")
WORDS_FILE = "transcripts/date=2026-03-02/t-2026-03-02.vtt"


def ledger_of(lake: Lake) -> Ledger:
    clock = ManualClock(NOW)
    queue = FileQueue(lake.files, lake.state)
    return Ledger(lake, queue, clock, AttemptSchedule(), opened_by={})


def filled(folder: Path) -> Lake:
    """A meeting on Monday and one on Tuesday: of each a transcript with one sentence by Ana."""
    lake = Lake(Files(folder))
    for day in (MONDAY, TUESDAY):
        meeting, transcript = {"meeting_id": f"m-{day}"}, {"transcript_id": f"t-{day}"}
        both = meeting | transcript
        ana = {"participant_id": f"p-{day}", "display_name": "Ana", "email": "ana@sales.example"}
        words = {"snippet_id": f"s-{day}", "text": "One two.", "person_name": "Ana"}
        lake.merge(MEETINGS, day, [meeting])
        lake.merge(PARTICIPANTS, day, [meeting | ana])
        lake.merge(INVITEES, day, [meeting | {"invitee_id": f"i-{day}"}])
        lake.merge(TRANSCRIPTS, day, [both | {"status": "available", "snippet_count": 1}])
        lake.merge(TRANSCRIPT_SNIPPETS, day, [both | words | {"snippet_index": 0}])
        path = f"transcripts/date={day}/t-{day}.vtt"
        lake.files.replace_bytes(path, b"WEBVTT\n")
        lake.merge(TRANSCRIPT_FILES, day, [both | {"format": "vtt", "path": path, "bytes": 7}])
        items = [
            WorkItem(f"m-{day}", resource, resource_id, status, True, reason, row_count=1)
            for resource, resource_id, status, reason in (
                ("participants", "", "ready", "complete"),
                ("invitees", "", "forbidden", "refused"),
                ("transcripts", "", "ready", "complete"),
                ("transcript_snippets", f"t-{day}", "ready", "complete"),
                ("transcript_files", f"t-{day}", "ready", "complete"),
            )
        ]
        ledger_of(lake).record(day, items)
    return lake


def prune_before(lake: Lake, *groups: str, dry_run: bool = False) -> list[Pruned]:
    return prune(lake, ledger_of(lake), dict.fromkeys(groups, TUESDAY), NOW, dry_run=dry_run)


def counts(lake: Lake, table: Table) -> list[int]:
    return [lake.count(table, day) for day in (MONDAY, TUESDAY)]


def settled(lake: Lake, day: date) -> dict[str, tuple[str, str, int]]:
    items = ledger_of(lake).items(day)
    return {item.resource: (item.status, item.reason, item.row_count) for item in items}


def content(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    """All rows of a day's tables, and the files."""
    tables = (PARTICIPANTS, INVITEES, TRANSCRIPTS, TRANSCRIPT_SNIPPETS, SPEAKER_METRICS)
    found = {
        f"{table.name} {day}": lake.read(table, day).to_pylist()
        for table in (*tables, TRANSCRIPT_FILES, FETCH_LEDGER)
        for day in (MONDAY, TUESDAY)
    }
    files = lake.files.path("transcripts").rglob("*.vtt")
    return found | {"files": [{"name": path.name} for path in files]}


def test_a_group_goes_and_the_rest_of_the_day_stays(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    shown = prune_before(lake, "snippets", dry_run=True)
    assert counts(lake, TRANSCRIPT_SNIPPETS) == [1, 1]
    assert lake.floors.all() == {}
    assert (
        prune_before(lake, "snippets")
        == shown
        == [Pruned("transcript_snippets", TUESDAY, days=1, rows=1)]
    )
    assert counts(lake, TRANSCRIPT_SNIPPETS) == [0, 1]
    # For readers who have listed it.
    assert lake.partitions(TRANSCRIPT_SNIPPETS) == [str(MONDAY), str(TUESDAY)]
    assert counts(lake, PARTICIPANTS) == counts(lake, MEETINGS) == [1, 1]
    count = [row["snippet_count"] for row in lake.read(TRANSCRIPTS, MONDAY).to_pylist()]
    assert count == [0]
    assert settled(lake, MONDAY) == {
        "participants": ("ready", "complete", 1),
        "invitees": ("forbidden", "refused", 1),
        "transcripts": ("ready", "complete", 1),
        "transcript_snippets": ("absent", "pruned", 0),
        "transcript_files": ("ready", "complete", 1),
    }
    assert settled(lake, TUESDAY)["transcript_snippets"] == ("ready", "complete", 1)
    assert lake.floors.all() == {"snippets": TUESDAY}
    assert prune_before(lake, "snippets") == []


def test_files_go_and_their_rows_say_so(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    assert prune_before(lake, "transcript_files", "participants") == [
        Pruned("participants", TUESDAY, days=1, rows=1),
        Pruned("invitees", TUESDAY, days=1, rows=1),
        Pruned("transcripts/", TUESDAY, days=1, files=1, size_bytes=7),
    ]
    assert not lake.files.path(WORDS_FILE).exists()
    (row,) = lake.read(TRANSCRIPT_FILES, MONDAY).to_pylist()
    assert (row["removed_because"], row["removed_at"]) == ("pruned", NOW)
    found = settled(lake, MONDAY)
    assert found["transcript_files"] == found["participants"] == ("absent", "pruned", 0)
    # What the token may not read stays known.
    assert found["invitees"] == ("forbidden", "refused", 1)


def test_metrics_are_computed_once_more_and_then_stay(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    prune_before(lake, "snippets", "participants")
    (row,) = lake.read(SPEAKER_METRICS, MONDAY).to_pylist()
    assert (row["person"], row["words"]) == ("ana@sales.example", 2)
    assert has_current_metrics(lake, MONDAY)
    refresh_metrics(lake, MONDAY)
    refresh_metrics(lake, TUESDAY)
    assert migrate(lake) == 0
    assert counts(lake, SPEAKER_METRICS) == [1, 1]
    # They move with their meeting.
    lake.floors.raise_to({"snippets": date(2026, 3, 4)})
    move_meetings(lake, [f"m-{MONDAY}"], MONDAY, TUESDAY)
    refresh_metrics(lake, TUESDAY)
    assert counts(lake, SPEAKER_METRICS) == [0, 2]


@pytest.mark.slow
def test_files_of_metrics_that_stay_get_todays_columns(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    prune_before(lake, "snippets")
    (path,) = lake.files.path(f"lake/speaker_metrics/date={MONDAY}").glob("*.parquet")
    pq.write_table(lake.read(SPEAKER_METRICS, MONDAY).drop_columns("definition"), path)
    lake.state.remove("lake_schemas")
    refresh_metrics(lake, TUESDAY)
    assert migrate(lake) == 1
    (row,) = lake.read(SPEAKER_METRICS, MONDAY).to_pylist()
    assert (row["words"], row["definition"]) == (2, None)
    assert migrate(lake) == 0


@pytest.mark.slow
def test_metrics_go_with_their_words_where_they_are_not_kept(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    refresh_metrics(lake, MONDAY)
    prune_before(lake, "snippets", "metrics")
    assert counts(lake, SPEAKER_METRICS) == [0, 0]
    refresh_metrics(lake, MONDAY)
    assert has_current_metrics(lake, MONDAY)
    assert counts(lake, SPEAKER_METRICS) == [0, 0]


@pytest.mark.slow
def test_metrics_of_words_that_were_deleted_at_webex_go(tmp_path: Path) -> None:
    """They cannot be computed again without these words."""
    lake = filled(tmp_path)
    prune_before(lake, "participants")
    assert counts(lake, SPEAKER_METRICS) == [1, 0]
    (row,) = lake.read(TRANSCRIPTS, MONDAY).to_pylist()
    lake.merge(TRANSCRIPTS, MONDAY, [row | {"status": "deleted"}])
    honour_deletes(lake, MONDAY, NOW)
    assert counts(lake, SPEAKER_METRICS) == [0, 0]


@pytest.mark.slow
def test_a_prune_that_ends_at_any_write_can_be_repeated(tmp_path: Path) -> None:
    filled(tmp_path / "start")
    whole = Lake(Files(shutil.copytree(tmp_path / "start", tmp_path / "whole")))
    prune_before(whole, *GROUPS)
    expected = content(whole)
    assert [len(rows) for name, rows in expected.items() if "snippets" in name] == [0, 1]
    for number in range(100):
        folder = shutil.copytree(tmp_path / "start", tmp_path / str(number))
        files = FaultyFiles(folder, number, late=number % 2 == 1)
        try:
            prune_before(Lake(files), *GROUPS)
        except Exception:  # noqa: BLE001 - whatever ends it
            lake = Lake(Files(folder))
            for day in (MONDAY, TUESDAY):
                refresh_metrics(lake, day)  # as a run does in between
            prune_before(lake, *GROUPS)
            refresh_metrics(lake, TUESDAY)
        else:
            break
        refresh_metrics(whole, TUESDAY)
        assert content(lake) == content(whole), number
    assert number > 10


def prune_and_tell(folder: Path, ready: Connection) -> None:
    lake = Lake(Files(folder))
    refresh_metrics(lake, TUESDAY)  # loads what a prune needs
    ready.send(True)
    prune_before(lake, *GROUPS)


@pytest.mark.slow
def test_a_prune_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path) -> None:
    whole, killed = filled(tmp_path / "whole"), filled(tmp_path / "killed")
    refresh_metrics(whole, TUESDAY)
    prune_before(whole, *GROUPS)
    for number in range(8):
        with begun(prune_and_tell, tmp_path / "killed") as process:
            time.sleep(number * 0.01)
            process.kill()
    prune_before(killed, *GROUPS)
    assert content(killed) == content(whole)
    assert killed.floors.all() == dict.fromkeys(GROUPS, TUESDAY)
