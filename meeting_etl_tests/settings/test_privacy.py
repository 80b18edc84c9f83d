"""Settings of privacy that contradict others, and the key."""

from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings import read_settings


@pytest.mark.parametrize("value", ["a key of our own\n", " a key of our own"])
def test_a_key_with_white_space_around_it_is_refused_unsaid(value: str) -> None:
    with pytest.raises(SettingsError, match="MEETING_ETL_PRIVACY_KEY has white space") as refused:
        read_settings({"MEETING_ETL_PRIVACY_KEY": value})
    assert "a key" not in str(refused.value)


@pytest.mark.parametrize("section", ["downloads", "auto_record"])
def test_hosts_cannot_be_matched_where_their_addresses_are_dropped(
    tmp_path: Path, section: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        '[privacy.columns]\nhost_email = "drop"\n'
        f'[{section}]\nhosts = ["ada@sales.example"]\n'
        + ('recordings = ["video"]\n' if section == "downloads" else "")
    )
    with pytest.raises(SettingsError, match=f"{section}. hosts cannot match"):
        read_settings({"MEETING_ETL_SETTINGS": str(path)})


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ('email = "hash"', "email and person_email"),
        ('person_name = "hash"', "display_name and person_name"),
    ],
)
def test_what_joins_speakers_and_participants_is_treated_alike(
    tmp_path: Path, columns: str, names: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"[privacy.columns]\n{columns}\n")
    with pytest.raises(SettingsError, match=f"keeps one of {names} and hashes the other"):
        read_settings({"MEETING_ETL_SETTINGS": str(path)})
