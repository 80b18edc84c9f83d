"""Compressed logs, whole and damaged."""

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.logs import LogLine
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress
from meeting_etl_tests.webhook_logs.reading import KIB, lines_of


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

    @pytest.mark.slow
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
