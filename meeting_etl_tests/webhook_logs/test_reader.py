import gzip
import hashlib
import os
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.logs import KnownLog, LogLine, Logs
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress

KIB = 1024


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def lines_of(folder: Path, content: bytes, *, limit: int = 1_000_000) -> list[LogLine]:
    (folder / "a.jsonl").write_bytes(content)
    return [line for _, line in Follower(folder, max_line_bytes=limit).catch_up()]


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


class TestGzip:
    CONTENT = b"".join(b'{"number":%d,"hash":"%d"}\n' % (n, n**9) for n in range(20_000))

    def test_it_reads_as_the_plain_file(self, tmp_path: Path) -> None:
        plain = lines_of(tmp_path, self.CONTENT)
        compress(tmp_path / "a.jsonl")

        assert [line for _, line in Follower(tmp_path).catch_up()] == plain
        assert len(plain) == 20_000

    def test_members_and_padding(self, tmp_path: Path) -> None:
        parts = [gzip.compress(part) for part in (b"{1}\n{", b"", b"2}\n", b"{3}\n")]
        packed = parts[0] + parts[1] + b"\0" * 512 + parts[2] + b"\0" * (300 * KIB) + parts[3]
        (tmp_path / "a.jsonl.gz").write_bytes(packed + b"\0" * 7)
        follower = Follower(tmp_path)

        assert follower.new_data() == [b"{1}", b"{2}", b"{3}"]
        assert follower.problems == []

    def test_a_member_is_appended(self, tmp_path: Path) -> None:
        follower = Follower(tmp_path)
        append(tmp_path / "a.jsonl.gz", gzip.compress(b"{1}\n{2"))
        assert follower.new_data() == [b"{1}"]

        append(tmp_path / "a.jsonl.gz", gzip.compress(b"2}\n{3}\n"))

        assert [line for _, line in follower.catch_up()] == [
            LogLine(4, 2, b"{22}", 4, None),
            LogLine(9, 3, b"{3}", 3, None),
        ]

    @pytest.mark.parametrize("kept", [0.001, 0.1, 0.5, 0.9, 0.999])
    def test_a_file_that_is_cut_off_gives_what_it_has(self, tmp_path: Path, kept: float) -> None:
        packed = gzip.compress(self.CONTENT)
        cut = packed[: int(len(packed) * kept)]
        follower = Follower(tmp_path)
        (tmp_path / "a.jsonl.gz").write_bytes(cut)

        begin = follower.new_data()
        problems = follower.problems
        (tmp_path / "a.jsonl.gz").write_bytes(packed)
        rest = follower.new_data()

        assert problems == ["a.jsonl.gz is truncated: its gzip data has no end."]
        assert follower.problems == []
        lines = self.CONTENT.splitlines()
        assert begin + rest == lines
        assert len(begin) >= (kept - 0.1) * len(lines)

    def test_wherever_a_file_is_cut_off_all_is_read_that_can_be(self, tmp_path: Path) -> None:
        # So regular that a few hundred bytes hold more than is decompressed at a time, and that
        # bytes which are still to be copied from earlier ones wait inside of zlib.
        packed = gzip.compress((b"x" * 99 + b"\n") * 2_700)
        for length in range(20, len(packed), 2):
            cut = packed[:length]
            (tmp_path / "a.jsonl.gz").write_bytes(cut)
            follower = Follower(tmp_path)
            found = follower.new_data()

            whole = zlib.decompressobj(wbits=31).decompress(cut)
            assert len(found) == whole.count(b"\n")
            assert len(follower.problems) == 1

    def test_a_file_that_is_cut_off_is_not_opened_again_until_it_changes(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(self.CONTENT)[:5000])
        follower = Follower(tmp_path)
        follower.catch_up()

        assert follower.scan() == []

    def test_lines_before_a_fault_are_read(self, tmp_path: Path) -> None:
        # The bad byte lies in the checksum of the first member: all of its content is sound.
        first, second = gzip.compress(self.CONTENT), gzip.compress(b"{more}\n")
        bad = bytes([first[-5] ^ 0xFF])
        (tmp_path / "a.jsonl.gz").write_bytes(first[:-5] + bad + first[-4:] + second)
        follower = Follower(tmp_path)

        assert follower.new_data() == self.CONTENT.splitlines()
        [problem] = follower.problems
        assert problem.startswith("a.jsonl.gz is damaged gzip after byte")

    def test_lines_before_a_block_of_nonsense_are_read(self, tmp_path: Path) -> None:
        packed = gzip.compress(self.CONTENT)
        (tmp_path / "a.jsonl.gz").write_bytes(packed[:100_000] + b"\xff" * 1000 + packed[101_000:])
        follower = Follower(tmp_path)

        found = follower.new_data()

        # Lines at the fault itself may decompress to something else before it is noticed.
        sound = int(20_000 * 100_000 / len(packed) * 0.95)
        assert found[:sound] == self.CONTENT.splitlines()[:sound]
        assert len(follower.problems) == 1

    @pytest.mark.parametrize("tail", [b"nonsense", b"{2}\n", b"\x1f", b"\x1f\x8b\x08"])
    def test_something_else_behind_the_end(self, tmp_path: Path, tail: bytes) -> None:
        (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{1}\n") + tail)
        follower = Follower(tmp_path)

        assert follower.new_data() == [b"{1}"]
        assert len(follower.problems) == 1

    def test_a_name_that_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "plain.jsonl.gz").write_bytes(b"{1}\n")
        (tmp_path / "packed.jsonl").write_bytes(gzip.compress(b"{2}\n"))
        (tmp_path / "empty.jsonl.gz").write_bytes(b"")
        follower = Follower(tmp_path)

        assert follower.new_data() == [b"{2}"]
        assert follower.problems == ["plain.jsonl.gz is damaged gzip after byte 0."]

    @settings(deadline=None)
    @given(
        at=st.integers(min_value=0, max_value=2000), flip=st.integers(min_value=1, max_value=255)
    )
    def test_any_bad_byte_is_a_problem_or_harmless(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, flip: int
    ) -> None:
        folder = tmp_path_factory.mktemp("logs")
        packed = bytearray(gzip.compress(self.CONTENT[:8000]))
        packed[at % len(packed)] ^= flip
        (folder / "a.jsonl.gz").write_bytes(packed)
        follower = Follower(folder)

        found = follower.new_data()

        assert follower.problems or found == self.CONTENT[:8000].split(b"\n")[:-1]


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


