"""Lines over the limit, which are never held in memory."""

import tracemalloc
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import LogLine
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress
from meeting_etl_tests.webhook_logs.reading import KIB, lines_of, sha256


@pytest.mark.parametrize("size", [9, 10, 11, 12, 13, 14, 15, 16, 300 * KIB])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_the_limit_is_one_of_the_data(tmp_path: Path, begin: bytes, size: int, end: bytes) -> None:
    data = b"x" * size
    found = lines_of(tmp_path, begin + data + end + b"{2}\n", limit=10)

    offset = len(begin) + size + len(end)
    assert found == [
        LogLine(0, 1, data, size, None) if size <= 10 else LogLine(0, 1, None, size, sha256(data)),
        LogLine(offset, 2, b"{2}", 3, None),
    ]


def test_a_line_of_just_the_limit_whose_newline_comes_in_the_next_piece(tmp_path: Path) -> None:
    # Logs are read in pieces of 256 KiB: BOM, data and CR fill the first one.
    data = b"x" * (256 * KIB - 4)
    found = lines_of(tmp_path, b"\xef\xbb\xbf" + data + b"\r\n", limit=len(data))

    assert found == [LogLine(0, 1, data, len(data), None)]


def test_a_long_line_with_returns_inside(tmp_path: Path) -> None:
    # Of the many CR, some fall on the ends of the pieces in which a long line is read.
    data = b"\r" * (700 * KIB)
    found = lines_of(tmp_path, b"{1}\n" + b"x" + data + b"\r\n{3}\n", limit=1000)

    assert [line.byte_length for line in found] == [3, 700 * KIB + 1, 3]
    assert found[1].sha256 == sha256(b"x" + data)


def test_a_bom_belongs_to_a_long_line_inside_a_log(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + b"x" * (300 * KIB)
    found = lines_of(tmp_path, b"{1}\n" + data + b"\n", limit=1000)

    assert found[1] == LogLine(4, 2, None, 300 * KIB + 3, sha256(data))


def test_lines_below_the_limit_in_a_log_that_is_above(tmp_path: Path) -> None:
    found = lines_of(tmp_path, (b"x" * 99 * KIB + b"\n") * 50, limit=100 * KIB)

    assert [len(line.data or b"") for line in found] == [99 * KIB] * 50


def test_a_long_line_is_not_judged_before_its_end(tmp_path: Path) -> None:
    follower = Follower(tmp_path, max_line_bytes=1000)
    append(tmp_path / "a.jsonl", b"{1}\n" + b"x" * (600 * KIB))
    assert follower.new_data() == [b"{1}"]

    append(tmp_path / "a.jsonl", b"y\n{3}\n")

    found = [line for _, line in follower.catch_up()]
    long = sha256(b"x" * (600 * KIB) + b"y")
    assert found == [
        LogLine(4, 2, None, 600 * KIB + 1, long),
        LogLine(4 + 600 * KIB + 2, 3, b"{3}", 3, None),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_line_is_never_held_in_memory(tmp_path: Path, packed: bool) -> None:
    append(tmp_path / "a.jsonl", b"{1}\n" + b"x" * (64 * KIB * KIB) + b"\n{3}\n")
    if packed:
        compress(tmp_path / "a.jsonl")
    follower = Follower(tmp_path)

    tracemalloc.start()
    found = [line for _, line in follower.catch_up()]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [line.byte_length for line in found] == [3, 64 * KIB * KIB, 3]
    assert peak_bytes < 8 * KIB * KIB
