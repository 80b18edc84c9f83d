"""Lines of logs are changed in place: nothing moves, nothing is read twice, nothing is lost."""

import gzip
import os
import re
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.pipeline.ingest import log_rewriting
from meeting_etl.schemas import WEBHOOK_EVENTS
from meeting_etl.webhook_logs import line_changes
from meeting_etl.webhook_logs.logs import Logs
from meeting_etl_tests.pipeline.box import Box
from meeting_etl_tests.pipeline.rewriting import (
    ADDRESS,
    all_rows,
    assert_sound,
    event,
    in_a_new_lake,
    rewrite,
    text_of,
    write_logs,
)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_rows_and_logs_stay_right(box: Box) -> None:
    write_logs(box.logs)
    box.ingest()
    before, text = all_rows(box), text_of(box.logs)
    inode = (box.logs / "plain.jsonl").stat().st_ino
    found = rewrite(box)
    assert (found.logs, found.lines, found.problems) == (6, 14, [])
    assert len(text_of(box.logs)) == len(text)
    assert ADDRESS not in text_of(box.logs)
    assert text_of(box.logs).count(b"bob@sales.example") == 2
    assert (box.logs / "plain.jsonl").stat().st_ino == inode
    assert_sound(box, before)
    assert [path.name for path in box.logs.rglob(".*")] == [".log_ids.json"]
    assert rewrite(box).lines == 0


def test_a_dry_run_counts_and_changes_nothing(box: Box) -> None:
    write_logs(box.logs)
    before = {path: path.stat() for path in box.logs.rglob("*")}
    found = rewrite(box, dry_run=True)
    assert (found.logs, found.lines) == (6, 14)
    assert {path: path.stat().st_mtime_ns for path in before} == {
        path: status.st_mtime_ns for path, status in before.items()
    }