class TestReadLine:
    CONTENT = b"\xef\xbb\xbf{1}\r\n\n{22}\n" + b"x" * 40 + b"\n\n" + b"{4}" * 9 + b"\n"

    @staticmethod
    def again(logs: Logs, name: str, offset: int, data: bytes) -> bytes | None:
        with logs.line_finder() as lines:
            found = lines.find(name, offset, len(data), hashlib.sha256(data).hexdigest())
            return None if found is None else b"".join(found)

    @pytest.mark.parametrize("packed", [False, True])
    def test_a_line_is_found_again_in_any_order(self, tmp_path: Path, packed: bool) -> None:
        append(tmp_path / "a.jsonl", self.CONTENT)
        name = compress(tmp_path / "a.jsonl").name if packed else "a.jsonl"
        places = [(0, b"{1}"), (9, b"{22}"), (14, b"x" * 40), (56, b"{4}" * 9)]

        with Logs(tmp_path).line_finder() as lines:
            for offset, data in (*places, *reversed(places), *places):
                found = lines.find(name, offset, len(data), hashlib.sha256(data).hexdigest())
                assert found is not None
                assert b"".join(found) == data

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize(
        ("offset", "data"), [(0, b"{2}"), (9, b"{23}"), (10, b"{22}"), (14, b"y" * 40)]
    )
    def test_another_line_is_none(
        self, tmp_path: Path, packed: bool, offset: int, data: bytes
    ) -> None:
        append(tmp_path / "a.jsonl", self.CONTENT)
        name = compress(tmp_path / "a.jsonl").name if packed else "a.jsonl"

        assert self.again(Logs(tmp_path), name, offset, data) is None
        assert self.again(Logs(tmp_path), name, 5000, data) is None

    @pytest.mark.parametrize("packed", [False, True])
    def test_every_line_that_was_read_is_found_again(self, tmp_path: Path, packed: bool) -> None:
        content = b"".join(b"x" * (number * 997 % 5000 + 1) + b"\r\n" for number in range(300))
        append(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + content)
        name = compress(tmp_path / "a.jsonl").name if packed else "a.jsonl"
        follower = Follower(tmp_path)

        for _, line in follower.catch_up():
            assert self.again(follower.logs, name, line.offset, line.data or b"") == line.data

    def test_a_line_that_is_too_long_to_be_held_comes_in_pieces(self, tmp_path: Path) -> None:
        data = b"x" * (17 * 1024 * 1024)
        append(tmp_path / "a.jsonl", b"{}\n" + data + b"\n")
        digest = hashlib.sha256(data).hexdigest()

        with Logs(tmp_path).line_finder() as lines:
            found = lines.find("a.jsonl", 3, len(data), digest)
            assert found is not None
            pieces = list(found)
            assert (b"".join(pieces) == data, len(pieces) > 10) == (True, True)
            assert lines.find("a.jsonl", 2, len(data), digest) is None

    def test_a_file_that_is_gone(self, tmp_path: Path) -> None:
        assert self.again(Logs(tmp_path), "gone.jsonl", 0, b"x") is None
        assert self.again(Logs(tmp_path), ".", 0, b"x") is None
