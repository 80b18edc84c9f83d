"""A bucket that cannot be used: one sentence that says what to do, and no secret."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from meeting_etl.errors import DamagedFile, StorageError
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import MEETINGS, TABLES
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.cluster.s3_server import READERS_KEY, READERS_SECRET, SECRET, url_of
from meeting_etl_tests.lake.test_delta_tables import lake_of, meetings
from meeting_etl_tests.ports import free_port
from meeting_etl_tests.product import Product

pytestmark = pytest.mark.cluster
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
DAY = date(2026, 3, 2)
WRONG = "a-planted-secret"


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(1, NOW, days=1, meetings=3)


@pytest.fixture
def webex(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, ManualClock(NOW)) as sandbox:
        yield sandbox


def on_bucket(
    folder: Path, webex: Sandbox, s3: dict[str, str], url: str | None = None, **more: str
) -> Product:
    variables = {"MEETING_ETL_DATA_DIR": url or url_of(folder), "MEETING_ETL_WORK_DIR": str(folder)}
    product = Product(
        folder, webex, "admin", clock=ManualClock(NOW), more={**s3, **variables, **more}
    )
    product.write_logs()
    return product


def said_by(product: Product, *command: str) -> tuple[int, str]:
    done = product.command(*command)
    said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert "Traceback" not in said, said
    for secret in (WRONG, SECRET, READERS_SECRET):
        assert secret not in said
    return done.returncode, said


CASES = {
    "wrong key": ({"AWS_SECRET_ACCESS_KEY": WRONG}, "403 Forbidden (SignatureDoesNotMatch)"),
    "unknown key": ({"AWS_ACCESS_KEY_ID": "nobody"}, "403 Forbidden (InvalidAccessKeyId)"),
    "down": ({"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}, "Connection refused"),
    "no such host": ({"AWS_ENDPOINT_URL": "http://nobody.invalid:1"}, "dns error"),
}


@pytest.mark.parametrize(
    "case",
    ["wrong key", "unknown key", "down", pytest.param("no such host", marks=pytest.mark.slow)],
)
def test_commands_say_why_a_bucket_cannot_be_used(
    case: str, tmp_path: Path, webex: Sandbox, s3: dict[str, str]
) -> None:
    more, cause = CASES[case]
    product = on_bucket(tmp_path, webex, s3, **more)
    for command in (["run"], ["status"], ["sql", "FROM meetings"], ["migrate"], ["rejected"]):
        status, said = said_by(product, *command)
        assert status == 1, (command, said)
        assert cause in said, command
        assert "Check the bucket, its endpoint and its credentials" in said, command
        assert len(said) < 700, (command, said)
    status, said = said_by(product, "doctor")
    assert status == 1
    assert "bucket readable problem" in said
    assert cause.split(" (")[0] in said


def test_a_bucket_that_does_not_exist_is_no_empty_one(
    tmp_path: Path, webex: Sandbox, s3: dict[str, str]
) -> None:
    """For who may not make one."""
    readers = {"AWS_ACCESS_KEY_ID": READERS_KEY, "AWS_SECRET_ACCESS_KEY": READERS_SECRET}
    product = on_bucket(tmp_path, webex, s3, "s3://nobodys-bucket/etl", **readers)
    for command in (["run"], ["sql", "FROM meetings"], ["doctor"]):
        status, said = said_by(product, *command)
        assert status == 1
        assert "404 Not Found (NoSuchBucket)" in said or "403 Forbidden" in said, said


def test_who_may_only_read_can_ask_but_not_run(
    tmp_path: Path, webex: Sandbox, s3: dict[str, str]
) -> None:
    assert on_bucket(tmp_path, webex, s3).run().failures == []
    readers = {"AWS_ACCESS_KEY_ID": READERS_KEY, "AWS_SECRET_ACCESS_KEY": READERS_SECRET}
    product = on_bucket(tmp_path, webex, s3, **readers)
    assert said_by(product, "sql", "SELECT count(*) FROM meetings")[0] == 0
    assert said_by(product, "status")[0] == 0
    status, said = said_by(product, "run", "--refetch", "--from", "2026-03-01")
    assert status == 1
    assert "Cannot write s3://" in said
    assert "403 Forbidden (AccessDenied)" in said
    _, said = said_by(product, "doctor")
    assert "readable ok" in said
    assert "writable problem" in said


@pytest.mark.parametrize(
    "url",
    [
        f"s3://me:{WRONG}@bucket/etl",
        f"s3://me:{WRONG}/x@bucket/etl",
        f"s3://bucket/etl?key={WRONG}",
        "s3://",
        "s3:///etl",
        "s3://bucket//etl",
        "s3://bucket/../etl",
        "s3://bucket/a b",
        "s3://bucket/a%20b",
        "ftp://bucket/etl",
        "hdfs://bucket/etl",
    ],
)
def test_what_is_no_url_of_a_bucket_is_a_wrong_setting(
    url: str, tmp_path: Path, webex: Sandbox
) -> None:
    product = on_bucket(tmp_path, webex, {}, url)
    for command in (["status"], ["run"]):
        status, said = said_by(product, *command)
        assert status == 2
        assert (
            "must be a folder or the URL of a folder in a bucket, such as s3://bucket/etl" in said
        )


@pytest.mark.parametrize(
    ("url", "more", "sentence"),
    [
        ("s3://bucket/etl", {"AWS_ENDPOINT_URL": "s3.team.example"}, "AWS_ENDPOINT_URL must be an"),
        ("s3://bucket/etl", {"AWS_ENDPOINT_URL": ""}, "AWS_ENDPOINT_URL must be an"),
        ("s3://bucket/etl", {"AWS_ENDPOINT_URL": "127.0.0.1:9000"}, "AWS_ENDPOINT_URL must be an"),
        ("az://container/etl", {}, "cannot be used: Generic MicrosoftAzure error: Account must be"),
    ],
)
def test_what_the_provider_needs_is_a_setting_too(
    url: str, more: dict[str, str], sentence: str, tmp_path: Path, webex: Sandbox
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    product = on_bucket(tmp_path, webex, keys, url, **more)
    status, said = said_by(product, "status")
    assert status == 2
    assert sentence in said
    # The library, which reads the variables of its process, would end it.
    done = product.command_process("doctor")
    assert sentence in " ".join(done.stdout.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["s3://meetings", "s3://meetings/", "s3://meetings/of.team=a/"])
def test_a_whole_bucket_and_a_slash_at_the_end_are_fine(
    form: str, tmp_path: Path, s3: dict[str, str]
) -> None:
    files = ObjectFiles(form)
    files.replace_bytes(f"{tmp_path.name}/a=b", b"1")
    assert files.names(tmp_path.name) == ["a=b"]
    assert files.where("x") == f"{form.rstrip('/')}/x"


@pytest.mark.parametrize("library", ["obstore", "deltalake"])
@pytest.mark.parametrize("command", ["status", "doctor", "run"])
def test_without_the_libraries_the_sentence_says_what_to_install(
    library: str, command: str, tmp_path: Path
) -> None:
    script = f"""
