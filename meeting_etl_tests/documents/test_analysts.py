"""The questions of docs/analysts.md have the answers that stand there, wherever they are asked."""

from pathlib import Path

import pytest

from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.lake.lake import Lake
from meeting_etl_tests.documents.analysts import answers, examples, make_lake


def test_fifteen_questions_take_six_lines_at_most() -> None:
    assert len(examples()) == 15
    for sql, answer in examples():
        assert len(sql.splitlines()) <= 6
        assert answer.count("\n") >= 2, f"no answer below:\n{sql}"


def test_they_can_be_asked_before_there_is_data(tmp_path: Path) -> None:
    files = Files(tmp_path)
    catalog.publish(files, Lake(files))
    for sql, answer in examples():
        names, _ = catalog.query(tmp_path, sql)
        assert answer.startswith(f"| {' | '.join(names)} |")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("analysts")
    make_lake(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("time_zone", ["UTC", "America/Los_Angeles"])
def test_they_have_the_answers_that_stand_there(lake: Path, time_zone: str) -> None:
    queries, expected = zip(*examples(), strict=True)
    assert answers(lake, list(queries), time_zone) == list(expected)
