"""The settings file: what is wrong is named with file, section, key, bound and value."""

from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.resources.download_policy import DownloadPolicy
from meeting_etl.pipeline.resources.recording_files import LINKS
from meeting_etl.pipeline.resources.transcript_files import FORMATS
from meeting_etl.settings import read_settings
from meeting_etl.settings.toml_file import Downloads, read_toml_file


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[fetch]\nthreads = 300", "[fetch] threads must be at most 256, but is 300."),
        ("[fetch]\nthreads = 0", "[fetch] threads must be at least 1, but is 0."),
        ("[fetch]\nthreads = true", "[fetch] threads must be a whole number, but is true."),
        ("[fetch]\nwindows = 'no'", "[fetch] windows must be true or false, but is 'no'."),
        (
            "[fetch]\nthread = 3",
            "unknown key thread in [fetch]; expected one of threads, windows, summaries, invitees.",
        ),
        (
            "[fetsh]\na = 1",
            (
                "unknown section [fetsh]; expected one of fetch, privacy, downloads, settling, "
                "reconcile, checks, alerts, retention, analytics, ingest, partitions, auto_record, "
                "accounts."
            ),
        ),
        ("fetch = 3", "fetch must be a section: [fetch]."),
        (
            "[downloads]\nrecordings = ['film']",
            (
                "[downloads] recordings: each entry must be one of video, audio, transcript, but "
                "one is 'film'."
            ),
        ),
        (
            "[privacy]\nfile_mode = 640",
            "[privacy] file_mode must be a text in quotes, but is 640.",
        ),
        (
            "[privacy]\nfile_mode = '648'",
            "[privacy] file_mode must be octal digits, as in '0640', but is '648'.",
        ),
        (
            "[privacy]\nfile_mode = '0440'",
            "[privacy] file_mode must let the owner read and write, but is '0440'.",
        ),
        (
            "[privacy]\nfile_mode = '0666'",
            "[privacy] file_mode must not let everybody write, but is '0666'.",
        ),
        (
            "[privacy]\nfile_mode = '0750'",
            ("[privacy] file_mode must not have execute bits (folders get theirs), but is '0750'."),
        ),
        ("[downloads]\nat_once = 65", "[downloads] at_once must be at most 64, but is 65."),
        ("[downloads]\nruns = 0", "[downloads] runs must be at least 1, but is 0."),
        (
            "[settling]\nafter_end_seconds = [900, -1]",
            "[settling] after_end_seconds: each entry must be at least 0, but one is -1.",
        ),
        (
            "[settling]\nafter_end_seconds = []",
            "[settling] after_end_seconds must be a list that is not empty, but is [].",
        ),
        (
            "[settling]\nafter_end_seconds = [3600, 900]",
            "[settling] after_end_seconds must be in rising order, but is [3600, 900].",
        ),
        (
            "[reconcile]\nmost_missed_share = 1.5",
            "[reconcile] most_missed_share must be at most 1, but is 1.5.",
        ),
        (
            "[retention]\ndagster_runs = 30",
            "[retention] dagster_runs must be a text in quotes, but is 30.",
        ),
        (
            "[privacy]\npreset = 'pseudonymos'",
            "[privacy] preset must be one of none, pseudonymous, minimal, but is 'pseudonymos'.",
        ),
        (
            "[privacy.columns]\ntitle = 'delete'",
            "[privacy.columns] title must be one of keep, hash, drop, but is 'delete'.",
        ),
        (
            "[privacy.columns]\nbreakout_sessions.name = 'drop'",
            (
                "[privacy.columns] breakout_sessions: a name with a dot needs quotes, as in "
                '"breakout_sessions.name" = ….'
            ),
        ),
        (
            "[privacy]\ncolumns = 'drop'",
            "[privacy] columns must be a table of its own, as in [privacy.columns], but is 'drop'.",
        ),
        (
            "[partitions]\nfirst_day = 'May'",
            "[partitions] first_day must be a date, as in 2026-01-31, but is 'May'.",
        ),
        (
            "[partitions]\nfirst_day = 2014-12-31",
            "[partitions] first_day must be at least 2015-01-01, but is 2014-12-31.",
        ),
        (
            "[auto_record]\nhosts = 'hana@team.example'",
            "[auto_record] hosts must be a list in square brackets, but is 'hana@team.example'.",
        ),
    ],
)
def test_an_error_names_file_section_key_bound_and_value(
    tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as refused:
        read_toml_file(str(file))
    assert str(refused.value) == f"{file}: {sentence}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MEETING_ETL_SETTINGS: .*missing.toml: No such file"):
        read_toml_file(str(tmp_path / "missing.toml"))
    file = tmp_path / "settings.toml"
    file.write_bytes("titles = 'Café'".encode("latin-1"))
    with pytest.raises(SettingsError) as refused:
        read_toml_file(str(file))
    assert str(refused.value) == (
        f"MEETING_ETL_SETTINGS: cannot read {file}: it is not UTF-8 text."
    )


def test_a_byte_order_mark_of_an_editor_is_no_part_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[fetch]\nthreads = 3\n", encoding="utf-8-sig")
    assert read_toml_file(str(file)).fetch.threads == 3


def test_defaults_and_choices_are_those_of_what_they_configure() -> None:
    settings = read_settings({})
    assert settings.downloads == DownloadPolicy()
    assert settings.settling == AttemptSchedule()
    choices = {
        name: get_args(get_args(get_type_hints(Downloads)[name])[0])
        for name in ("recordings", "transcripts")
    }
    assert choices == {"recordings": tuple(LINKS), "transcripts": FORMATS}


def test_lists_are_stripped_and_in_one_order(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '[downloads]\nrecordings = ["audio", "video", "audio"]\n'
        '[auto_record]\nhosts = [" *@team.example "]\n'
        '[analytics]\ninternal_domains = [" Team.Example"]\n'
    )
    settings = read_settings({"MEETING_ETL_SETTINGS": str(file)})
    assert settings.downloads.kinds == ("video", "audio")
    assert settings.auto_record.hosts == ("*@team.example",)
    assert settings.analytics.internal_domains == ("team.example",)
