"""Logs that grow, shrink, fail or vanish while they are read."""

import os
from pathlib import Path

from meeting_etl_tests.webhook_logs.folders import Follower, append


def test_what_comes_while_a_log_is_read_is_read_the_next_time(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", b"{1}\n{2}\n")
    follower = Follower(tmp_path)
    [log_to_read] = follower.scan()

    with follower.logs.read(log_to_read) as reader:
        read = []
        for line in reader:
            read.append(line.data)
            append(tmp_path / "a.jsonl", b"{new}\n")
        follower.commit(log_to_read, reader)

    assert read == [b"{1}", b"{2}"]
    assert follower.new_data() == [b"{new}", b"{new}"]


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", b"".join(b"{%06d}\n" % number for number in range(200_000)))
    follower = Follower(tmp_path)
    [log_to_read] = follower.scan()

    with follower.logs.read(log_to_read) as reader:
        lines = iter(reader)
        next(lines)
        with (tmp_path / "a.jsonl").open("r+b") as file:
            file.truncate(1_000_000)
        rest = list(lines)

    assert reader.problem == "a.jsonl was truncated while it was read."
    assert rest[-1].offset + rest[-1].byte_length < 1_000_000
    assert (reader.size, reader.mtime) == (0, 0)


def break_open_file(path: Path) -> None:
    """From now on, reading the file fails for who has it open, as when a disk or network dies."""
    folder = os.open(path.parent, os.O_RDONLY)
    for descriptor in Path("/proc/self/fd").iterdir():
        if descriptor.is_symlink() and descriptor.readlink() == path:
            os.dup2(folder, int(descriptor.name))
    os.close(folder)


def test_a_disk_that_fails_while_a_log_is_read(tmp_path: Path) -> None:
    contents = [b"{%06d}" % number for number in range(200_000)]
    append(tmp_path / "a.jsonl", b"\n".join(contents) + b"\n")
    follower = Follower(tmp_path)
    [log_to_read] = follower.scan()

    with follower.logs.read(log_to_read) as reader:
        lines = iter(reader)
        read = [next(lines).data]
        break_open_file(tmp_path / "a.jsonl")
        read += [line.data for line in lines]
        follower.commit(log_to_read, reader)

    assert reader.problem == "a.jsonl cannot be read to its end: Is a directory."
    assert 0 < len(read) < 200_000
    assert read + follower.new_data() == contents


def test_a_file_that_vanishes_before_it_is_read(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", b"{1}\n")
    follower = Follower(tmp_path)
    follower.catch_up()
    append(tmp_path / "a.jsonl", b"{2}\n")
    [log_to_read] = follower.scan()
    (tmp_path / "a.jsonl").unlink()

    with follower.logs.read(log_to_read) as reader:
        assert list(reader) == []

    assert reader.problem == "a.jsonl cannot be read: No such file or directory."
    known = follower.known[log_to_read.log_id]
    assert (reader.consumed, reader.lines) == (4, 1)
    assert (reader.head, reader.tail) == (known.head, known.tail)
    assert (reader.size, reader.mtime) == (0, 0)


def test_a_log_that_is_replaced_before_it_is_read_loses_nothing(tmp_path: Path) -> None:
    append(tmp_path / "a.jsonl", b"{1}\n")
    follower = Follower(tmp_path)
    follower.catch_up()
    append(tmp_path / "a.jsonl", b"{2}\n")
    [log_to_read] = follower.scan()
    (tmp_path / "a.jsonl").write_bytes(b"{other}\n{3}\n")

    with follower.logs.read(log_to_read) as reader:
        assert list(reader) == []
        follower.commit(log_to_read, reader)

    assert reader.problem is not None
    assert reader.problem.startswith("a.jsonl was changed")
    assert follower.new_data() == [b"{other}", b"{3}"]
