"""Whatever happens to logs between two looks: each line is read once, from where it is."""

import gzip
import itertools
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from meeting_etl.webhook_logs.logs import LogLine
from meeting_etl_tests.webhook_logs.folders import Follower, append

LINES = st.lists(
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"?"))
    | st.sampled_from([b"", b" \t", b"\r", b'{"a":"\xc3\xa9"}\r'])
    | st.sampled_from([b"\0" * 4 + b"{}", b"{}" + b"\0" * 9, b"{}\0\0\0\0[]"])
    | st.just(300_000).map(lambda size: b"\0" * size)
    | st.just(70_000).map(lambda size: b"x" * size),
    min_size=1,
    max_size=12,
)


def expected_lines(content: bytes, limit: int) -> list[tuple[int, int, bytes | None, int]]:
    """What is to be read of a log, found the simplest way."""
    expected: list[tuple[int, int, bytes | None, int]] = []
    offset, says_something = 0, False
    *whole, rest = content.split(b"\n")
    for number, raw in enumerate([*whole, rest], 1):
        # Holes and what is between them; what the newline ends is the last.
        pieces = re.split(rb"(\0{4,})", raw)
        if number > len(whole):
            # No newline yet: what a hole with something behind it ends is read, and the hole.
            pieces = pieces[:-1] if pieces[-1] else pieces[:-3]
        for at, piece in enumerate(pieces):
            data = piece.removeprefix(b"\xef\xbb\xbf") if offset == 0 else piece
            data = data.removesuffix(b"\r")
            if at % 2:
                expected.append((offset, number, None, len(piece)))
            elif data.strip():
                says_something = True
                kept = data if len(data) <= limit else None
                expected.append((offset, number, kept, len(data)))
            offset += len(piece)
        offset += 1
    return expected if says_something else []  # holes alone make no log yet


def told(line: LogLine) -> tuple[int, int, bytes | None, int]:
    return line.offset, line.number, line.data, line.byte_length


@settings(deadline=None)
@given(
    lines=LINES,
    bom=st.booleans(),
    cuts=st.lists(st.floats(min_value=0, max_value=1), max_size=6),
    packed=st.booleans(),
    limit=st.sampled_from([5, 1_000_000]),
)
def test_a_log_written_piece_by_piece(
    lines: list[bytes], bom: bool, cuts: list[float], packed: bool, limit: int
) -> None:
    content = b"\xef\xbb\xbf" * bom + b"\n".join(lines) + b"\n"
    assume(not content.startswith(b"\x1f\x8b"))  # then it would be taken for gzip
    places = sorted({0, len(content), *(int(cut * len(content)) for cut in cuts)})
    read: list[LogLine] = []
    with tempfile.TemporaryDirectory() as name:
        follower = Follower(Path(name), max_line_bytes=limit)
        for start, end in itertools.pairwise(places):
            piece = content[start:end]
            if packed:
                append(Path(name) / "x.jsonl.gz", gzip.compress(piece))
            else:
                append(Path(name) / "x.jsonl", piece)
            read += [line for _, line in follower.catch_up()]
            assert follower.problems == []

    assert [told(line) for line in read] == expected_lines(content, limit)


def is_log_name(name: str) -> bool:
    """Enough of the rule for the names that are made here."""
    return name.count(".") == 2 and "-2026" not in name


