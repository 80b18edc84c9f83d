"""The key stays the same, or nothing is written: nobody gets a second pseudonym."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.privacy.policy import policy_of
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.state import LocalState

OWN, OTHER = "a key of our own", "another key of ours"


def pseudonym(folder: Path, key: str | None = None) -> str | None:
    files = Files(folder)
    privacy = Privacy(LocalState(files), policy_of("pseudonymous", {}), key=key, files=files)
    return privacy.treated("email", "ada@sales.example")


@pytest.mark.parametrize("lost", ["state/privacy_key.json", "lake/privacy_key_id.txt"])
def test_another_key_is_refused_though_one_of_its_two_ids_is_lost(
    tmp_path: Path, lost: str
) -> None:
    before = pseudonym(tmp_path, OWN)
    (tmp_path / lost).unlink()
    with pytest.raises(SettingsError, match="is not the key with which this data folder"):
        pseudonym(tmp_path, OTHER)
    assert pseudonym(tmp_path, OWN) == before


def test_a_key_that_is_lost_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    before = pseudonym(tmp_path)
    stored = (tmp_path / "state/privacy_key.json").rename(tmp_path / "backup.json")
    with pytest.raises(SettingsError, match="is missing: restore"):
        pseudonym(tmp_path)
    stored.rename(tmp_path / "state/privacy_key.json")
    assert pseudonym(tmp_path) == before


def test_the_key_itself_is_not_in_the_lake(tmp_path: Path) -> None:
    pseudonym(tmp_path, OWN)
    assert len((tmp_path / "lake/privacy_key_id.txt").read_text().strip()) == 12
    assert OWN not in (tmp_path / "lake/privacy_key_id.txt").read_text()


def test_processes_that_begin_at_once_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: pseudonym(tmp_path), range(40)))) == 1


def test_the_variable_may_come_later_if_it_is_the_same(tmp_path: Path) -> None:
    before = pseudonym(tmp_path)
    with pytest.raises(SettingsError, match="by removing the variable"):
        pseudonym(tmp_path, OWN)
    assert pseudonym(tmp_path) == before
