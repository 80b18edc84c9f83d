import fcntl
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.state import LocalState


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_replacement_is_whole_or_not_at_all(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("a/x.json", b"old")
    with pytest.raises(RuntimeError, match="killed"), files.replacement("a/x.json") as path:
        path.write_bytes(b"ne")
        raise RuntimeError("killed")
    assert files.read_bytes("a/x.json") == b"old"
    assert names(tmp_path / "a") == ["x.json"]


def test_the_temporary_file_is_not_part_of_a_table(tmp_path: Path) -> None:
    with Files(tmp_path).replacement("t/part-0.parquet") as path:
        path.write_bytes(b"x")
        assert path.parent == tmp_path / "t"
        assert list((tmp_path / "t").glob("*.parquet")) == []
        assert list((tmp_path / "t").glob(".*.parquet")) == []


def test_a_secret_file_is_never_readable_by_others(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("state/tokens.json", b"{}", secret=True)
    assert stat.S_IMODE((tmp_path / "state/tokens.json").stat().st_mode) == 0o600


def test_a_read_only_folder_is_an_error_that_names_file_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"Cannot write .*blocked/x: .*run again"):
        Files(tmp_path).replace_bytes("blocked/x", b"")


def test_removing_a_file_keeps_its_folder(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("a/x", b"1")
    files.replace_bytes("a/y", b"1")
    files.remove("a/x")
    assert names(tmp_path / "a") == ["y"]
    files.remove("a/y")
    files.remove("a/y")
    assert names(tmp_path / "a") == []
    files.remove_folder("a")
    assert not (tmp_path / "a").exists()
    files.remove_folder("a")


def test_sweep_removes_only_files_of_killed_writers(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("a/x", b"1")
    (tmp_path / "a/.x.0123.tmp").write_bytes(b"torn")
    files.sweep("a")
    files.sweep("never made")
    assert names(tmp_path / "a") == ["x"]


def test_a_writer_whose_new_file_is_swept_at_once_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, flock = Files(tmp_path), fcntl.flock
    swept: list[list[str]] = []

    def sweep_first(file: IO[bytes], operation: int) -> None:
        if operation == fcntl.LOCK_EX and not swept:
            swept.append(names(tmp_path))
            files.sweep(".")
            assert names(tmp_path) == []
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    files.replace_bytes("x", b"1")
    assert len(swept) == 1
    assert names(tmp_path) == ["x"]
    assert files.read_bytes("x") == b"1"


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    files = Files(tmp_path / "not yet")
    assert files.read_bytes("x") is None
    assert files.names("x") == []
    assert files.free_bytes() > 0


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel writes up to this size and then refuses, like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_are_appended_and_a_locked_file_is_not_opened_again(tmp_path: Path) -> None:
    files = Files(tmp_path)
    file = files.open_to_append("a/b/log")
    assert file is not None
    assert files.open_to_append("a/b/log") is None
    files.append(file, b"1\n2\n")
    files.append(file, b"")
    files.append(file, b"3\n")
    file.close()
    again = files.open_to_append("a/b/log")
    assert again is not None
    files.append(again, b"4\n")
    again.close()
    assert files.read_bytes("a/b/log") == b"1\n2\n3\n4\n"


def test_a_file_that_was_removed_before_it_was_locked_is_not_appended_to(tmp_path: Path) -> None:
    class Removed(Files):
        def _open(self, path: str | Path, flags: int) -> int:
            descriptor = super()._open(path, flags)
            Path(path).unlink()
            return descriptor

    assert Removed(tmp_path).open_to_append("log") is None


@pytest.mark.parametrize(
    ("size", "left"), [(2, b"1\n"), (3, b"1\n"), (5, b"1\n"), (6, b"1\n222\n"), (7, b"1\n222\n")]
)
def test_on_a_full_disk_whole_lines_may_stay(tmp_path: Path, size: int, left: bytes) -> None:
    files = Files(tmp_path)
    file = files.open_to_append("log")
    assert file is not None
    files.append(file, b"1\n")
    with no_file_above(size), pytest.raises(StorageError, match=r"Cannot write .*/log: "):
        files.append(file, b"222\n333\n")
    assert files.read_bytes("log") == left
    files.append(file, b"4\n")
    assert files.read_bytes("log") == left + b"4\n"
    file.close()


def test_an_unfinished_last_line_is_terminated_before_another(tmp_path: Path) -> None:
    files = Files(tmp_path)
    for before, after in ((b"", b""), (b"1\n", b"1\n"), (b"1\n2", b"1\n2\n")):
        (tmp_path / "log").write_bytes(before)
        file = files.open_to_append("log")
        assert file is not None
        files.append(file, b"")
        assert files.read_bytes("log") == after
        files.append(file, b"3\n")
        assert files.read_bytes("log") == after + b"3\n"
        file.close()


def test_an_open_file_is_in_place_until_it_is_moved_or_removed(tmp_path: Path) -> None:
    files = Files(tmp_path)
    file = files.open_to_append("log")
    assert file is not None
    assert files.is_in_place(file)
    (tmp_path / "log").rename(tmp_path / "other")
    assert not files.is_in_place(file)
    (tmp_path / "log").touch()
    assert not files.is_in_place(file)
    file.close()


def test_a_new_file_and_its_folders_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_ino))
    files = Files(tmp_path / "root")
    file = files.open_to_append("a/b/log")
    assert file is not None
    files.append(file, b"1\n")
    file.close()
    paths = [tmp_path, *(tmp_path / name for name in ("root", "root/a", "root/a/b"))]
    assert {path.stat().st_ino for path in paths} <= set(synced)
    assert synced[-1] == (tmp_path / "root/a/b/log").stat().st_ino


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_file_mode_holds_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    """Folders can be entered by those who may read; a secret stays one; what exists stays."""
    (tmp_path / "mine").mkdir(mode=0o700)
    (tmp_path / "mine/log").touch(mode=0o600)
    before = os.umask(umask)
    try:
        files = Files(tmp_path / "root", 0o640)
        files.replace_bytes("lake/a", b"x")
        with files.replacement("lake/b") as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o640
            path.write_bytes(b"x")
        files.open_to_write("media/part").close()
        for folder in (files, files.of(tmp_path / "mine")):
            log = folder.open_to_append("log")
            assert log is not None
            log.close()
        with LocalState(files).swap("tokens", secret=True) as value:
            value.content = b"x"
    finally:
        os.umask(before)
    assert modes(tmp_path) == {
        "mine": 0o700,
        "mine/log": 0o600,
        "root": 0o750,
        "root/lake": 0o750,
        "root/lake/a": 0o640,
        "root/lake/b": 0o640,
        "root/media": 0o750,
        "root/media/part": 0o640,
        "root/log": 0o640,
        "root/state": 0o750,
        "root/state/locks": 0o750,
        "root/state/locks/tokens.lock": 0o640,
        "root/state/tokens.json": 0o600,
    }


def test_the_group_of_a_folder_is_still_inherited_under_a_file_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o2770)
    Files(tmp_path / "shared", 0o660).replace_bytes("lake/a", b"x")
    assert modes(tmp_path / "shared") == {"lake": 0o2770, "lake/a": 0o660}


def test_the_umask_is_honoured(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files = Files(tmp_path)
        files.replace_bytes("lake/a", b"x")
        with files.replacement("lake/b") as path:
            path.write_bytes(b"x")
        with LocalState(files).lock("day"):
            pass
    finally:
        os.umask(before)
    for name in ("lake/a", "lake/b", "state/locks/day.lock"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