class Following(RuleBasedStateMachine):
    """Several logs that are written, moved, rotated, packed and unpacked while they are followed.

    `contents` is all that was ever written to each log, `paths` is where it lies now.
    """

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.follower = Follower(self.folder)
        self.contents: list[bytes] = []
        self.paths: list[Path] = []
        self.read: dict[str, list[LogLine]] = {}
        self.touched = 0

    @rule(name=st.sampled_from(["a.jsonl", "b.jsonl", "deep/c.jsonl"]))
    def begin(self, name: str) -> None:
        """A log begins; one that lies there is rotated away."""
        path = self.folder / name
        number = len(self.contents)
        for other, there in enumerate(self.paths):
            if there in (path, self.other_form(path)[0]):
                self.rename(other, there.with_name(f"until-{number}-{there.name}"))
        self.contents.append(b"")
        self.paths.append(path)
        self.write(number, b"{%d}\n" % number)

    @precondition(lambda self: self.paths)
    @rule(data=st.data(), lines=LINES, whole=st.booleans())
    def grow(self, data: st.DataObject, lines: list[bytes], whole: bool) -> None:
        number = data.draw(st.integers(0, len(self.paths) - 1))
        self.write(number, b"\n".join(lines) + (b"\n" if whole else b""))

    @precondition(lambda self: self.paths)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.paths) - 1))
        folder = data.draw(st.sampled_from(["", "x", "x/y"]))
        end = data.draw(st.sampled_from([".jsonl", ".jsonl.7", ".log-20261120", ".ndjson"]))
        end += ".gz" if self.paths[number].suffix == ".gz" else ""
        self.rename(number, self.folder / folder / f"{data.draw(st.integers(0, 9))}-{number}{end}")

    @precondition(lambda self: self.paths)
    @rule(data=st.data())
    def pack_or_unpack(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.paths) - 1))
        old = self.paths[number]
        new, change = self.other_form(old)
        if not new.exists():
            new.write_bytes(change(old.read_bytes()))
            old.unlink()
            self.paths[number] = new

    @precondition(lambda self: self.paths)
    @rule(data=st.data(), copied=st.floats(0, 1), looked=st.booleans())
    def copy_and_truncate(self, data: st.DataObject, copied: float, looked: bool) -> None:
        """Maybe with a look while the copy is being made; what was in the log lies there then."""
        number = data.draw(st.integers(0, len(self.paths) - 1))
        path, content = self.paths[number], self.contents[number]
        if path.suffix == ".gz":
            return
        copy = path.with_name(f"{path.name}.{len(self.contents)}")
        if not is_log_name(copy.name):
            return  # it was rotated before
        if looked:
            copy.write_bytes(content[: int(copied * len(content))])
            self.look(at_most=None)
        copy.write_bytes(content)
        path.write_bytes(b"")
        self.paths[number] = copy
        self.contents.append(b"")
        self.paths.append(path)
        self.write(len(self.paths) - 1, b"{%d}\n" % (len(self.paths) - 1))

    @rule()
    def touch_all(self) -> None:
        self.touched += 1
        for path in self.paths:
            os.utime(path, ns=(self.touched, self.touched))

    @rule(at_most=st.sampled_from([None, 1, 3]))
    def look(self, at_most: int | None) -> None:
        for log_id, line in self.follower.catch_up(at_most=at_most):
            self.read.setdefault(log_id, []).append(line)
        assert self.follower.problems == []

    @invariant()
    def nothing_is_read_that_was_not_written(self) -> None:
        assert len(self.read) <= len(self.contents)

    def teardown(self) -> None:
        self.look(at_most=None)
        found = sorted([told(line) for line in lines] for lines in self.read.values())
        written = [expected_lines(content, 1_000_000) for content in self.contents]
        ids_after_loss = {seen.log_id for seen in Follower(self.folder).scan()}
        self.temporary.cleanup()
        assert found == sorted(written)
        assert ids_after_loss == set(self.read)
        assert {log.log_file for log in self.follower.known.values()} == {
            path.relative_to(self.folder).as_posix() for path in self.paths
        }

    def write(self, number: int, piece: bytes) -> None:
        self.contents[number] += piece
        packed = self.paths[number].suffix == ".gz"
        append(self.paths[number], gzip.compress(piece) if packed else piece)

    def rename(self, number: int, new: Path) -> None:
        new.parent.mkdir(parents=True, exist_ok=True)
        self.paths[number].rename(new)
        self.paths[number] = new

    @staticmethod
    def other_form(path: Path) -> tuple[Path, Callable[[bytes], bytes]]:
        if path.suffix == ".gz":
            return path.with_suffix(""), gzip.decompress
        return path.with_name(path.name + ".gz"), gzip.compress


TestFollowing = Following.TestCase
TestFollowing.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
TestFollowing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
