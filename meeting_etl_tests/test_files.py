import os
import stat
from pathlib import Path

import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files


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


def test_the_temporary_file_is_no_part_of_a_table(tmp_path: Path) -> None:
    with Files(tmp_path).replacement("t/part-0.parquet") as path:
        path.write_bytes(b"x")
        assert path.parent == tmp_path / "t"
        assert list((tmp_path / "t").glob("*.parquet")) == []
        assert list((tmp_path / "t").glob(".*.parquet")) == []


def test_a_secret_file_is_never_readable_by_others(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("state/tokens.json", b"{}", mode=0o600)
    assert stat.S_IMODE((tmp_path / "state/tokens.json").stat().st_mode) == 0o600


def test_a_read_only_folder_is_an_error_that_names_file_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match=r"Cannot write .*blocked/x: .*run again"):
        Files(tmp_path).replace_bytes("blocked/x", b"")


def test_removing_takes_an_empty_folder_along(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("a/x", b"1")
    files.replace_bytes("a/y", b"1")
    files.remove("a/x")
    assert names(tmp_path / "a") == ["y"]
    files.remove("a/y")
    files.remove("a/y")
    assert not (tmp_path / "a").exists()


def test_sweeping_removes_what_killed_writers_left_and_nothing_else(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.replace_bytes("a/x", b"1")
    (tmp_path / "a/.x.0123.tmp").write_bytes(b"torn")
    files.sweep("a")
    files.sweep("never made")
    assert names(tmp_path / "a") == ["x"]


def test_a_lock_is_free_again_when_its_holder_dies(tmp_path: Path) -> None:
    files = Files(tmp_path)
    child = os.fork()
    if child == 0:
        with files.lock("day"):
            os._exit(0)
    os.waitpid(child, 0)
    with files.lock("day"):
        pass


def test_what_is_not_there_reads_as_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path / "not yet")
    assert files.read_bytes("x") is None
    assert files.names("x") == []
    assert files.free_bytes() > 0
