"""The quick look finds what the full one would, but for logs that were finished long ago."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from meeting_etl_tests.webhook_logs.folders import Follower, append, compress

HOUR_SECONDS = 3600
NOW_SECONDS = 1_800_000_000


def written(path: Path, content: bytes, *, hours_ago: float) -> Path:
    """A file that was written to at that time last."""
    append(path, content)
    moment = NOW_SECONDS - hours_ago * HOUR_SECONDS
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    """Three logs that were read: of this hour, of yesterday, and of five days ago."""
    for number, hours_ago in enumerate((0, 24, 120)):
        written(tmp_path / f"{number}/x.jsonl", b"{%d}\n" % number, hours_ago=hours_ago)
    follower = Follower(tmp_path)
    assert follower.may_have_new_lines()
    assert len(follower.catch_up()) == 3
    return follower


def test_a_folder_in_which_nothing_happened_has_no_news(follower: Follower) -> None:
    assert not follower.may_have_new_lines()


def grow_now(folder: Path) -> None:
    written(folder / "0/x.jsonl", b"{new}\n", hours_ago=0)


def grow_since_yesterday(folder: Path) -> None:
    written(folder / "1/x.jsonl", b"{new}\n", hours_ago=0)


def begin_one(folder: Path) -> None:
    written(folder / "3/x.jsonl", b"{new}\n", hours_ago=100)


def move_an_old_one(folder: Path) -> None:
    shutil.move(folder / "2/x.jsonl", folder / "2/y.jsonl")


def compress_an_old_one(folder: Path) -> None:
    compress(folder / "2/x.jsonl")


def replace_the_newest(folder: Path) -> None:
    (folder / "0/x.jsonl").unlink()
    written(folder / "0/x.jsonl", b"{new}\n", hours_ago=0)


CHANGES: list[Callable[[Path], None]] = [
    grow_now,
    grow_since_yesterday,
    begin_one,
    move_an_old_one,
    compress_an_old_one,
    replace_the_newest,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_changed_is_news_until_it_is_read(
    follower: Follower, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    change(tmp_path)
    assert follower.may_have_new_lines()
    assert len(follower.scan()) == 1
    follower.catch_up()
    assert not follower.may_have_new_lines()


def test_a_log_whose_reading_was_broken_off_is_news_however_old_it_is(
    follower: Follower, tmp_path: Path
) -> None:
    written(tmp_path / "2/x.jsonl", b"{a}\n{b}\n", hours_ago=110)
    follower.catch_up(at_most=1)
    [log] = [log for log in follower.known.values() if log.log_file == "2/x.jsonl"]
    follower.known[log.log_id] = log._replace(size=0, mtime=0)
    assert follower.may_have_new_lines()


def test_what_is_written_to_a_log_of_long_ago_is_left_to_the_full_look(
    follower: Follower, tmp_path: Path
) -> None:
    written(tmp_path / "2/x.jsonl", b"{late}\n", hours_ago=0)
    assert not follower.may_have_new_lines()
    assert follower.new_data() == [b"{late}"]


def test_a_file_that_is_gone_is_no_news(follower: Follower, tmp_path: Path) -> None:
    (tmp_path / "0/x.jsonl").unlink()
    assert not follower.may_have_new_lines()
    assert follower.scan() == []


def test_what_is_of_no_use_is_looked_at_once_and_again_when_it_changes(
    follower: Follower, tmp_path: Path
) -> None:
    unfinished = written(tmp_path / "u.jsonl", b"{no newline", hours_ago=0)
    packed = written(tmp_path / "0/x.jsonl.gz", b"kept beside it", hours_ago=0)
    (tmp_path / "dead.jsonl").symlink_to("nowhere")
    (tmp_path / "again.jsonl").symlink_to(tmp_path / "0/x.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    assert follower.may_have_new_lines()
    assert follower.scan() == []
    assert not follower.may_have_new_lines()
    written(packed, b"!", hours_ago=0)
    assert follower.may_have_new_lines()
    assert follower.scan() == []
    assert not follower.may_have_new_lines()
    written(unfinished, b"}\n", hours_ago=0)
    assert follower.may_have_new_lines()
    assert [seen.log_file for seen in follower.scan()] == ["u.jsonl"]


def test_a_link_to_nothing_that_becomes_a_log_is_news(follower: Follower, tmp_path: Path) -> None:
    (tmp_path / "dead.jsonl").symlink_to(tmp_path / "later")
    assert follower.scan() == []
    assert not follower.may_have_new_lines()
    written(tmp_path / "later", b"{l}\n", hours_ago=0)
    assert follower.may_have_new_lines()
    assert [seen.log_file for seen in follower.scan()] == ["dead.jsonl"]