import sys
sys.modules["{library}"] = None
from meeting_etl.cli.main import main
main(["{command}"])
"""
    environ = {
        "PATH": "/usr/bin:/bin",
        "MEETING_ETL_DATA_DIR": "s3://bucket/etl",
        "MEETING_ETL_WORK_DIR": str(tmp_path),
        "WEBEX_ACCESS_TOKEN": "token-of-nobody",
        "WEBEX_BASE_URL": "http://127.0.0.1:1/v1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if command == "doctor" else 2), done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    assert "pip install 'meeting_etl[cluster]'" in said


@pytest.mark.parametrize("damage", ["deleted", "damaged"])
def test_a_file_that_is_lost_or_damaged_is_named_with_what_to_do(
    damage: str, tmp_path: Path, s3: dict[str, str]
) -> None:
    lake = lake_of(tmp_path)
    lake.merge(MEETINGS, DAY, meetings("m"))
    lake.merge(MEETINGS, date(2026, 3, 3), meetings("n"))
    files = ObjectFiles(url_of(tmp_path))
    (name,) = (n for n in files.paths("lake/meetings") if str(DAY) in n and "_delta" not in n)
    if damage == "deleted":
        files.remove(name)
    else:
        files.replace_bytes(name, (files.read_bytes(name) or b"")[:100])
    with pytest.raises(DamagedFile, match="Restore it from a version of the bucket") as raised:
        lake_of(tmp_path).merge(MEETINGS, DAY, meetings("o"))
    assert f"Cannot read {files.where(name)}" in str(raised.value)
    assert "remove it and repair the table (docs/object-storage.md)" in str(raised.value)
    assert lake_of(tmp_path).count(MEETINGS, date(2026, 3, 3)) == 1
    files.remove(name)
    repair(files.where("lake/meetings"))
    assert lake_of(tmp_path).merge(MEETINGS, DAY, meetings("o"))
    assert lake_of(tmp_path).read(MEETINGS, DAY)["meeting_id"].to_pylist() == ["o"]


def test_reading_that_the_network_breaks_off_is_no_damage(
    tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_of(tmp_path)
    lake.merge(MEETINGS, DAY, meetings("m"))
    monkeypatch.setattr("meeting_etl.object_storage.object_files._LARGE_BYTES", 0)
    assert lake.read(MEETINGS, DAY).num_rows == 1
    again = lake_of(tmp_path)
    assert again.tables.parts(MEETINGS, DAY) == [0]
    groups = again.tables.read(MEETINGS, DAY, 0, MEETINGS.schema)
    monkeypatch.setattr("obstore.open_reader", _broken_reader)
    with pytest.raises(StorageError, match="Connection reset") as raised:
        list(groups)
    assert not isinstance(raised.value, DamagedFile)


def repair(url: str) -> None:
    """What docs/object-storage.md says."""
    from deltalake import DeltaTable

    DeltaTable(url, storage_options={"allow_http": "true"}).repair()


def _broken_reader(*_: object, **__: object) -> object:
    from obstore.exceptions import GenericError

    class Reader:
        def seek(self, *_: int) -> int:
            return 0

        def tell(self) -> int:
            return 10_000

        def read(self, _: int) -> bytes:
            raise GenericError("Generic S3 error: Connection reset by peer")

    return Reader()


def test_every_table_has_a_remedy_for_the_bucket() -> None:
    from meeting_etl.lake.damage import remedy

    for name in TABLES:
        assert "Move" not in remedy(name, "s3://bucket/etl/lake/x/part-0.parquet")


def test_a_lost_file_of_events_is_read_from_the_logs_again(
    tmp_path: Path, webex: Sandbox, s3: dict[str, str]
) -> None:
    product = on_bucket(tmp_path, webex, s3)
    assert product.run().failures == []
    before = product.etl().lake.count(TABLES["webhook_events"], NOW.date())
    assert before
    files = ObjectFiles(url_of(tmp_path))
    for name in files.paths("lake/webhook_events"):
        if str(NOW.date()) in name:
            files.remove(name)
    for name in files.paths("lake/ingested_logs"):
        files.remove(name)
    repair(files.where("lake/webhook_events"))
    assert product.run().failures == []
    lake = product.etl().lake
    events = lake.read(TABLES["webhook_events"], NOW.date())
    assert events.num_rows == before
