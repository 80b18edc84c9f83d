"""One line, read again at its place."""

import hashlib
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import Logs
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress


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
