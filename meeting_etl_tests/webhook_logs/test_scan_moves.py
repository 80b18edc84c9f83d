"""Logs that move, are compressed, copied or rotated are found again."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import LogToRead
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress
from meeting_etl_tests.webhook_logs.scanning import A, B, data_by_log, where


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


def test_a_log_moves(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    known = follower.known[A]
    (tmp_path / "old").mkdir()
    (tmp_path / "x.jsonl").rename(tmp_path / "old" / "y.jsonl")

    assert follower.scan() == [LogToRead(A, "old/y.jsonl", known, None, True)]
    assert follower.catch_up() == []
    assert where(follower) == {A: "old/y.jsonl"}
    assert follower.scan() == []


def test_a_log_moves_and_grows(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").rename(tmp_path / "y.jsonl")
    append(tmp_path / "y.jsonl", b"{2}\n")

    assert data_by_log(follower) == [(A, b"{2}")]


@pytest.mark.parametrize("more", [b"", b"{2}\n"])
def test_a_log_is_compressed(follower: Follower, tmp_path: Path, more: bytes) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", more)
    compress(tmp_path / "x.jsonl")

    [log_to_read] = follower.scan()
    assert (log_to_read.log_id, log_to_read.moved) == (A, True)
    assert data_by_log(follower) == ([(A, b"{2}")] if more else [])
    assert where(follower) == {A: "x.jsonl.gz"}
    assert follower.scan() == []


def test_a_log_that_is_being_compressed(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    packed = gzip.compress(b"{a}\n")
    (tmp_path / "x.jsonl.gz").write_bytes(packed[:15])
    assert follower.scan() == []

    (tmp_path / "x.jsonl.gz").write_bytes(packed)
    assert follower.scan() == []

    (tmp_path / "x.jsonl").unlink()
    assert [(seen.log_id, seen.moved) for seen in follower.scan()] == [(A, True)]


def test_a_log_is_unpacked_again(follower: Follower, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b"{a}\n"))
    follower.catch_up()
    (tmp_path / "x.jsonl").write_bytes(b"{a}\n{2}\n")

    assert data_by_log(follower) == [(A, b"{2}")]
    assert where(follower) == {A: "x.jsonl"}


def test_logs_change_places(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n")
    append(tmp_path / "y.jsonl", b"{b}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").rename(tmp_path / "z.jsonl")
    (tmp_path / "y.jsonl").rename(tmp_path / "x.jsonl")
    (tmp_path / "z.jsonl").rename(tmp_path / "y.jsonl")

    assert data_by_log(follower) == []
    assert where(follower) == {A: "y.jsonl", B: "x.jsonl"}


def test_a_copy_is_a_log_of_its_own(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n")
    follower.catch_up()
    shutil.copy(tmp_path / "x.jsonl", tmp_path / "copy.jsonl")

    assert data_by_log(follower) == [(f"{A}-2", b"{a}"), (f"{A}-2", b"{2}")]


def test_a_log_moves_and_is_copied(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").rename(tmp_path / "y.jsonl")
    shutil.copy(tmp_path / "y.jsonl", tmp_path / "z.jsonl")

    assert data_by_log(follower) == [(f"{A}-2", b"{a}")]
    assert where(follower) == {A: "y.jsonl", f"{A}-2": "z.jsonl"}


def test_a_log_is_rotated(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", b"{2}\n")
    (tmp_path / "x.jsonl").rename(tmp_path / "x-1.jsonl")
    append(tmp_path / "x.jsonl", b"{b}\n")

    [moved, new] = follower.scan()
    assert (moved.log_id, moved.log_file, moved.moved) == (A, "x-1.jsonl", True)
    notice = "x.jsonl is a new log; the former one is now x-1.jsonl."
    assert new == LogToRead(B, "x.jsonl", None, notice, False)
    assert data_by_log(follower) == [(A, b"{2}"), (B, b"{b}")]


def test_rotation_through_many_generations_of_compressed_logs(
    follower: Follower, tmp_path: Path
) -> None:
    read = []
    for generation in range(5):
        append(tmp_path / "x.jsonl", b"{%d}\n" % generation)
        read += follower.new_data()
        append(tmp_path / "x.jsonl", b"{late}\n")
        for older in range(generation, 0, -1):
            (tmp_path / f"x-{older}.jsonl.gz").rename(tmp_path / f"x-{older + 1}.jsonl.gz")
        compress(tmp_path / "x.jsonl").rename(tmp_path / "x-1.jsonl.gz")
    read += follower.new_data()

    assert sorted(data or b"" for data in read) == sorted(
        [b"{0}", b"{1}", b"{2}", b"{3}", b"{4}"] + [b"{late}"] * 5
    )
    assert sorted(where(follower).values()) == [f"x-{number}.jsonl.gz" for number in range(1, 6)]


def test_logrotate_with_delaycompress_gives_each_line_once(tmp_path: Path) -> None:
    follower, read = Follower(tmp_path), list[bytes | None]()
    for generation in range(5):
        append(tmp_path / "x.jsonl", b"{%d}\n" % generation)
        read += follower.new_data()
        append(tmp_path / "x.jsonl", b"{late %d}\n" % generation)
        for older in range(generation, 1, -1):
            (tmp_path / f"x.jsonl.{older}.gz").rename(tmp_path / f"x.jsonl.{older + 1}.gz")
        if generation:
            compress(tmp_path / "x.jsonl.1").rename(tmp_path / "x.jsonl.2.gz")
        (tmp_path / "x.jsonl").rename(tmp_path / "x.jsonl.1")
        read += follower.new_data() if generation % 2 else []
    read += follower.new_data()

    written = [b"{%d}" % number for number in range(5)]
    written += [b"{late %d}" % number for number in range(5)]
    assert sorted(data or b"" for data in read) == sorted(written)
    assert len(follower.known) == 5


@pytest.mark.parametrize("new", [b"", b"{b}\n", b"{a}\n", b"{a}\n{2}\n"])
@pytest.mark.parametrize("copy", ["x.jsonl.1", "x.jsonl-20261120"])
def test_copytruncate_loses_nothing_that_was_written_before_the_copy(
    follower: Follower, tmp_path: Path, new: bytes, copy: str
) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", b"{3}\n{4}\n")
    shutil.copy(tmp_path / "x.jsonl", tmp_path / copy)
    (tmp_path / "x.jsonl").write_bytes(new)
    os.utime(tmp_path / "x.jsonl", ns=(7, 7))

    read = data_by_log(follower)

    # Where the new log is to the byte what was read, the copy is a log of its own.
    before = A if new != b"{a}\n{2}\n" else f"{A}-2"
    assert [data for log_id, data in read if log_id == before][-2:] == [b"{3}", b"{4}"]
    assert len(read) == 2 + (new.count(b"\n") if before == A else 2)


@pytest.mark.parametrize("copied", [5, 8, 12, 16])
def test_a_copy_that_rotation_is_just_making_is_no_log(
    follower: Follower, tmp_path: Path, copied: int
) -> None:
    """Two looks: one while cp is at work, one after the truncation."""
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", b"{3}\n{4}\n")
    content = (tmp_path / "x.jsonl").read_bytes()
    (tmp_path / "x.jsonl.1").write_bytes(content[:copied])
    assert data_by_log(follower) == [(A, b"{3}"), (A, b"{4}")]

    (tmp_path / "x.jsonl.1").write_bytes(content)
    (tmp_path / "x.jsonl").write_bytes(b"{b}\n")

    assert data_by_log(follower) == [(B, b"{b}")]
    assert where(follower) == {A: "x.jsonl.1", B: "x.jsonl"}
