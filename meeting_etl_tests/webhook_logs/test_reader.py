import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.logs import KnownLog, LogLine
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress
from meeting_etl_tests.webhook_logs.reading import KIB, lines_of, sha256


def test_places_of_lines_with_bom_crlf_and_blank_lines(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf{1}\r\n\n \t \r\n{two}\n\r\n{3}\r\r\n{4"

    assert lines_of(tmp_path, content) == [
        LogLine(0, 1, b"{1}", 3, None),
        LogLine(14, 4, b"{two}", 5, None),
        LogLine(22, 6, b"{3}\r", 4, None),
    ]


def test_only_the_bom_at_the_begin_of_a_log_is_cut_off(tmp_path: Path) -> None:
    found = lines_of(tmp_path, b"{1}\r\n\xef\xbb\xbf{2}\r\n")

    assert [line.data for line in found] == [b"{1}", b"\xef\xbb\xbf{2}"]


def test_a_last_line_waits_for_its_newline(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    append(tmp_path / "a.jsonl", b"{1}\n{2")
    assert follower.new_data() == [b"{1}"]
    [known] = follower.known.values()
    assert (known.bytes_consumed, known.lines) == (4, 1)

    append(tmp_path / "a.jsonl", b"2}")
    assert follower.new_data() == []

    append(tmp_path / "a.jsonl", b"\n\n")
    assert [line for _, line in follower.catch_up()] == [LogLine(4, 2, b"{22}", 4, None)]
    [known] = follower.known.values()
    assert (known.bytes_consumed, known.lines) == (10, 3)


def test_digests_are_those_of_what_was_consumed(tmp_path: Path) -> None:
    content = b"".join(b'{"number":%d}\n' % number for number in range(30_000))
    append(tmp_path / "a.jsonl", content + b"{unfinished")
    follower = Follower(tmp_path)

    follower.catch_up()

    size = len(content) + 11
    assert follower.known == {
        sha256(b'{"number":0}')[:16]: KnownLog(
            log_id=sha256(b'{"number":0}')[:16],
            log_file="a.jsonl",
            bytes_consumed=len(content),
            lines=30_000,
            size=size,
            mtime=(tmp_path / "a.jsonl").stat().st_mtime_ns,
            head=sha256(content[: 64 * KIB]),
            tail=sha256(content[-64 * KIB :]),
        )
    }


@pytest.mark.parametrize("packed", [False, True])
@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(min_value=1, max_value=150 * KIB), min_size=1, max_size=8),
    stop_after=st.integers(min_value=1, max_value=8),
    limit=st.sampled_from([10, 100 * KIB, 1_000_000]),
)
def test_one_may_stop_after_any_line(
    tmp_path_factory: pytest.TempPathFactory,
    packed: bool,
    sizes: list[int],
    stop_after: int,
    limit: int,
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    contents = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    append(folder / "a.jsonl", b"\n".join(contents) + b"\n")
    if packed:
        compress(folder / "a.jsonl")
    follower = Follower(folder, max_line_bytes=limit)

    first = follower.catch_up(at_most=stop_after)
    consumed = b"".join(content + b"\n" for content in contents[:stop_after])
    [known] = follower.known.values()
    assert known.bytes_consumed == len(consumed)
    assert known.lines == min(stop_after, len(sizes))
    assert known.head == sha256(consumed[: 64 * KIB])
    assert known.tail == sha256(consumed[-64 * KIB :])
    rest = follower.catch_up()

    assert [line.byte_length for _, line in first + rest] == sizes
    assert [line.number for _, line in first + rest] == list(range(1, len(sizes) + 1))
    assert [line.sha256 or sha256(line.data or b"") for _, line in first + rest] == [
        sha256(content) for content in contents
    ]
    assert all((line.data is None) == (line.byte_length > limit) for _, line in first + rest)
    assert follower.catch_up() == []


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [4, 70_000, 300_000, 40_000_000])
def test_objects_before_and_behind_a_hole_are_read_and_the_hole_is_a_line_of_its_own(
    tmp_path: Path, packed: bool, size: int
) -> None:
    hole = b"\0" * size
    append(tmp_path / "a.jsonl", b"{1}\n{2}" + hole + b"{3}\n" + hole + b"\n{4}\n")
    if packed:
        compress(tmp_path / "a.jsonl")
    follower = Follower(tmp_path)

    lines = [line for _, line in follower.catch_up()]

    assert [(line.offset, line.number, line.data, line.is_nul_run) for line in lines] == [
        (0, 1, b"{1}", False),
        (4, 2, b"{2}", False),
        (7, 2, None, True),
        (7 + size, 2, b"{3}", False),
        (11 + size, 3, None, True),
        (12 + 2 * size, 4, b"{4}", False),
    ]
    assert {(line.byte_length, line.sha256) for line in lines if line.is_nul_run} == {
        (size, hashlib.sha256(hole).hexdigest())
    }


def test_a_hole_at_the_end_waits_as_it_may_be_filled(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", b"{1}\n{2" + b"\0" * 100)
    follower = Follower(tmp_path)
    assert follower.new_data() == [b"{1}"]

    with (tmp_path / "a.jsonl").open("r+b") as file:
        file.seek(6)
        file.write(b"}\n")

    assert follower.new_data() == [b"{2}"]


def test_a_log_that_begins_with_a_hole_is_known_by_what_stands_behind(tmp_path: Path) -> None:
    """A writer that does not append goes on where it was, behind a truncation."""
    append(tmp_path / "a.jsonl", b"{1}\n{2}\n")
    follower = Follower(tmp_path)
    follower.catch_up()
    (tmp_path / "a.jsonl.1").write_bytes((tmp_path / "a.jsonl").read_bytes() + b"{3}\n")
    with (tmp_path / "a.jsonl").open("r+b") as file:
        file.truncate(0)
        file.seek(12)
        file.write(b"{4}\n")

    assert sorted(data or b"" for data in follower.new_data()) == [b"", b"{3}", b"{4}"]
    assert follower.new_data() == []
