"""Other programs read the tables of a bucket while days are replaced: no error, no mixed day."""

import json
import os
import subprocess
import venv
from datetime import date
from pathlib import Path

import pytest

from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import MEETINGS
from meeting_etl_tests.cluster import bucket_reader
from meeting_etl_tests.cluster.bucket_reader import rows_of
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.lake.test_delta_tables import lake_of, meetings

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
DAYS = (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4))
SECONDS = 20
# As docs/object-storage.md has them.
PACKAGES = (
    "duckdb==1.5.5",
    "duckdb-extension-httpfs==1.5.5",
    "duckdb-extension-delta==1.5.5",
    "polars",
    "deltalake",
    "pyarrow",
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a second environment."""
    folder = tmp_path_factory.mktemp("readers")
    venv.create(folder, with_pip=True)
    made = subprocess.run(
        [folder / "bin/pip", "install", "--quiet", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"No package index here: {made.stderr[-200:]}")
    return folder / "bin/python"


def write(lake: Lake, day: date, version: int) -> None:
    """Replace a day, in two parts."""
    count = rows_of(version)
    ids = [f"m{number}" for number in range(count)]
    parts = (ids[: count // 3], ids[count // 3 :])
    lake.tables.parts(MEETINGS, day)
    lake.tables.commit(
        MEETINGS, day, [(n, meetings(*part, title=str(version))) for n, part in enumerate(parts)]
    )


def test_readers_see_one_version_of_each_day(
    python: Path, tmp_path: Path, s3: dict[str, str]
) -> None:
    lake, url = lake_of(tmp_path), f"{url_of(tmp_path)}/lake/meetings"
    for day in DAYS:
        write(lake, day, 0)
    version = 0
    with subprocess.Popen(
        [python, bucket_reader.__file__, url, str(SECONDS)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **s3},
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        while reader.poll() is None:
            version += 1
            write(lake, DAYS[version % len(DAYS)], version)
        found: bucket_reader.Found = json.loads(reader.stdout.read())
    print(f"{version} days replaced in {SECONDS} s;", found)
    assert version > 3 * len(DAYS)
    for name, (count, wrong) in found.items():
        assert wrong == [], name
        assert count >= bucket_reader.LEAST, name
