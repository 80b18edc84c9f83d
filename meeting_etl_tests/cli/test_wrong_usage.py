"""Wrong settings and arguments are named, with exit status 2."""

from pathlib import Path

import pytest

from meeting_etl_tests.commands import command


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEBEX_TOKEN_KIND", "root"),
        ("WEBEX_REQUESTS_PER_MINUTE", "many"),
        ("WEBEX_REQUESTS_PER_MINUTE", "-1"),
        ("WEBEX_MAX_WAIT_SECONDS", "nan"),
        ("WEBEX_BASE_URL", "webexapis.com"),
        ("MEETING_ETL_SETTINGS", "/nowhere/settings.toml"),
        ("DAGSTER_HOME", "relative/path"),
    ],
)
def test_a_wrong_setting_names_itself(tmp_path: Path, name: str, value: str) -> None:
    done = command("run", environ={"MEETING_ETL_DATA_DIR": str(tmp_path), name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["report", "-o", "october.pdf"], "october.html"),
        (["report", "-o", "october.xlsx"], "october.html"),
        (["sql", "SELECT 1", "--parquet", "answer.csv"], "answer.parquet"),
        (["sql", "SELECT 1", "--parquet", "answer.json"], "answer.parquet"),
    ],
)
def test_a_file_of_another_form_than_its_name_says_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], right: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*arguments, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert (done.returncode, f"name it {right}" in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[fetch]\nthread = 3", "thread"),
        ("[fetch]\nthreads = 'three'", "threads"),
        ("[fetch]\nthreads = 0", "threads"),
        ("[fetch]\nthreads = true", "threads"),
        ("[settling]\nafter_end_seconds = [3600, 900]", "after_end_seconds"),
        ("[auto_record]\nhosts = 'hana@team.example'", "hosts"),
        ("[auto_record]\nhosts = ['team.example']", "'*@team.example'"),
        ("[auto_record]\nsites = ['https://one.webex.example']", "sites"),
        ("[auto_record]\ntitles = ['']", "titles"),
        ("[auto_record]\ntitles = [1]", "titles"),
        ("[auto_record]\ndry_run = 'yes'", "dry_run"),
        ("[auto_record]\nhost = []", "host"),
        ("[reconcile]\nmost_missed_share = 2.0", "most_missed_share"),
        ("[nonsense]\na = 1", "nonsense"),
        ("[fetch", "settings.toml"),
    ],
)
def test_a_wrong_key_of_the_settings_file_names_itself(
    tmp_path: Path, content: str, named: str
) -> None:
    (tmp_path / "settings.toml").write_text(content)
    environ = {
        "MEETING_ETL_DATA_DIR": str(tmp_path / "data"),
        "MEETING_ETL_SETTINGS": str(tmp_path / "settings.toml"),
    }
    done = command("status", environ=environ)
    assert done.returncode == 2
    assert named in done.stderr


def test_an_empty_data_folder_is_told(tmp_path: Path) -> None:
    for name in ("run", "status"):
        done = command(name, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
        assert "There are no webhook logs" in (done.stdout if name == "status" else done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--from", "yesterday"),
        ("run", "--from", "2026-03-02", "--to", "2026-03-01"),
        ("run", "--refetch"),
        ("run", "--refetch", "--to", "2026-03-01"),
        ("sandbox", "--port", "70000"),
        ("nonsense",),
        ("sandbox", "--world", "moon"),
        ("sql", ""),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("statsu",), "No such command 'statsu'. Did you mean 'status'?"),
        (("moon",), "No such command 'moon'."),
        (("--from", "2026-03-01", "status"), "come after it: meeting-etl COMMAND [OPTIONS]."),
        (("status", "--from", "2999-01-01"), "--from 2999-01-01 is after today in UTC, 20"),
        (("status", "--to", "2014-12-31"), "--to 2014-12-31 is before 2015-01-01, the first day"),
        (("sql", "SELECT", "1"), 'put it in quotes, as "FROM meetings".'),
    ],
)
def test_an_error_suggests_the_right_form(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = command(*arguments, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert (done.returncode, sentence in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Give --older-than DAYS, or set ages in the settings file, as in [retention]"),
        (("--media-only",), "--media-only needs --older-than."),
        (("--dagster",), "--dagster needs --older-than."),
    ],
)
def test_prune_without_an_age_says_what_to_do(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    done = command("prune", *options, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert (done.returncode, sentence in done.stderr) == (2, True)


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "2026-3"])
def test_what_is_no_date_is_told_by_one_that_is(tmp_path: Path, day: str) -> None:
    for name in ("run", "rejected"):
        done = command(name, "--from", day, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
        assert done.returncode == 2
        assert f"'--from': {day!r} is not a date such as 2026-03-31." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("demo", "--minutes", "1.5"), "--minutes needs --live."),
        (("demo", "--live", "--port", "3001"), "--port needs --ui."),
        (
            ("sql", "SELECT 1", "--format", "csv", "--parquet", "one.parquet"),
            "--format and --parquet cannot be combined.",
        ),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*arguments, environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert (done.returncode, sentence in done.stderr) == (2, True)
