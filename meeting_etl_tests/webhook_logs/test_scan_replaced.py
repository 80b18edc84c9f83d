"""Logs that are truncated, replaced, gone or back again."""

import os
import shutil
from pathlib import Path

import pytest

from meeting_etl.webhook_logs.logs import LogToRead
from meeting_etl_tests.webhook_logs.folders import Follower, append
from meeting_etl_tests.webhook_logs.scanning import A, B, data_by_log, where


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


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
