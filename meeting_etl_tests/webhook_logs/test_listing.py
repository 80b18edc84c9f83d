import gzip
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import Logs
from meeting_etl_tests.webhook_logs.folders import Follower, append, compress, known_logs

NOBODY = 65534


def files(folder: Path) -> list[str]:
    return [log_to_read.log_file for log_to_read in Logs(folder).scan(known_logs())]


def problems(folder: Path) -> list[str]:
    logs = Logs(folder)
    logs.scan(known_logs())
    return logs.problems


def write(path: Path) -> None:
    append(path, f'{{"{path}"}}\n'.encode())


@pytest.mark.parametrize(
    "name",
    [
        *("a.jsonl", "a.jsonl.gz", "a.ndjson", "a.json", "a.log", "a.log.gz", "A.JSONL"),
        *("a.jsonl.1", "a.jsonl.12", "a.jsonl.2.gz", "a.jsonl-20261120", "a.jsonl-20261120.gz"),
        *("a.log-2026112014", "a.log.2026-11-20", "a.log-1795273205", "a.json-2026-11-20T15"),
        *("a-20261120.jsonl", "a.1.log.gz", "with space and ümlaut.ndjson", "deep/er/a.jsonl.1"),
    ],
)
def test_a_log_is_read_under_the_names_that_writers_rotation_and_shippers_give(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    content = b"{1}\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    follower = Follower(tmp_path)

    assert follower.new_data() == [b"{1}"]
    assert [log.log_file for log in follower.known.values()] == [name]
    assert (follower.logs.unread, follower.problems) == ([], [])


@pytest.mark.parametrize(
    "name",
    [
        *("a.jsonl.zst", "a.jsonl.bz2", "a.zip", "a.jsonl.tmp", "a.jsonl.1.tmp", "a.jsonl~"),
        *("a.txt", "jsonl", "log", "a.jsonl.old", "a.jsonl.x1", "a.gz", "deep/a.csv"),
    ],
)
def test_a_file_of_another_name_is_not_read_and_named(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    logs = Logs(tmp_path)

    assert logs.scan(known_logs()) == []
    assert (logs.unread, logs.problems) == ([name], [])


def test_hidden_names_are_passed_over_in_silence_and_a_folder_is_no_log(tmp_path: Path) -> None:
    for name in (".hidden.jsonl", "._a.jsonl", ".git/e.jsonl", "b.jsonl.gz/c.jsonl", "d.x/e.jsonl"):
        write(tmp_path / name)
    logs = Logs(tmp_path)

    assert [log.log_file for log in logs.scan(known_logs())] == [
        "b.jsonl.gz/c.jsonl",
        "d.x/e.jsonl",
    ]
    assert logs.problems == ["b.jsonl.gz is named like a log, but is a folder."]
    assert logs.unread == []


def test_a_name_that_would_speak_to_the_terminal_is_spelled_out(tmp_path: Path) -> None:
    write(tmp_path / "a\x1b[31m\u202e.txt")
    logs = Logs(tmp_path)
    logs.scan(known_logs())

    assert logs.unread == ["a\\x1b[31m\\u202e.txt"]


def test_a_file_with_several_names_is_one_log(tmp_path: Path) -> None:
    write(tmp_path / "2021.jsonl")
    os.link(tmp_path / "2021.jsonl", tmp_path / "2021-again.jsonl")
    (tmp_path / "0-current.jsonl").symlink_to("2021.jsonl")
    (tmp_path / "zz-current.jsonl").symlink_to(tmp_path / "2021.jsonl")

    assert files(tmp_path) == ["2021-again.jsonl"]


def test_links_to_files_and_folders_elsewhere(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "logs", tmp_path / "elsewhere"
    for name in ("a.jsonl", "archive/b.jsonl", "c.jsonl"):
        write(elsewhere / name)
    folder.mkdir()
    (folder / "current.jsonl").symlink_to(elsewhere / "a.jsonl")
    (folder / "old").symlink_to(elsewhere / "archive")
    (folder / "older").symlink_to(elsewhere / "archive")
    (tmp_path / "link").symlink_to(folder)

    assert files(folder) == ["current.jsonl", "old/b.jsonl"]
    assert files(tmp_path / "link") == ["current.jsonl", "old/b.jsonl"]


def test_links_that_go_round(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "deep" / "a.jsonl")
    (tmp_path / "logs" / "0-up").symlink_to("..")
    (tmp_path / "logs" / "deep" / "again").symlink_to(".")
    (tmp_path / "logs" / "itself").symlink_to("itself")
    (tmp_path / "logs" / "itself.jsonl").symlink_to("itself.jsonl")

    assert files(tmp_path / "logs") == ["deep/a.jsonl"]
    assert problems(tmp_path / "logs") == [
        "itself.jsonl cannot be read: Too many levels of symbolic links."
    ]


def test_a_packed_log_waits_while_the_plain_one_cannot_be_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl")
    compress(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").symlink_to("x.jsonl")

    assert files(tmp_path) == []
    assert len(problems(tmp_path)) == 1


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "broken.jsonl").symlink_to("nowhere.jsonl")
    (tmp_path / "null.jsonl").symlink_to("/dev/null")
    write(tmp_path / "z.jsonl")

    assert files(tmp_path) == ["z.jsonl"]
    assert sorted(problems(tmp_path)) == [
        "broken.jsonl is a link to a file that does not exist.",
        "null.jsonl is named like a log, but is not a regular file.",
        "pipe.jsonl is named like a log, but is not a regular file.",
    ]


def test_a_name_that_no_table_can_hold(tmp_path: Path) -> None:
    append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl")), b"{}\n")
    append(Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9p\xf4t/x.jsonl")), b"{}\n")
    write(tmp_path / "z.jsonl")

    assert files(tmp_path) == ["z.jsonl"]
    assert sorted(problems(tmp_path)) == [
        "caf\\udce9.jsonl is not read: its name is not UTF-8; rename it.",
        "d\\udce9p\\udcf4t/x.jsonl is not read: its name is not UTF-8; rename it.",
    ]


def test_the_folder_is_a_file(tmp_path: Path) -> None:
    write(tmp_path / "logs")

    assert files(tmp_path / "logs") == []
    assert problems(tmp_path / "logs") == [". cannot be read: Not a directory."]


class TestPermissions:
    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that is not ours, so that permissions mean something even to root."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            write(folder / "a.jsonl")
            write(folder / "locked" / "b.jsonl")
            user = os.geteuid()
            try:
                if user == 0:
                    os.seteuid(NOBODY)
                yield folder
            finally:
                os.seteuid(user)
                (folder / "locked").chmod(0o755)

    @staticmethod
    def chmod(path: Path, mode: int) -> None:
        user = os.geteuid()
        os.seteuid(os.getuid())
        path.chmod(mode)
        os.seteuid(user)

    @staticmethod
    def copy(old: Path, new: Path) -> None:
        user = os.geteuid()
        os.seteuid(os.getuid())
        append(new, old.read_bytes())
        os.seteuid(user)

    def test_a_file_that_may_not_be_read(self, folder: Path) -> None:
        self.chmod(folder / "a.jsonl", 0)

        assert files(folder) == ["locked/b.jsonl"]
        assert problems(folder) == ["a.jsonl cannot be read: Permission denied."]

    @pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
    def test_a_folder_that_may_not_be_read(self, folder: Path, mode: int) -> None:
        self.chmod(folder / "locked", mode)

        assert files(folder) == ["a.jsonl"]
        hidden = "locked/b.jsonl" if mode == 0o444 else "locked"
        assert problems(folder) == [f"{hidden} cannot be read: Permission denied."]

    @pytest.mark.parametrize(("path", "mode"), [("locked", 0), ("locked/b.jsonl", 0)])
    def test_a_log_that_cannot_be_seen_is_not_gone(
        self, folder: Path, path: str, mode: int
    ) -> None:
        follower = Follower(folder)
        follower.catch_up()
        self.copy(folder / "locked" / "b.jsonl", folder / "copy.jsonl")
        self.copy(folder / "a.jsonl", folder / "locked" / "b.jsonl")
        self.chmod(folder / path, mode)

        [log_to_read] = follower.scan()

        assert (log_to_read.log_file, log_to_read.known) == ("copy.jsonl", None)
        assert log_to_read.log_id.endswith("-2")
