"""Rewriting that was interrupted is finished by whoever comes next."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.pipeline.ingest import log_rewriting, log_rows
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.webhook_logs.line_changes import ChangedLine, LineChanges
from meeting_etl_tests.pipeline.box import Box, line, payload
from meeting_etl_tests.pipeline.rewriting import (
    ADDRESS,
    all_rows,
    assert_sound,
    event,
    rewrite,
    text_of,
    write_logs,
)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


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
        "finish": (Files, "move_in"),
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


@pytest.mark.slow
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


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_another_file_with_the_same_number_of_an_inode_is_left(
    box: Box, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The log was removed before the work is finished, and a new one got its place on the disk."""

    def content(number: int) -> bytes:
        return event(number) if name.endswith("l") else gzip.compress(event(number))

    (box.logs / name).write_bytes(content(1))
    box.ingest()
    with monkeypatch.context() as patch:
        patch.setattr(log_rewriting, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rewrite(box)
    with (box.logs / name).open("r+b") as file:
        file.write(content(2))
        file.truncate()
    assert box.ingest().events == 1
    assert len(box.rows(WEBHOOK_EVENTS)) == 2
    assert text_of(box.logs).startswith(event(2))


@pytest.mark.slow
@pytest.mark.parametrize("torn", [b"x" * 512 + b"o" * 188, b"o" * 512 + b"x" * 188])
def test_a_line_that_was_written_in_part_is_written_again(
    box: Box, monkeypatch: pytest.MonkeyPatch, torn: bytes
) -> None:
    log = box.logs / "a.jsonl"
    log.write_bytes(b"o" * 700 + b"\n")
    etl = box.etl()
    with monkeypatch.context() as patch:
        patch.setattr(log_rewriting, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            log_rewriting.rewrite_logs(etl.logs, etl.lake, etl.clock, lambda _: b"x" * 700)
    with log.open("r+b") as file:
        file.write(torn)
    box.ingest()
    assert log.read_bytes() == b"x" * 700 + b"\n"


@pytest.mark.slow
def test_a_log_that_is_removed_meanwhile_stops_nothing(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (box.logs / name).write_bytes(event(ord(name[0])))
    box.ingest()
    write = LineChanges.__iter__

    def removed(changes: LineChanges) -> Iterator[ChangedLine]:
        yield from write(changes)
        (box.logs / "a.jsonl").unlink(missing_ok=True)

    monkeypatch.setattr(LineChanges, "__iter__", removed)
    (problem,) = rewrite(box).problems
    assert problem.startswith("a.jsonl may have lines as they were")
    assert ADDRESS not in text_of(box.logs)
    assert box.ingest().lines == 0


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
