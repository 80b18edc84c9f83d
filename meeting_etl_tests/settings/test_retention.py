"""[retention]: how long data are kept, by table."""

from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings import read_settings


def retention_days(folder: Path, text: str) -> dict[str, int]:
    (folder / "settings.toml").write_text(f"[retention]\n{text}\n")
    settings = read_settings({"MEETING_ETL_SETTINGS": str(folder / "settings.toml")})
    return dict(settings.retention_days)


def test_only_what_is_named_has_an_age(tmp_path: Path) -> None:
    assert retention_days(tmp_path, "") == {}
    text = 'snippets = "90d"\nparticipants = "400d"\nmeetings = "800d"'
    kept = {"snippets": 90, "participants": 400, "meetings": 800}
    assert retention_days(tmp_path, text) == kept
    # Metrics of pruned words stay by default.
    assert retention_days(tmp_path, f"{text}\nkeep_metrics = true") == kept
    assert retention_days(tmp_path, f"{text}\nkeep_metrics = false") == kept | {"metrics": 90}
    assert retention_days(tmp_path, 'keep_metrics = false\nmedia = "30d"') == {"media": 30}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("media = '30'", r"\[retention\] media must be a number of days, as in 30d, but is '30'"),
        ("snippets = 90", r"\[retention\] snippets must be a text in quotes, but is 90"),
        ("events = '0d'", r"\[retention\] events must be a number of days, as in 30d"),
        ("keep_metrics = 1", r"\[retention\] keep_metrics must be true or false, but is 1"),
        ("metrics = '9d'", r"unknown key metrics in \[retention\]; expected one of .*keep_metrics"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        retention_days(tmp_path, text)
