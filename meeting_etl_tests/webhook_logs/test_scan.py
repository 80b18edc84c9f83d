import os
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import Logs, LogToRead
from meeting_etl_tests.webhook_logs.folders import Follower, append, known_logs
from meeting_etl_tests.webhook_logs.scanning import A, data_by_log, stem


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


def test_a_new_log(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "2021" / "may.jsonl", b"{a}\n{2}\n")

    assert follower.scan() == [LogToRead(A, "2021/may.jsonl", None, None, False)]


def test_the_id_comes_from_the_first_line_that_says_something(tmp_path: Path) -> None:
    for number, begin in enumerate((b"", b"\xef\xbb\xbf", b"\n \r\n", b"\xef\xbb\xbf\r\n")):
        folder = tmp_path / str(number)
        append(folder / "x.jsonl", begin + b"{a}\r\n{2}\n")
        assert [log_to_read.log_id for log_to_read in Follower(folder).scan()] == [A]


def test_the_id_of_a_log_whose_first_line_is_too_long(tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"x" * 500_000 + b"\r\n{2}\n")
    follower = Follower(tmp_path, max_line_bytes=1000)

    assert [log_to_read.log_id for log_to_read in follower.scan()] == [stem(b"x" * 500_000)]


def test_logs_that_begin_alike_are_numbered_by_path(follower: Follower, tmp_path: Path) -> None:
    for name in ("c.jsonl", "a.jsonl", "b/z.jsonl", "b.jsonl"):
        append(tmp_path / name, b"{a}\n" + name.encode() + b"\n")
    expected = [
        (A, "a.jsonl"),
        (f"{A}-2", "b.jsonl"),
        (f"{A}-3", "b/z.jsonl"),
        (f"{A}-4", "c.jsonl"),
    ]

    assert [(seen.log_id, seen.log_file) for seen in follower.scan()] == expected
    follower.catch_up()
    assert follower.scan() == []
    # Without memory, as after the lake was deleted, the ids are the same.
    assert [(seen.log_id, seen.log_file) for seen in Follower(tmp_path).scan()] == expected


def test_a_number_that_is_taken_is_not_given_again(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "m.jsonl", b"{a}\n{m}\n")
    append(tmp_path / "n.jsonl", b"{a}\n{n}\n")
    follower.catch_up()
    (tmp_path / "m.jsonl").unlink()

    append(tmp_path / "a.jsonl", b"{a}\n{other}\n")

    assert follower.scan() == [LogToRead(f"{A}-3", "a.jsonl", None, None, False)]


@pytest.mark.parametrize("content", [b"", b"{a}", b"\n\r\n \n", b"\xef\xbb\xbf", b"\n{a"])
def test_a_file_without_a_finished_line_needs_no_identity(
    follower: Follower, tmp_path: Path, content: bytes
) -> None:
    append(tmp_path / "x.jsonl", content)
    assert follower.scan() == []
    assert follower.logs.problems == []

    append(tmp_path / "x.jsonl", b"{}\n")

    assert len(follower.scan()) == 1


def test_an_unchanged_log_is_not_opened(follower: Follower, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    append(path, b"{a}\n{2}\n")
    follower.catch_up()
    before = path.stat()

    # Same size and time, other content: whoever opens it notices.
    path.write_bytes(b"{b}\n{3}\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert follower.scan() == []


def test_a_log_that_was_only_touched_is_read_to_no_effect(
    follower: Follower, tmp_path: Path
) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    os.utime(tmp_path / "x.jsonl", ns=(1, 1))

    [log_to_read] = follower.scan()
    assert (log_to_read.log_id, log_to_read.notice, log_to_read.moved) == (A, None, False)
    assert follower.catch_up() == []
    assert follower.scan() == []


def test_a_log_grows(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", b"{2}\n")

    assert data_by_log(follower) == [(A, b"{2}")]


def test_a_log_grows_and_its_time_is_put_back(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    append(tmp_path / "x.jsonl", b"{2}\n")
    os.utime(tmp_path / "x.jsonl", ns=(0, follower.known[A].mtime))

    assert data_by_log(follower) == [(A, b"{2}")]


def test_old_and_new_logs_come_in_the_order_of_paths(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "b.jsonl", b"{b}\n")
    append(tmp_path / "d.jsonl", b"{d}\n")
    follower.catch_up()
    (tmp_path / "d.jsonl").rename(tmp_path / "0.jsonl")
    append(tmp_path / "a.jsonl", b"{a}\n")
    append(tmp_path / "b.jsonl", b"{2}\n")

    assert [seen.log_file for seen in follower.scan()] == ["0.jsonl", "a.jsonl", "b.jsonl"]


def test_finding_what_is_new_in_a_large_log_does_not_read_it(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    follower = Follower(tmp_path)
    append(path, b"{a}\n" + b"{line}\n" * 200_000)
    follower.catch_up()
    append(path, b"{more}\n")
    with path.open("r+b") as file:
        file.truncate(50 * 1024**3)  # a hole of 50 GiB: reading it would take minutes

    [log_to_read] = follower.scan()

    assert (log_to_read.log_id, log_to_read.notice) == (A, None)


def test_a_missing_folder_holds_no_logs(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "missing")

    assert (logs.scan(known_logs()), logs.problems) == ([], [])


@pytest.mark.parametrize("content", [b"", b"{a", b"\n \n"])
def test_a_file_without_a_finished_line_is_opened_once_until_it_changes(
    follower: Follower, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    assert follower.scan() == []
    assert follower.logs.unfinished == ({"x.jsonl": len(content)} if content else {})

    # Same size and time, other content: whoever opens it finds a line.
    status = path.stat()
    path.write_bytes(b"{b}\n"[-len(content) :] if content else b"")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert follower.scan() == []
    assert follower.logs.unfinished == ({"x.jsonl": len(content)} if content else {})

    append(path, b"{c}\n")
    assert len(follower.scan()) == 1
    assert follower.logs.unfinished == {}
