"""The index finds every mention once, wherever it lies, at the cost of one small file."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import TAIL_MENTIONS, MeetingIndex, Mention
from meeting_etl_tests.faulty_files import FaultyFiles

DAY, LATER = date(2026, 3, 2), date(2026, 3, 3)
ONE = Mention("one", DAY, DAY)


def many(first: int, count: int = TAIL_MENTIONS) -> list[Mention]:
    return [Mention(f"{number:032x}", DAY, DAY) for number in range(first, first + count)]


def written(files: Files) -> dict[str, int]:
    """The files of the index and when they were written."""
    folder = files.path("lake/meeting_index")
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def index(files: Files) -> MeetingIndex:
    return MeetingIndex(Lake(files))


def test_what_is_new_costs_one_file(index: MeetingIndex, files: Files) -> None:
    assert index.add([ONE, *many(0, 20)]) == {}
    assert list(written(files)) == ["shard=tail"]
    assert index.find(["one", "none"]) == {"one": [ONE]}


def test_what_is_known_is_told_and_costs_no_write(index: MeetingIndex, files: Files) -> None:
    index.add([ONE])
    before = written(files)
    assert index.add([ONE]) == {"one": [ONE]}
    assert written(files) == before
    assert index.add([Mention("one", LATER, None)]) == {"one": [ONE]}
    assert sorted(index.find(["one"])["one"]) == sorted([ONE, Mention("one", LATER, None)])


def test_a_full_tail_is_spread_over_the_shards(index: MeetingIndex, files: Files) -> None:
    index.add([ONE])
    index.add(many(0))
    assert len(written(files)) == 65
    before = written(files)
    index.add([Mention("two", LATER, LATER), ONE, *many(0, 20)])
    assert {name for name, at in written(files).items() if before[name] != at} == {"shard=tail"}
    assert index.find(["one"]) == {"one": [ONE]}
    ended = index.ended_on([DAY, LATER])
    assert (len(ended[DAY]), ended[LATER]) == (TAIL_MENTIONS + 1, {"two"})


@pytest.mark.slow
def test_a_spread_that_fails_anywhere_loses_nothing_and_tells_nothing_twice(
    tmp_path: Path,
) -> None:
    for number in (0, 30, 64, 65):
        files = FaultyFiles(tmp_path / str(number), fails_at=number + 1, late=True)
        index = MeetingIndex(Lake(files))
        index.add([ONE])
        failed = False
        try:
            index.add(many(0))
        except StorageError:
            failed = True
        assert failed == (number < 65)
        assert index.find(["one"]) == {"one": [ONE]}
        again = MeetingIndex(Lake(Files(files.root)))
        again.add(many(0))
        wanted = [ONE, *many(0)]
        assert again.find([mention.meeting_id for mention in wanted]) == {
            mention.meeting_id: [mention] for mention in wanted
        }


class Watched(Files):
    """After each file that is put in place, what was known is found."""

    seen = 0

    @contextmanager
    def replacement(self, name: str, *, secret: bool = False) -> Iterator[Path]:
        with super().replacement(name, secret=secret) as path:
            yield path
        found = MeetingIndex(Lake(Files(self.root))).find(["one"])
        assert found == {"one": [ONE]}, name
        self.seen += 1


def test_a_known_mention_is_found_at_every_moment_of_a_spread(tmp_path: Path) -> None:
    files = Watched(tmp_path)
    index = MeetingIndex(Lake(files))
    index.add([ONE])
    index.add(many(0))
    assert files.seen == 1 + 64 + 1


class Spreading(Lake):
    """After the first read somebody else spreads the tail."""

    spread = False

    def read(self, *arguments: Any, **more: Any) -> pa.Table:
        rows = super().read(*arguments, **more)
        if not self.spread:
            self.spread = True
            MeetingIndex(Lake(self.files)).add(many(0))
        return rows


@pytest.mark.parametrize("how", ["find", "ended_on"])
def test_a_spread_between_two_reads_hides_nothing(
    index: MeetingIndex, files: Files, how: str
) -> None:
    index.add(many(50_000, TAIL_MENTIONS + 1))
    first = Mention("one19", DAY, DAY)  # its shard is the first one, 00
    index.add([first])
    reading = MeetingIndex(Spreading(files))
    if how == "find":
        assert reading.find(["one19"]) == {"one19": [first]}
    else:
        assert "one19" in reading.ended_on([DAY])[DAY]


@pytest.mark.parametrize("shard", ["tail", "00"])
def test_a_damaged_file_makes_the_index_incomplete(
    index: MeetingIndex, files: Files, shard: str
) -> None:
    index.rebuild_if_incomplete()
    index.add(many(0))
    index.add([ONE])
    files.path(f"lake/meeting_index/shard={shard}/part-0.parquet").write_bytes(b"torn")
    with pytest.raises(StorageError, match="Run again"):
        index.add([mention._replace(date=LATER) for mention in many(0)])
    assert not index.is_complete()
    index.rebuild_if_incomplete()
    assert index.is_complete()
    assert index.find(["one"]) == {}  # no event tells of it here
