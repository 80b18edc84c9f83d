"""New bytes of logs become events, rejected lines and news, each line once."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.errors import StorageError
from meeting_etl.pipeline.ingest.ingest import logs_to_ingest
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import NOW, SERIES, Box, line, payload, received


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_line_is_an_event_with_its_place(box: Box) -> None:
    first, second = line(payload(1)), line(received("2026-03-02T11:00:00Z", payload(2)))
    (box.logs / "a").mkdir()
    (box.logs / "a/b.jsonl").write_bytes(first + b"\n" + second)
    box.ingest()
    one, two = box.rows(WEBHOOK_EVENTS)
    assert (one["byte_offset"], one["line_number"], one["log_file"]) == (0, 1, "a/b.jsonl")
    assert (two["byte_offset"], two["line_number"]) == (len(first) + 1, 3)
    assert (one["received_at"], one["received_date"]) == (None, date(2026, 3, 2))
    assert two["received_at"] == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert two["meeting_ended_at"] == datetime(2026, 3, 2, 10, 50, tzinfo=UTC)
    assert (two["meeting_id"], two["resource_id"]) == (f"{SERIES}_I_2", f"{SERIES}_I_2")
    assert json.loads(two["body"]) == payload(2)


def test_a_bad_line_is_a_row_with_its_reason_and_digest(box: Box) -> None:
    bad = b'{"resource": "meetings", "event": \xff}'
    (box.logs / "a.jsonl").write_bytes(
        line(received("2026-03-02T11:00:00Z", payload(1))) + bad + b"\n"
    )
    report = box.ingest()
    (row,) = box.rows(REJECTED_LINES)
    assert (row["reason"], row["line_number"]) == ("not_utf8", 2)
    assert (row["byte_length"], row["line_sha256"]) == (len(bad), hashlib.sha256(bad).hexdigest())
    # It has no date of its own: that of the nearest earlier dated line.
    assert row["received_date"] == date(2026, 3, 2)
    assert dict(report.rejected) == {"not_utf8": 1}


def test_a_line_before_any_dated_one_has_no_date(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(b"[]\n" + line(payload(1)))
    box.ingest()
    assert [row["received_date"] for row in box.rows(REJECTED_LINES)] == [None]


def test_the_date_of_earlier_lines_is_remembered_from_run_to_run(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(line(received("2026-03-02T11:00:00Z", payload(1))))
    box.ingest()
    with log.open("ab") as file:
        file.write(b"broken\n")
    box.ingest()
    assert [row["received_date"] for row in box.rows(REJECTED_LINES)] == [date(2026, 3, 2)]


def test_secrets_and_headers_do_not_reach_the_table(box: Box) -> None:
    secret = payload(1, password="hunter2", hostKey="hunter2", deep={"webLink": "hunter2"})
    (box.logs / "a.jsonl").write_bytes(line(received("2026-03-02T11:00:00Z", secret)))
    box.ingest()
    (row,) = box.rows(WEBHOOK_EVENTS)
    assert "hunter2" not in json.dumps(row, default=str)
    assert json.loads(row["body"])["data"]["id"] == f"{SERIES}_I_1"


def test_days_of_any_age_get_news(box: Box) -> None:
    lines = [payload(1), payload(2, "2021-05-14T20:26:54Z"), payload(3)]
    (box.logs / "a.jsonl").write_bytes(b"".join(map(line, lines)))
    report = box.ingest()
    assert report.days == {date(2026, 3, 2), date(2021, 5, 14)}
    etl = box.etl()
    assert etl.ledger.due_days() == [date(2026, 3, 2), date(2021, 5, 14)]
    assert set(etl.ledger.due_day(date(2026, 3, 2)).news) == {f"{SERIES}_I_1", f"{SERIES}_I_3"}


def test_a_corrected_end_is_news_for_the_old_day_and_the_new(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(line(payload(1)))
    box.ingest()
    (box.logs / "b.jsonl").write_bytes(line(payload(1, "2026-03-05T00:10:00Z")))
    assert box.ingest().days == {date(2026, 3, 2), date(2026, 3, 5)}


def test_an_event_without_an_end_is_news_for_the_day_of_its_meeting(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(line(payload(1)))
    box.ingest()
    late = {
        "resource": "recordings",
        "event": "created",
        "data": {"id": "r", "meetingId": f"{SERIES}_I_1"},
    }
    (box.logs / "b.jsonl").write_bytes(line(late))
    assert box.ingest().days == {date(2026, 3, 2)}
    news = box.etl().ledger.due_day(date(2026, 3, 2)).news
    assert news == {f"{SERIES}_I_1": ("meetings", "recordings")}


def test_only_new_bytes_are_read(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(line(payload(1)) + line(payload(2))[:-1])
    assert (box.ingest().events, box.progress()["a.jsonl"]["lines"]) == (1, 1)
    with log.open("ab") as file:
        file.write(b"\n" + line(payload(3)))
    report = box.ingest()
    assert (report.logs, report.lines, report.events) == (1, 2, 2)
    report = box.ingest()
    assert (report.logs, report.events) == (0, 0)
    assert [row["line_number"] for row in box.rows(WEBHOOK_EVENTS)] == [1, 2, 3]


def test_nothing_new_writes_nothing(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(line(payload(1)))
    box.ingest()
    before = {path: path.stat().st_mtime_ns for path in (box.folder / "lake").rglob("*")}
    box.ingest()
    assert {path: path.stat().st_mtime_ns for path in (box.folder / "lake").rglob("*")} == before


def test_a_file_with_a_future_mtime_does_not_hide_new_lines_of_others(box: Box) -> None:
    for name, moment in (("a.jsonl", NOW), ("b.jsonl", NOW + timedelta(days=3650))):
        (box.logs / name).write_bytes(line(payload(1)) + name.encode() + b"\n")
        os.utime(box.logs / name, (moment.timestamp(),) * 2)
    box.ingest()
    etl = box.etl()
    assert logs_to_ingest(etl.logs, etl.lake) == []
    with (box.logs / "a.jsonl").open("ab") as file:
        file.write(line(payload(2)))
    assert logs_to_ingest(etl.logs, etl.lake) == ["a.jsonl"]


def test_a_compressed_and_moved_log_is_the_same_log(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(line(payload(1)))
    box.ingest()
    content = log.read_bytes() + line(payload(2))
    log.unlink()
    (box.logs / "old").mkdir()
    (box.logs / "old/a.jsonl.gz").write_bytes(gzip.compress(content))
    assert box.ingest().events == 1
    assert [row["line_number"] for row in box.rows(WEBHOOK_EVENTS)] == [1, 2]
    assert len({row["log_id"] for row in box.rows(WEBHOOK_EVENTS)}) == 1
    assert list(box.progress()) == ["old/a.jsonl.gz"]


@pytest.mark.slow
def test_more_days_than_open_files_allow_are_committed_in_turn(box: Box) -> None:
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(300)]
    for number, day in enumerate(days):
        document = received(f"{day}T11:00:00Z", payload(number, f"{day}T10:50:00Z"))
        (box.logs / f"{day}.jsonl").write_bytes(line(document))
    # In another process, because this one has files open already.
    script = (
        "import resource, sys\n"
        "from meeting_etl.pipeline.ingest.ingest import ingest\n"
        "from meeting_etl.settings import Etl\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
        "etl = Etl({'MEETING_ETL_DATA_DIR': sys.argv[1]})\n"
        "ingest(etl.logs, etl.lake, etl.ledger, etl.clock)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(box.folder)], check=True)
    assert len(box.rows(WEBHOOK_EVENTS)) == 300
    assert len(box.progress()) == 300


def test_many_small_logs_are_committed_every_20_seconds(box: Box) -> None:
    class Slow(ManualClock):
        def monotonic(self) -> float:
            self.advance(seconds=8)
            return super().monotonic()

    for number in range(9):
        (box.logs / f"{number}.jsonl").write_bytes(line(payload(number)))
    box.clock = Slow(NOW)
    etl = box.etl()
    etl.files = FaultyFiles(box.folder, fails_at=12)
    with pytest.raises(StorageError):
        box.ingest(etl)
    assert 0 < len(box.progress()) < 9


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from([b"broken", b"[]", b"", b"\xff"])
        | st.integers(1, 9).map(lambda n: line(payload(n))[:-1]),
        max_size=8,
    ),
    st.lists(st.integers(0, 2000), max_size=4),
)
def test_however_a_log_grows_its_rows_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], cuts: list[int]
) -> None:
    content = b"".join(text + b"\n" for text in lines)
    at_once, bit_by_bit = Box(tmp_path_factory.mktemp("one")), Box(tmp_path_factory.mktemp("bits"))
    (at_once.logs / "a.jsonl").write_bytes(content)
    at_once.ingest()
    for cut in [*sorted(cuts), len(content)]:
        (bit_by_bit.logs / "a.jsonl").write_bytes(content[:cut])
        bit_by_bit.ingest()
    assert bit_by_bit.rows(WEBHOOK_EVENTS) == at_once.rows(WEBHOOK_EVENTS)
    assert bit_by_bit.rows(REJECTED_LINES) == at_once.rows(REJECTED_LINES)
    blank = sum(not text for text in lines)
    found = len(at_once.rows(WEBHOOK_EVENTS)) + len(at_once.rows(REJECTED_LINES))
    assert found + blank == len(lines)


def test_events_of_participants_are_no_news(box: Box) -> None:
    """There are two for each person, and no row of a meeting depends on them."""
    about = {"id": "x", "meetingId": f"{SERIES}_I_1"}
    joined = {"resource": "meetingParticipants", "event": "joined", "data": about}
    recorded = {"resource": "recordings", "event": "created", "data": about}
    day = date(2026, 3, 2)
    (box.logs / "a.jsonl").write_bytes(line(payload(1)))
    assert box.ingest().days == {day}
    before = box.etl().ledger.due_day(day)
    (box.logs / "b.jsonl").write_bytes(line(received("2026-03-02T11:00:00Z", joined)))
    report = box.ingest()
    assert (report.events, report.days) == (1, set())
    assert box.etl().ledger.due_day(day) == before
    (box.logs / "c.jsonl").write_bytes(line(received("2026-03-02T11:00:00Z", recorded)))
    assert box.ingest().days == {day}
