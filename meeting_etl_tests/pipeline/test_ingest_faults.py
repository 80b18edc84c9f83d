"""Logs that cannot be read in full, and a disk that fails, lose no other line."""

import gzip
import hashlib
import itertools
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl_tests.faulty_files import FaultyFiles
from meeting_etl_tests.pipeline.box import Box, line, payload, received


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_replaced_log_is_a_new_log_and_is_reported(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(line(payload(1)) + line(payload(2)))
    box.ingest()
    log.write_bytes(line(payload(3)))
    report = box.ingest()
    assert len(report.notices) == 1
    assert "a.jsonl" in report.notices[0]
    ids = [row["meeting_id"][-1] for row in box.rows(WEBHOOK_EVENTS)]
    assert sorted(ids) == ["1", "2", "3"]


def test_a_truncated_gzip_is_read_as_far_as_possible_and_reported(box: Box) -> None:
    whole = gzip.compress(b"".join(line(payload(number)) for number in range(1, 2000)))
    (box.logs / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    report = box.ingest()
    assert 0 < report.events < 1999
    assert len(report.problems) == 1
    assert box.progress()["a.jsonl.gz"]["problem"]
    # Once the file is complete, the rest is read and the problem is gone.
    (box.logs / "a.jsonl.gz").write_bytes(whole)
    assert report.events + box.ingest().events == 1999
    assert box.progress()["a.jsonl.gz"]["problem"] is None


def test_an_unreadable_log_does_not_stop_the_others(box: Box) -> None:
    (box.logs / "a.jsonl").mkdir()
    (box.logs / "b.jsonl").symlink_to(box.logs / "nowhere")
    (box.logs / "c.jsonl").write_bytes(line(payload(1)))
    report = box.ingest()
    assert report.events == 1
    assert len(report.problems) >= 1


def test_a_line_over_the_limit_is_rejected_without_its_neighbours(box: Box) -> None:
    huge = b'{"x":"' + b"y" * (16 * 2**20) + b'"}'
    (box.logs / "a.jsonl").write_bytes(line(payload(1)) + huge + b"\n" + line(payload(2)))
    box.ingest()
    (row,) = box.rows(REJECTED_LINES)
    assert (row["reason"], row["byte_length"]) == ("too_long", len(huge))
    assert row["line_sha256"] == hashlib.sha256(huge).hexdigest()
    assert len(box.rows(WEBHOOK_EVENTS)) == 2


def state(box: Box) -> Any:
    """All that ingest wrote, without times."""
    progress = [row | {"updated_at": None, "mtime": None} for row in box.progress().values()]
    etl = box.etl()
    news = {day: due.news for day, due in etl.ledger.open_days().items()}
    return box.rows(WEBHOOK_EVENTS), box.rows(REJECTED_LINES), progress, news


def fill(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(
        line(payload(1)) + b"broken\n" + line(payload(2, "2026-03-05T10:00:00Z"))
    )
    (box.logs / "b.jsonl").write_bytes(
        line(received("2026-03-06T00:00:00Z", payload(1))) + b"[]\n" + line(payload(3))
    )


def test_a_disk_that_fails_at_any_write_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    places = (tmp_path / str(number) for number in itertools.count())

    def new_box() -> Box:
        place = next(places)
        place.mkdir()
        box = Box(place)
        fill(box)
        return box

    whole = new_box()
    whole.ingest()
    expected = state(whole)
    failures = 0
    for fails_at in range(1000):
        box = new_box()
        etl = box.etl()
        etl.files = FaultyFiles(box.folder, fails_at)
        try:
            box.ingest(etl)
        except StorageError:
            failures += 1
        else:
            break
        box.ingest()
        assert state(box) == expected, f"after a failure of write {fails_at}"
    assert failures > 8, "every write was made to fail once"


def test_files_that_are_not_read_or_have_no_event_are_named_briefly(box: Box) -> None:
    for name in ("c.jsonl.zst", "a.txt", "b/d.tmp", "e.csv", "f.bak"):
        (box.logs / name).parent.mkdir(exist_ok=True)
        (box.logs / name).write_bytes(line(payload(1)))
    (box.logs / "access.log").write_bytes(b"GET /\nGET /webex\n")
    (box.logs / "good.log").write_bytes(b"starting\n" + line(payload(1)))
    expected = [
        (
            "5 files in the folder of webhook logs are not read: a.txt, b/d.tmp, c.jsonl.zst and 2 "
            "more. The name of a log must end in .jsonl, .ndjson, .json or .log; a number or date "
            "(.1, -20261120) and .gz may follow."
        ),
        (
            "1 file in the folder of webhook logs is read, but no line there is a webhook event: "
            "access.log. Run `meeting-etl rejected` to see why."
        ),
    ]

    assert box.ingest().problems == expected
    assert box.ingest().problems == expected  # until the files are removed


def test_many_unreadable_logs_are_reported_in_few_sentences(box: Box) -> None:
    for number in range(500):
        (box.logs / f"{number:03}.jsonl").symlink_to("nowhere")

    problems = box.ingest().problems

    assert problems[0] == "000.jsonl is a link to a file that does not exist."
    assert (len(problems), problems[-1]) == (
        11,
        "490 more files or folders have similar problems.",
    )


def test_nul_bytes_are_a_rejected_line_and_the_event_after_them_is_read(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(line(payload(1))[:-1] + b"\0" * 9000 + line(payload(2)))
    box.ingest()

    events, (hole,) = box.rows(WEBHOOK_EVENTS), box.rows(REJECTED_LINES)
    size = len(line(payload(1))) - 1
    assert [row["byte_offset"] for row in events] == [0, size + 9000]
    assert [row["line_number"] for row in [*events, hole]] == [1, 1, 1]
    assert (hole["reason"], hole["byte_offset"], hole["byte_length"]) == ("nul_bytes", size, 9000)
    assert hole["line_sha256"] == hashlib.sha256(b"\0" * 9000).hexdigest()
