"""When a data folder is not moved to a bucket, and who notices that it was."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.files import Files
from meeting_etl.lake.delta_tables import DeltaTables
from meeting_etl.lake.lake import Lake
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.pipeline.to_bucket.contents import contents_of
from meeting_etl.pipeline.to_bucket.copying import Copying
from meeting_etl.schemas import MEETINGS
from meeting_etl.settings import Etl
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.commands import Completed, command

pytestmark = pytest.mark.cluster
DAY = date(2026, 3, 10)
ROW = {"meeting_id": "m", "ended_at": datetime(2026, 3, 10, 9, tzinfo=UTC)}


@pytest.fixture
def etl(s3: dict[str, str], tmp_path: Path) -> Etl:
    """A data folder with one meeting."""
    etl = Etl(environ(tmp_path, s3))
    with etl.lake.lock_days([DAY]):
        etl.lake.merge(MEETINGS, DAY, [ROW])
    etl.files.replace_bytes(f"media/date={DAY}/r.mp4", b"video")
    return etl


def environ(folder: Path, s3: Mapping[str, str]) -> dict[str, str]:
    return {**s3, "MEETING_ETL_DATA_DIR": str(folder), "WEBEX_ACCESS_TOKEN": "t"}


def migrate(folder: Path, s3: Mapping[str, str], to: str, *more: str) -> Completed:
    return command("migrate", "--to", to, "--yes", *more, environ=environ(folder, s3))


def words(done: Completed) -> str:
    return " ".join((done.stdout + done.stderr).split())


def nothing(what: str, done: int, total: int) -> None:
    pass


def test_other_data_in_the_bucket_stay(etl: Etl, s3: dict[str, str], tmp_path: Path) -> None:
    bucket = ObjectFiles(url_of(tmp_path))
    bucket.replace_bytes("reports/of/others.csv", b"theirs")
    done = migrate(tmp_path, s3, bucket.url)
    assert done.returncode == 2
    assert "has other data already: reports/of/others.csv" in words(done)
    assert bucket.paths(".") == ["reports/of/others.csv"]
    assert not (tmp_path / "moved.json").exists()
    bucket.remove("reports/of/others.csv")
    assert migrate(tmp_path, s3, bucket.url).returncode == 0


@pytest.mark.parametrize(
    "to", ["/srv/data", "s3:/meetings/etl", "ftp://meetings/etl", "s3://key:secret@meetings/etl"]
)
def test_what_is_no_bucket_is_one_sentence(tmp_path: Path, to: str) -> None:
    done = migrate(tmp_path, {}, to)
    assert done.returncode == 2
    shown = to.replace("key:secret", "…")
    assert f"--to is {shown}, but must be the URL of a folder in a bucket" in words(done)


def test_a_bucket_is_not_moved(s3: dict[str, str], tmp_path: Path) -> None:
    url = url_of(tmp_path)
    places = {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(tmp_path)}
    for to, sentence in ((url, "is there already"), (f"{url}-2", "--to moves a folder")):
        done = command("migrate", "--to", to, "--yes", environ={**s3, **places})
        assert done.returncode == 2
        assert sentence in words(done)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "plantedsecret"}, "credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "endpoint"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_one_sentence(
    etl: Etl, s3: dict[str, str], tmp_path: Path, wrong: dict[str, str], sentence: str
) -> None:
    done = migrate(tmp_path, {**s3, **wrong}, url_of(tmp_path))
    assert done.returncode == 1
    assert "Cannot read s3://meetings/" in words(done)
    assert sentence in words(done)
    assert "plantedsecret" not in words(done)
    assert not (tmp_path / "moved.json").exists()


@pytest.mark.parametrize("lock", ["ingest", f"day-{DAY}", "erase", "unowned_recordings"])
def test_not_while_something_is_at_work(
    etl: Etl, s3: dict[str, str], tmp_path: Path, lock: str
) -> None:
    with etl.state.lock(lock):
        done = migrate(tmp_path, s3, url_of(tmp_path))
    assert done.returncode == 1
    assert f"holds the lock {lock}." in words(done)
    assert not (tmp_path / "moved.json").exists()
    assert ObjectFiles(url_of(tmp_path)).paths(".") == []


def test_not_while_the_ui_is_served(etl: Etl, s3: dict[str, str], tmp_path: Path) -> None:
    with etl.state.lock("dev"):
        done = migrate(tmp_path, s3, url_of(tmp_path))
    assert done.returncode == 2
    assert f"The Dagster UI of {tmp_path} is running: stop it" in words(done)
    assert not (tmp_path / "moved.json").exists()


def test_whoever_began_before_writes_nothing_afterwards(
    etl: Etl, s3: dict[str, str], tmp_path: Path
) -> None:
    lake = etl.lake
    assert migrate(tmp_path, s3, url_of(tmp_path)).returncode == 0
    for change in (
        lambda: lake.merge(MEETINGS, DAY, [ROW | {"meeting_id": "late"}]),
        lambda: lake.remove(MEETINGS, str(DAY)),
    ):
        with pytest.raises(SettingsError, match="was moved to s3://"), lake.lock_days([DAY]):
            change()
    assert lake.read(MEETINGS, DAY)["meeting_id"].to_pylist() == ["m"]


def test_the_folder_is_used_again_without_its_mark(
    etl: Etl, s3: dict[str, str], tmp_path: Path
) -> None:
    url = url_of(tmp_path)
    assert migrate(tmp_path, s3, url).returncode == 0
    elsewhere = migrate(tmp_path, s3, f"{url}-2")
    assert elsewhere.returncode == 2
    assert f"was moved to {url}. To move it to {url}-2 instead, remove" in words(elsewhere)
    (tmp_path / "moved.json").unlink()
    assert Etl(environ(tmp_path, s3)).lake.count(MEETINGS, DAY) == 1
    assert "has other data already" in words(migrate(tmp_path, s3, url))
    assert migrate(tmp_path, s3, f"{url}-2").returncode == 0


def test_a_dry_run_changes_nothing(etl: Etl, s3: dict[str, str], tmp_path: Path) -> None:
    done = migrate(tmp_path, s3, url_of(tmp_path), "--dry-run")
    assert done.returncode == 0
    assert "To be moved to" in done.stdout
    assert not (tmp_path / "moved.json").exists()
    assert ObjectFiles(url_of(tmp_path)).paths(".") == []


def test_a_damaged_mark_is_one_sentence(etl: Etl, s3: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "moved.json").write_text('{"url": 1')
    done = command("status", environ=environ(tmp_path, s3))
    assert done.returncode == 1
    assert "moved.json is damaged" in words(done)


def test_without_a_terminal_it_must_be_confirmed(s3: dict[str, str], tmp_path: Path) -> None:
    done = command("migrate", "--to", url_of(tmp_path), environ=environ(tmp_path, s3))
    assert done.returncode == 2
    assert "add --yes" in words(done)
    assert not (tmp_path / "moved.json").exists()


@pytest.mark.parametrize("what", ["another row", "a row too many", "no part", "a file", "a note"])
def test_a_difference_is_found(etl: Etl, tmp_path: Path, what: str) -> None:
    etl.files.replace_bytes("lake/pruned.json", b'{"before": "2026-01-01"}')
    bucket = ObjectFiles(url_of(tmp_path))
    copying = Copying(etl.lake, bucket, contents_of(etl.lake, nothing), nothing)
    copying.copy()
    copying.compare()
    there = Lake(bucket, etl.state)
    with there.lock_days([DAY]):
        if what == "another row":
            there.merge(MEETINGS, DAY, [ROW | {"title": "Changed"}])
        elif what == "a row too many":
            there.merge(MEETINGS, DAY, [ROW | {"meeting_id": "n"}])
        elif what == "no part":
            DeltaTables(bucket).remove(MEETINGS, DAY)
        elif what == "a file":
            bucket.replace_bytes(f"media/date={DAY}/r.mp4", b"vide")
        else:
            bucket.replace_bytes("lake/pruned.json", b"{}")
    with pytest.raises(StorageError, match="is not the same in s3://"):
        copying.compare()


def test_a_part_that_was_copied_is_not_uploaded_again(etl: Etl, tmp_path: Path) -> None:
    bucket = ObjectFiles(url_of(tmp_path))
    Copying(etl.lake, bucket, contents_of(etl.lake, nothing), nothing).copy()
    before = bucket.paths(".")
    Copying(etl.lake, bucket, contents_of(etl.lake, nothing), nothing).copy()
    assert bucket.paths(".") == before


def test_an_unfinished_move_is_continued_by_its_folder_alone(
    etl: Etl, s3: dict[str, str], tmp_path: Path
) -> None:
    url = url_of(tmp_path)
    mark = {"move_id": "x", "folder": "/srv/other", "url": url}
    ObjectFiles(url).replace_bytes("moved.json", json.dumps(mark).encode())
    done = migrate(tmp_path, s3, url)
    assert done.returncode == 2
    assert "has other data already: moved.json" in words(done)
    places = {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(tmp_path)}
    refused = command("run", environ={**environ(tmp_path, s3), **places})
    assert "Not all of /srv/other is in" in words(refused)


def test_the_folder_of_a_tenant_is_moved_alone(s3: dict[str, str], tmp_path: Path) -> None:
    file, url, other = tmp_path / "tenants.toml", url_of(tmp_path), tmp_path / "of_globex"
    sections = '[tenants.acme]\nMEETING_ETL_DATA_DIR = "{}"\n{}[tenants.globex]\n'
    sections += f'MEETING_ETL_DATA_DIR = "{other}"\n'
    folder = tmp_path / "of_acme"
    etl = Etl(environ(folder, s3))
    with etl.lake.lock_days([DAY]):
        etl.lake.merge(MEETINGS, DAY, [ROW])
    file.write_text(sections.format(folder, ""))
    variables = {**s3, "MEETING_ETL_TENANTS": str(file), "MEETING_ETL_TENANT": "acme"}
    done = command("migrate", "--to", url, "--yes", environ=variables)
    assert done.returncode == 0, done.stderr
    places = f'MEETING_ETL_DATA_DIR = "{url}" MEETING_ETL_WORK_DIR = "{folder}"'
    assert f"Now set in [tenants.acme], on every machine: {places}" in words(done)
    file.write_text(sections.format(url, f'MEETING_ETL_WORK_DIR = "{folder}"\n'))
    done = command("sql", "--format", "csv", "SELECT meeting_id FROM meetings", environ=variables)
    assert done.stdout.split() == ["meeting_id", "m"]
    assert not other.exists()


def test_the_mark_of_a_folder_is_no_secret(etl: Etl, s3: dict[str, str], tmp_path: Path) -> None:
    assert migrate(tmp_path, s3, url_of(tmp_path)).returncode == 0
    mark = json.loads(Files(tmp_path).read_bytes("moved.json") or b"")
    assert mark.pop("move_id")
    assert mark == {"folder": str(tmp_path), "url": url_of(tmp_path), "is_done": True}
