"""The report about some days and about one meeting: its figures, worked out by hand."""

import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from meeting_etl_tests.report.page_reader import Page
from meeting_etl_tests.report.reported import MEETING, NASTY, ROWS, report
from meeting_etl_tests.views.lakes import ask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    ask(made, ROWS, "SELECT 1")
    return made


@pytest.fixture(scope="module")
def about_days(folder: Path) -> Page:
    done = report(folder, "--from", "2026-03-01", "--to", "2026-03-31")
    path = folder / "reports/2026-03-01_2026-03-31.html"
    assert (done.returncode, done.stderr) == (0, f"Report: {path}\n")
    return Page(path)


@pytest.fixture(scope="module")
def about_meeting(folder: Path) -> Page:
    done = report(folder, "--meeting", "m", "-o", str(folder / "m.html"))
    assert done.returncode == 0, done.stderr
    return Page(folder / "m.html")


def test_figures_of_some_days(about_days: Page) -> None:
    # Ana an hour, Bo a quarter, one guest half an hour, the other a quarter.
    assert about_days.data["activity"] == [
        {
            "day": "2026-03-02",
            "kind": "with external",
            "meetings": 1,
            "attended_hours": 2.0,
        }
    ]
    # Ana spoke 60 + 9 + 10 of 109 seconds: 72 %.
    assert about_days.data["talk_balance"] == [
        {"percent_from": 70, "percent_to": 80, "meetings": 1}
    ]
    (account,) = about_days.data["accounts"]
    assert account == {
        "domain": "customer.example",
        "meetings": 1,
        "attended_hours": 0.3,
        "talk_minutes": 0.5,
    }
    (coverage,) = about_days.data["coverage"]
    assert (coverage["resource"], coverage["share_here"], coverage["waiting"]) == (
        "recordings",
        0.0,
        1,
    )
    assert "No series took place more than once." in about_days.text
    assert about_days.pictures == 4


def test_who_was_in_a_meeting_in_its_own_time(about_meeting: Page) -> None:
    assert about_meeting.data["attendance"] == [
        stay("Ana", "internal", "11:00", "12:00", 60.0),
        stay("Guest (guest:g1)", "unknown", "11:00", "11:30", 30.0),
        stay("Bo", "external", "11:10", "11:25", 15.0),
        stay("Guest (guest:g2)", "unknown", "11:30", "11:45", 15.0),
    ]


def stay(person: str, side: str, start: str, end: str, minutes: float) -> dict[str, Any]:
    return {
        "person": person,
        "side": side,
        "from": f"2026-03-02T{start}:00Z",
        "to": f"2026-03-02T{end}:00Z",
        "minutes": minutes,
    }


def test_who_spoke_when(about_meeting: Page) -> None:
    bars = [
        (row["speaker"], row["from"][11:19], row["to"][11:19], row["seconds"])
        for row in about_meeting.data["speech"]
    ]
    assert bars == [
        ("Ana", "11:00:00", "11:01:10", 70.0),
        ("Ana", "11:01:40", "11:01:50", 10.0),
        ("Bo", "11:01:50", "11:02:20", 30.0),
    ]
    assert [(row["speaker"], row["minutes"]) for row in about_meeting.data["talk"]] == [
        ("Ana", 1.3),
        ("Bo", 0.5),
    ]


def test_the_query_of_a_chart_gives_its_figures_as_it_is(
    folder: Path, about_days: Page, about_meeting: Page
) -> None:
    """In the plain client."""
    with duckdb.connect(folder / "meetings.duckdb", read_only=True) as connection:
        for page, name in ((about_days, "accounts"), (about_meeting, "talk")):
            relation = connection.sql(page.queries[name])
            rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
            assert rows == page.data[name]


def test_whatever_a_title_is_the_page_runs_only_its_own_scripts_and_asks_for_nothing(
    about_days: Page, about_meeting: Page
) -> None:
    assert about_meeting.text.count(NASTY) == 2  # the title and the heading
    for page in (about_days, about_meeting):
        assert page.scripts == len(page.data) + 2
        assert page.addresses == []
        assert "content=\"default-src 'none';" in page.path.read_text()


def test_what_was_said_is_in_no_report(about_days: Page, about_meeting: Page) -> None:
    for page in (about_days, about_meeting):
        assert "in confidence" not in page.path.read_text()


def test_a_folder_without_meetings_has_a_report_that_says_so(tmp_path: Path) -> None:
    ask(tmp_path, {}, "SELECT 1")
    assert report(tmp_path).returncode == 0
    page = Page(tmp_path / "reports/latest.html")
    assert "No meetings ended on these days." in page.text
    assert (page.pictures, page.data) == (0, {})


def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    done = report(folder)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: Reports need the package vl-convert-python: pip install 'meeting_etl[report]'.\n",
    )
    assert not (folder / "reports/latest.html").exists()


def test_a_blank_title_is_none(tmp_path: Path) -> None:
    ask(tmp_path, {"meetings": [MEETING | {"title": " \t "}]}, "SELECT 1")
    assert report(tmp_path, "--meeting", "m", "-o", str(tmp_path / "m.html")).returncode == 0
    page = Page(tmp_path / "m.html")
    assert page.text.count("Meeting without title") == 2  # the title and the heading


def test_times_without_a_known_zone_are_those_of_utc(tmp_path: Path) -> None:
    ask(tmp_path, ROWS | {"meetings": [MEETING | {"timezone": "Mars/Phobos"}]}, "SELECT 1")
    assert report(tmp_path, "--meeting", "m", "-o", str(tmp_path / "m.html")).returncode == 0
    page = Page(tmp_path / "m.html")
    assert page.data["attendance"][0]["from"] == "2026-03-02T10:00:00Z"
    assert "of UTC where that is unknown" in page.text


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("/dev/null", "is not a file that can be replaced"),
        ("", "is not a file that can be replaced"),
        ("no/such/folder/x.html", "There is no folder"),
    ],
)
def test_where_no_report_can_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = report(folder, "-o", output)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--meeting", "nobody"], "There is no meeting nobody."),
        (["--meeting", "m", "--from", "2026-03-01"], "Give --meeting or days, not both."),
        (["--from", "2026-03-09", "--to", "2026-03-01"], "is after --to"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(
    folder: Path, arguments: list[str], sentence: str
) -> None:
    done = report(folder, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_without_person_metrics_there_is_no_report_of_a_meeting(
    folder: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[analytics]\nperson_metrics = false\n")
    done = report(folder, "--meeting", "m", MEETING_ETL_SETTINGS=str(settings))
    assert done.returncode == 2
    assert "`person_metrics = false`" in done.stderr
