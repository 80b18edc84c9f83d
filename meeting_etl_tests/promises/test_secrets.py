"""Rule 8: with everything switched on, no secret of any answer is anywhere afterwards."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.lake.data_frame import table
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import SECRET_MARK, Kind, World
from meeting_etl.sandbox.world.worlds import demo_world
from meeting_etl.schemas import TABLES
from meeting_etl_tests.product import Product

# What fails is told in words, and words may quote.
FAULTS = Faults(
    internal_error=0.03,
    html_page=0.03,
    unknown_fields=0.1,
    changed_types=0.05,
    item_errors=0.03,
    broken_media=0.2,
    refused_media=0.1,
    media_bytes=20_000,
    seed=5,
)
EVERYTHING = """
[fetch]
summaries = true
invitees = true
[downloads]
recordings = ["video", "audio", "transcript"]
transcripts = ["vtt", "txt"]
keep_free_bytes = 0
[privacy]
honour_deletes = true
[auto_record]
hosts = ["*@*"]
"""


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(4, datetime.now(UTC) - timedelta(days=1), days=2, meetings=24)


def searched(folder: Path) -> dict[str, str]:
    """Everything that is kept, as text: rows out of Parquet, SQLite and DuckDB, other files raw."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and "webhook_logs" not in path.parts:
            found[str(path)] = path.read_bytes().decode("latin-1")
            if path.read_bytes()[:15] == b"SQLite format 3":
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
                    found[f"{path} as SQL"] = "\n".join(connection.iterdump())
    for name in TABLES:
        found[name] = str(table(name, data_dir=folder).to_dict("records"))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["user", "admin", "compliance"])
def test_no_secret_is_kept_or_told(world: World, tmp_path: Path, kind: Kind) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(EVERYTHING)
    said = ""
    with Sandbox(world, faults=FAULTS) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings), "WEBEX_WEBHOOK_SECRET": SECRET_MARK}
        product = Product(tmp_path / "data", webex, kind, more=more)
        product.write_logs()
        discover = [] if kind == "compliance" else ["--discover"]
        days = ["--from", str((datetime.now(UTC) - timedelta(days=8)).date())]
        for command in (
            ["run"],
            ["run", *days, *discover, "--refetch"],
            ["doctor", "--json"],
            ["webhooks", "create", "--target-url", "https://hooks.example/webhooks/webex"],
            ["webhooks", "list"],
            ["status"],
        ):
            done = product.command_process(*command)
            said += done.stdout + done.stderr
        requested = [seen.url for seen in webex.counters.requests]
        assert webex.counters.tokens_elsewhere == 0
        downloaded = [
            request for request in webex.counters.media_requests if request.status in (200, 206)
        ]
    # The secrets were within reach.
    assert downloaded
    assert any("/recordings/" in url for url in requested)
    held = searched(tmp_path / "data")
    assert SECRET_MARK not in said
    assert [name for name, text in held.items() if SECRET_MARK in text] == []
    token = product.environ["WEBEX_ACCESS_TOKEN"]
    assert token not in said
    assert [name for name, text in held.items() if token in text] == []
    assert len(product.rows("recording_files")) > 5
    assert any("compute_logs" in name or "storage" in name for name in held)