def test_lines_that_were_not_ingested_are_changed_and_read_afterwards(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(event(1))
    box.ingest()
    (box.logs / "b.jsonl").write_bytes(event(4) + event(5)[:-1])
    with log.open("ab") as file:
        file.write(event(2))
    found = rewrite(box)
    assert (found.lines, found.lines_left["unfinished"]) == (3, 1)
    assert box.ingest().events == 2
    assert len({row["log_id"] for row in box.rows(WEBHOOK_EVENTS)}) == 2
    assert [row["byte_offset"] for row in box.rows(WEBHOOK_EVENTS)] == [0, len(event(1)), 0]


def test_what_is_appended_meanwhile_is_read(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a receiver that has the file open, before the new lines are there and after it."""
    log = box.logs / "a.jsonl"
    log.write_bytes(event(1))
    box.ingest()
    with log.open("ab", buffering=0) as receiver:

        def between(*arguments: object) -> int:
            receiver.write(event(2, b"bob@sales.example"))
            fits = line_changes.overwrite(*arguments)  # type: ignore[arg-type]
            receiver.write(event(3, b"bob@sales.example"))
            return fits

        monkeypatch.setattr(log_rewriting, "overwrite", between)
        assert rewrite(box).lines == 1
    assert box.ingest().events == 2
    assert [row["line_number"] for row in box.rows(WEBHOOK_EVENTS)] == [1, 2, 3]


@pytest.mark.slow
def test_a_linked_log_stays_linked(box: Box, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.jsonl").write_bytes(event(1))
    (elsewhere / "b.jsonl.gz").write_bytes(gzip.compress(event(2)))
    for path in elsewhere.iterdir():
        (box.logs / path.name).symlink_to(path)
    os.link(elsewhere / "a.jsonl", box.logs / "c.jsonl")
    box.ingest()
    assert rewrite(box).lines == 2
    assert (box.logs / "b.jsonl.gz").is_symlink()
    assert ADDRESS not in text_of(elsewhere) + text_of(box.logs)
    assert box.ingest().lines == 0


@pytest.mark.slow
def test_compressed_logs_with_hard_links_are_reported_and_left(box: Box) -> None:
    (box.logs / "a.jsonl.gz").write_bytes(gzip.compress(event(1)))
    os.link(box.logs / "a.jsonl.gz", box.logs / "b.jsonl.gz")
    box.ingest()
    found = rewrite(box)
    assert (len(found.problems), found.lines, box.ingest().lines) == (1, 0, 0)
    assert ADDRESS in text_of(box.logs)


@pytest.mark.slow
def test_a_copy_beside_its_log_is_changed_too(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(event(1))
    box.ingest()
    (box.logs / "a.jsonl.gz").write_bytes(gzip.compress(event(1)))
    rewrite(box)
    log.unlink()
    assert ADDRESS not in text_of(box.logs)
    assert box.ingest().lines == 0


def test_damaged_gzip_is_reported_and_left(box: Box) -> None:
    log = box.logs / "a.jsonl.gz"
    log.write_bytes(gzip.compress(event(1) + event(2))[:-12])
    content = log.read_bytes()
    box.ingest()
    found = rewrite(box)
    assert "a.jsonl.gz may have lines as they were" in found.problems[0]
    assert (log.read_bytes(), found.lines) == (content, 0)
    assert list(box.logs.iterdir()) == [log]


def test_lines_above_the_limit_are_counted_and_left(box: Box) -> None:
    (box.logs / "a.jsonl").write_bytes(ADDRESS * 5 + b"\n" + ADDRESS + b"\n")
    etl = box.etl()
    logs = Logs(box.logs, max_line_bytes=50)
    found = log_rewriting.rewrite_logs(logs, etl.lake, etl.clock, lambda _: b"x")
    assert (found.lines, dict(found.lines_left)) == (1, {"too_long": 1, "unfinished": 0})
    assert (box.logs / "a.jsonl").read_bytes() == ADDRESS * 5 + b"\nx" + b" " * 16 + b"\n"


def test_a_rewritten_log_is_recognised_when_it_grows_and_is_compressed_elsewhere(box: Box) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(event(1) + event(2))
    box.ingest()
    (log_id,) = {row["log_id"] for row in box.rows(WEBHOOK_EVENTS)}
    rewrite(box)
    content = log.read_bytes() + event(3)
    log.unlink()
    (box.logs / "b.jsonl.gz").write_bytes(gzip.compress(content))
    assert box.ingest().lines == 1
    assert {row["log_id"] for row in box.rows(WEBHOOK_EVENTS)} == {log_id}
    rewrite(box)
    assert {row["log_id"] for row in in_a_new_lake(box, box.folder / "new")["webhook_events"]} == {
        log_id
    }


@pytest.mark.slow
def test_logs_that_begin_alike_afterwards_keep_their_ids(box: Box) -> None:
    for name, person in (("a.jsonl", b"ann@sales.example"), ("b.jsonl", b"joe@sales.example")):
        (box.logs / name).write_bytes(event(1, person) + event(2))
    box.ingest()
    before = all_rows(box)
    etl = box.etl()
    log_rewriting.rewrite_logs(
        etl.logs, etl.lake, etl.clock, lambda line: re.sub(rb"(ann|joe)@", b"xxx@", line)
    )
    assert (box.logs / "a.jsonl").read_bytes() == (box.logs / "b.jsonl").read_bytes()
    assert_sound(box, before)


def test_a_log_that_cannot_be_written_is_named(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(event(1))
    box.ingest()
    opened = Path.open

    def refused(path: Path, mode: str = "r", **more: object) -> object:
        if path == log and "+" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(StorageError, match=r"a\.jsonl: Permission denied"):
        rewrite(box)
    monkeypatch.undo()
    assert log.read_bytes() == event(1)
    assert box.ingest().lines == 0


@pytest.mark.parametrize("new", [b"x" * 100, b"a\nb", b"   "])
def test_a_wrong_change_changes_nothing(box: Box, new: bytes) -> None:
    (box.logs / "a.jsonl").write_bytes(b"short\n")
    etl = box.etl()
    with pytest.raises(ValueError, match="changed line"):
        log_rewriting.rewrite_logs(etl.logs, etl.lake, etl.clock, lambda _: new)
    assert (box.logs / "a.jsonl").read_bytes() == b"short\n"


@pytest.mark.slow
def test_work_in_small_portions_is_the_same(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rewriting, "_MAX_BYTES", 1)
    write_logs(box.logs)
    box.ingest()
    before = all_rows(box)
    assert rewrite(box).lines == 14
    assert_sound(box, before)
