"""Lines rejected because this machine's clock was behind become events when it is right."""

import itertools
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import Box, line, payload, received

# The clock of a Box stands at 2026-03-16.
APRIL = datetime(2026, 4, 20, 12, tzinfo=UTC)
ENDED = "2026-04-20T10:50:00Z"
EARLY = line(received("2026-04-20T10:51:00Z", payload(1, ENDED)))
USUAL = line(received("2026-03-16T11:00:00Z", payload(2, "2026-03-16T10:50:00Z")))
NOTE = "lake/early_ends.json"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def put_right(box: Box) -> None:
    box.clock.advance(seconds=(APRIL - box.clock.now()).total_seconds())


def test_a_line_with_a_future_end_is_an_event_once_the_end_has_passed(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(USUAL + EARLY + line({"no": "payload"}))
    report = box.ingest()
    assert report.rejected == {"end_out_of_range": 1, "not_a_webhook_payload": 1}
    assert box.ingest().events == 0
    put_right(box)
    report = box.ingest()
    assert (report.events, report.days) == (1, {APRIL.date()})
    [notice] = report.notices
    assert notice.endswith("now accepted as events: 1.")
    usual, moved = box.rows(WEBHOOK_EVENTS)
    assert (moved["byte_offset"], moved["line_number"]) == (len(USUAL), 2)
    assert moved["received_at"] == datetime(2026, 4, 20, 10, 51, tzinfo=UTC)
    assert moved["received_date"] == APRIL.date()
    assert moved["log_id"] == usual["log_id"]
    assert [row["reason"] for row in box.rows(REJECTED_LINES)] == ["not_a_webhook_payload"]
    [log] = box.progress().values()
    assert (log["lines"], log["events"], log["rejected"]) == (3, 2, 1)
    assert box.etl().ledger.due_day(APRIL.date()).news == {moved["meeting_id"]: ("meetings",)}
    assert box.ingest().events == 0
    assert not (box.folder / NOTE).exists()


def test_without_such_lines_nothing_is_noted_or_read(box: Box) -> None:
    """An end that the line itself contradicts stays wrong, whatever the clock says."""
    wrong = line(received("2026-03-16T11:00:00Z", payload(1, ENDED)))
    (box.logs / "a.jsonl").write_bytes(USUAL + wrong)
    assert box.ingest().rejected == {"end_out_of_range": 1}
    assert not (box.folder / NOTE).exists()
    put_right(box)
    assert box.ingest().events == 0
    assert len(box.rows(REJECTED_LINES)) == 1


def test_a_line_whose_log_is_gone_stays_rejected(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(EARLY)
    (box.logs / "b.jsonl").write_bytes(USUAL)
    box.ingest()
    (box.logs / "a.jsonl").unlink()
    put_right(box)
    assert box.ingest().events == 0
    assert len(box.rows(REJECTED_LINES)) == 1
    assert not (box.folder / NOTE).exists()


@pytest.mark.parametrize("late", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_failure_of_any_write_leaves_each_line_in_one_table(tmp_path: Path, late: bool) -> None:
    def step(etl: Etl) -> None:
        ingest(etl.logs, etl.lake, etl.ledger, etl.clock)

    for fails_at in itertools.count():
        (tmp_path / str(fails_at)).mkdir()
        box = Box(tmp_path / str(fails_at))
        (box.logs / "a.jsonl").write_bytes(USUAL + EARLY + line({}) + EARLY)
        files = FaultyFiles(box.folder, fails_at, late=late)
        files.twice_if_it_fails(box.etl, step)
        put_right(box)
        files.twice_if_it_fails(box.etl, step)
        places = [row["byte_offset"] for row in box.rows(WEBHOOK_EVENTS)]
        second = len(USUAL + EARLY + line({}))
        assert places == [0, len(USUAL), second], f"after a failure of write {fails_at}"
        assert [row["byte_offset"] for row in box.rows(REJECTED_LINES)] == [len(USUAL + EARLY)]
        [log] = box.progress().values()
        assert (log["events"], log["rejected"]) == (3, 1)
        days = {date(2026, 3, 16), APRIL.date()}
        assert {*box.etl().ledger.open_days()} == days
        assert not (box.folder / NOTE).exists()
        if files.writes <= fails_at:
            break
    assert fails_at > 10
