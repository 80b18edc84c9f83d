import gzip
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import Logs, LogToRead
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress, known_logs


def stem(first_line: bytes) -> str:
    return hashlib.sha256(first_line).hexdigest()[:16]


A = stem(b"{a}")
B = stem(b"{b}")


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


def data_by_log(follower: Follower) -> list[tuple[str, bytes | None]]:
    return [(log_id, line.data) for log_id, line in follower.catch_up()]


def where(follower: Follower) -> dict[str, str]:
    return {log.log_id: log.log_file for log in follower.known.values()}


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


REPLACED = "x.jsonl was truncated or replaced; it is read from its start as a new log."


@pytest.mark.parametrize(
    ("content", "log_id"),
    [
        (b"{b}\n", B),
        (b"{b}\n{2}\n{3}\n{4}\n", B),
        (b"{a}\n", f"{A}-2"),
        (b"{a}\n{X}\n{3}\n", f"{A}-2"),
        (b"{a}\n{2}\n{X}\n{4}\n", f"{A}-2"),
    ],
)
def test_a_log_is_truncated_or_replaced(
    follower: Follower, tmp_path: Path, content: bytes, log_id: str
) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n{3}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").write_bytes(content)
    os.utime(tmp_path / "x.jsonl", ns=(5, 5))

    assert follower.scan() == [LogToRead(log_id, "x.jsonl", None, REPLACED, False)]
    assert data_by_log(follower) == [(log_id, data) for data in content.splitlines()]
    assert follower.scan() == []

    append(tmp_path / "x.jsonl", b"{more}\n")
    assert data_by_log(follower) == [(log_id, b"{more}")]


@pytest.mark.parametrize("at", [0, 10, 65_535, 70_000, 77_000, 142_000])
def test_a_change_within_the_digests_is_noticed(
    follower: Follower, tmp_path: Path, at: int
) -> None:
    content = bytearray(b"{a}\n" + b"x" * 100 * 1024 + b"\n" + b"y" * 40_000 + b"\n")
    append(tmp_path / "x.jsonl", bytes(content))
    follower.catch_up()
    content[at] = ord("!")
    (tmp_path / "x.jsonl").write_bytes(content + b"{more}\n")

    # Of what lies between the digested ends nothing is looked at, so that a grown log costs
    # nothing however long it is: here that is from 65,536 to 76,870.
    assert [seen.notice for seen in follower.scan()] == [None if at == 70_000 else REPLACED]


def test_a_log_that_comes_back_goes_on(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n{2}\n{3}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").write_bytes(b"{a}\n{2}\n")
    follower.catch_up()

    (tmp_path / "x.jsonl").write_bytes(b"{a}\n{2}\n{3}\n{4}\n")

    assert data_by_log(follower) == [(A, b"{4}")]


def test_a_log_emptied_in_place_begins_anew(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    shutil.copy(tmp_path / "x.jsonl", tmp_path / "x-1.jsonl")
    (tmp_path / "x.jsonl").write_bytes(b"")
    assert data_by_log(follower) == []
    assert where(follower) == {A: "x-1.jsonl"}

    append(tmp_path / "x.jsonl", b"{b}\n")
    assert data_by_log(follower) == [(B, b"{b}")]


def test_a_log_that_is_gone_is_not_read(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").unlink()

    assert follower.scan() == []
    assert follower.logs.problems == []


def test_of_two_logs_that_fit_the_one_read_further_goes_on(
    follower: Follower, tmp_path: Path
) -> None:
    # Both logs begin alike and both are gone: what comes back continues the longer one.
    append(tmp_path / "x.jsonl", b"{a}\n")
    append(tmp_path / "y.jsonl", b"{a}\n{2}\n")
    follower.catch_up()
    (tmp_path / "x.jsonl").unlink()
    (tmp_path / "y.jsonl").unlink()
    append(tmp_path / "z.jsonl", b"{a}\n{2}\n{3}\n")

    assert data_by_log(follower) == [(f"{A}-2", b"{3}")]


def test_a_log_of_which_nothing_was_consumed_is_new(follower: Follower, tmp_path: Path) -> None:
    append(tmp_path / "x.jsonl", b"{a}\n")
    [log_to_read] = follower.scan()
    with follower.logs.read(log_to_read) as reader:
        follower.commit(log_to_read, reader)

    assert follower.scan() == [log_to_read]
    assert data_by_log(follower) == [(A, b"{a}")]


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
