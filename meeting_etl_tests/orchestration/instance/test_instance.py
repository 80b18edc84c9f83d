"""The Dagster instance: created once, completely, or reported as damaged."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import check_instance, dagster_home, open_instance

_OPEN = (
    "import sys; from pathlib import Path; "
    "from meeting_etl.orchestration.instance.instance import open_instance; "
    "open_instance(Path(sys.argv[1])).dispose()"
)


def heads(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    connection.close()
    return int(count)


def test_a_half_created_instance_is_one_sentence_that_says_what_to_move(
    tmp_path: Path,
) -> None:
    home = dagster_home(Files(tmp_path), None)
    open_instance(home).dispose()
    with sqlite3.connect(home / "history/runs.db") as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")
    connection.close()
    with pytest.raises(StorageError, match="half created; move its folders history and schedules"):
        open_instance(home)


@pytest.mark.slow
def test_processes_can_create_an_instance_concurrently(tmp_path: Path) -> None:
    home = dagster_home(Files(tmp_path), None)
    openers = [subprocess.Popen([sys.executable, "-c", _OPEN, str(home)]) for _ in range(4)]
    assert [opener.wait() for opener in openers] == [0, 0, 0, 0]
    for name in ("history/runs.db", "history/runs/index.db", "schedules/schedules.db"):
        assert heads(home / name) == 1


@pytest.mark.parametrize("name", ["a?b", "a*b", "b[1]", "a%20b", "it's] a#b=c & d"])
def test_the_folder_of_an_instance_can_have_any_name(tmp_path: Path, name: str) -> None:
    """Dagster takes paths for patterns and URLs: it would write its databases beside the folder."""
    home = dagster_home(Files(tmp_path / name), None)
    with open_instance(home) as instance:
        assert instance.telemetry_enabled is False
        assert instance.get_runs() == []
    assert (home / "history/runs.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    check_instance(home)


def test_an_error_names_the_folder_and_not_a_link_to_it(tmp_path: Path) -> None:
    home = dagster_home(Files(tmp_path / "b[1]"), None)
    open_instance(home).dispose()
    (home / "history/runs.db").write_bytes(b"no database")
    with pytest.raises(StorageError, match=re.escape(f"the Dagster instance in {home}: ")):
        open_instance(home)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not YAML"),
        (b"\xff", "is not YAML"),
        (b"[]", "is not a mapping"),
        (b"nonsense: 1", 'unexpected config entry "nonsense"'),
        (b"run_monitoring: {enabled: 774411}", "at path root:run_monitoring:enabled; correct it."),
    ],
)
def test_a_wrong_dagster_yaml_is_one_sentence_that_names_it(
    tmp_path: Path, content: bytes, said: str
) -> None:
    home = dagster_home(Files(tmp_path), None)
    (home / "dagster.yaml").write_bytes(content)
    for opening in (open_instance, check_instance):
        with pytest.raises(SettingsError) as caught:
            opening(home)
        sentence = str(caught.value)
        assert sentence.startswith(str(home / "dagster.yaml"))
        assert said in sentence
        assert "\n" not in sentence
        assert "774411" not in sentence  # a value may be a password
