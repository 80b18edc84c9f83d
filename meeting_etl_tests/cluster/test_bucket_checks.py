"""`doctor` about the bucket that has the tables."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import guide_world
from meeting_etl.times import Clock
from meeting_etl_tests.cluster.s3_server import SECRET, url_of
from meeting_etl_tests.product import Product

pytestmark = pytest.mark.cluster


def checked(folder: Path, webex: Sandbox, environ: dict[str, str]) -> dict[str, tuple[str, str]]:
    """State and sentence of each check of the section, by name."""
    more = {
        **environ,
        "MEETING_ETL_DATA_DIR": url_of(folder),
        "MEETING_ETL_WORK_DIR": str(folder),
    }
    done = Product(folder, webex, more=more).command_process("doctor", "--format", "json")
    assert SECRET not in done.stdout + done.stderr
    return {
        check["name"]: (check["state"], check["found"])
        for check in json.loads(done.stdout)
        if check["section"] == "bucket"
    }


def test_a_bucket_that_fits(tmp_path: Path, s3: dict[str, str]) -> None:
    with Sandbox(guide_world()) as webex:
        found = checked(tmp_path, webex, s3)
    assert {name: state for name, (state, _) in found.items()} == {
        "readable": "ok",
        "writable": "ok",
        "conditional writes": "ok",
        "locks": "warning",  # only this machine may work on it
        "received logs": "skipped",
    }


def test_logs_that_a_receiver_left(tmp_path: Path, s3: dict[str, str]) -> None:
    (tmp_path / "received").mkdir()
    late = tmp_path / "received" / "2026-03-02T11-0123456789abcdef.jsonl"
    late.write_bytes(b"{}\n")
    with Sandbox(guide_world()) as webex:
        state, sentence = checked(tmp_path, webex, s3)["received logs"]
        assert state == "warning"
        assert sentence == f"1 logs of earlier hours in {tmp_path}/received are not shipped."
        late.rename(late.with_name(f"{Clock().now():%Y-%m-%dT%H}-0123456789abcdef.jsonl"))
        assert checked(tmp_path, webex, s3)["received logs"][0] == "ok"


def test_a_bucket_that_cannot_be_used(tmp_path: Path, s3: dict[str, str]) -> None:
    with Sandbox(guide_world()) as webex:
        found = checked(tmp_path, webex, s3 | {"AWS_SECRET_ACCESS_KEY": "another-secret"})
    assert found["writable"][0] == "problem"
    assert found["writable"][1].startswith(f"Cannot write {url_of(tmp_path)}/doctor/")
    assert "403 Forbidden" in found["writable"][1]
    assert found["conditional writes"] == ("skipped", "No object can be written.")


def test_without_its_libraries_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = """
import sys
sys.modules["obstore"] = None
from meeting_etl.cli.main import main
main(["doctor", "--format", "json"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PATH": "/usr/bin:/bin",
            "MEETING_ETL_DATA_DIR": "s3://meetings/etl",
            "MEETING_ETL_WORK_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    (missing,) = json.loads(done.stdout)
    assert (missing["section"], missing["name"], missing["state"]) == (
        "bucket",
        "libraries",
        "problem",
    )
    assert "pip install 'meeting_etl[cluster]'" in missing["found"]
    assert "move" not in missing["todo"]
