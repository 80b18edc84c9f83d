"""Lines of logs are changed in place: nothing moves, nothing is read twice, nothing is lost."""

import gzip
import os
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.pipeline.ingest import log_rewriting, log_rows
from meeting_etl.pipeline.ingest.ingest import logs_to_ingest
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.webhook_logs import line_changes
from meeting_etl_tests.pipeline.box import Box, line, payload
from meeting_etl_tests.pipeline.rewriting import (
    ADDRESS,
    all_rows,
    event,
    in_a_new_lake,
    rewrite,
    text_of,
    write_logs,
)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def assert_sound(box: Box, before: dict[str, list[dict[str, object]]]) -> None:
    """Nothing is read again, and a new lake has the same rows."""
    etl = box.etl()
    assert logs_to_ingest(etl.logs, etl.lake, whole=True) == []
    assert box.ingest().lines == 0
    rows = all_rows(box)
    of_logs = ("log_id", "digests", "line_sha256")
    for name in rows:
        assert [{k: v for k, v in row.items() if k not in of_logs} for row in rows[name]] == [
            {k: v for k, v in row.items() if k not in of_logs} for row in before[name]
        ]
    assert in_a_new_lake(box, box.folder / "new") == rows


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
    assert not list(box.logs.rglob(".*"))
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

        def between(*arguments: object) -> bool:
            receiver.write(event(2, b"bob@sales.example"))
            fits = line_changes.overwrite(*arguments)  # type: ignore[arg-type]
            receiver.write(event(3, b"bob@sales.example"))
            return fits

        monkeypatch.setattr(log_rewriting, "overwrite", between)
        assert rewrite(box).lines == 1
    assert box.ingest().events == 2
    assert [row["line_number"] for row in box.rows(WEBHOOK_EVENTS)] == [1, 2, 3]


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


def test_compressed_logs_with_hard_links_are_reported_and_left(box: Box) -> None:
    (box.logs / "a.jsonl.gz").write_bytes(gzip.compress(event(1)))
    os.link(box.logs / "a.jsonl.gz", box.logs / "b.jsonl.gz")
    box.ingest()
    found = rewrite(box)
    assert (len(found.problems), found.lines, box.ingest().lines) == (1, 0, 0)
    assert ADDRESS in text_of(box.logs)


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


@pytest.mark.parametrize(
    "step",
    [
        "overwrite",
        *(
            pytest.param(step, marks=pytest.mark.slow)
            for step in ("finish", "update", "_update_logs")
        ),
    ],
)
def test_what_was_begun_is_finished_by_the_next_ingest(
    box: Box, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A process dies before or within a step."""
    write_logs(box.logs)
    box.ingest()
    before = all_rows(box)

    class Killed(Exception):
        pass

    def die(*_: object) -> None:
        raise Killed

    owners = {
        "overwrite": (log_rewriting, "overwrite"),
        "finish": (Files, "finish"),
        "update": (log_rows.LogRows, "update"),
        "_update_logs": (log_rows.LogRows, "_update_logs"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*owners[step], die)
        with pytest.raises(Killed):
            rewrite(box)
    (pending,) = (box.folder / "state").glob("rewritten_lines*")
    assert ADDRESS not in pending.read_bytes()
    assert pending.stat().st_mode & 0o077 == 0
    assert box.ingest().lines == 0
    assert not pending.exists()
    rewrite(box)
    assert ADDRESS not in text_of(box.logs)
    assert_sound(box, before)


def test_a_log_that_was_rotated_before_the_work_is_finished_is_found(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("a.jsonl", event(1)), ("b.jsonl.1.gz", gzip.compress(event(2)))):
        (box.logs / name).write_bytes(content)
    box.ingest()
    with monkeypatch.context() as patch:
        patch.setattr(log_rewriting, "_write", lambda *_: 1 / 0)
        patch.setattr(log_rewriting, "_MAX_LOGS", 9)
        with pytest.raises(ZeroDivisionError):
            rewrite(box)
    (box.logs / "a.jsonl").rename(box.logs / "a.jsonl.1")
    (box.logs / "b.jsonl.1.gz").rename(box.logs / "b.jsonl.2.gz")
    (box.logs / "a.jsonl").write_bytes(line(payload(8)))
    (box.logs / "b.jsonl.1.gz").write_bytes(gzip.compress(line(payload(9))))
    assert box.ingest().events == 2
    assert ADDRESS not in text_of(box.logs)


def test_rows_of_a_killed_ingest_are_still_recognised(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have the id that their log was about to get."""
    (box.logs / "a.jsonl").write_bytes(event(1) + b"broken\n")
    etl = box.etl()
    with monkeypatch.context() as patch:
        patch.setattr(type(etl.lake), "merge", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            box.ingest(etl)
    assert len(box.rows(WEBHOOK_EVENTS)) == 1
    rewrite(box)
    box.ingest()
    assert len(box.rows(WEBHOOK_EVENTS)) == len(box.rows(REJECTED_LINES)) == 1
