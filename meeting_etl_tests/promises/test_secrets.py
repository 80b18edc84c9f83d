"""Rule 8: with everything switched on, no secret of any answer is anywhere afterwards."""

import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.lake.data_frame import table
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import SECRET_MARK, Kind, World
from meeting_etl.schemas import TABLES
from meeting_etl_tests.product import Product
from meeting_etl_tests.recent_world import recent_world
from meeting_etl_tests.service_apps import service_app_section, service_app_variables

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
TARGET = "https://hooks.example/webhooks/webex"
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
    return recent_world(5, days_ago=2, days=2, meetings=24)


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


def said_by(product: Product, target: str, *, discover: bool) -> str:
    """What the commands print, in processes of their own."""
    product.write_logs()
    days = ["--from", str((datetime.now(UTC) - timedelta(days=8)).date())]
    said = ""
    for command in (
        ["run"],
        ["run", *days, *(["--discover"] if discover else []), "--refetch"],
        ["doctor", "--json"],
        ["webhooks", "create", "--target-url", target],
        ["webhooks", "list"],
        ["status"],
    ):
        done = product.command_process(*command)
        said += done.stdout + done.stderr
    return said


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["user", "admin", "compliance"])
def test_no_secret_is_kept_or_told(world: World, tmp_path: Path, kind: Kind) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(EVERYTHING)
    with Sandbox(world, faults=FAULTS) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings), "WEBEX_WEBHOOK_SECRET": SECRET_MARK}
        product = Product(tmp_path / "data", webex, kind, more=more)
        said = said_by(product, TARGET, discover=kind != "compliance")
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


def accounts(webex: Sandbox, folder: Path) -> str:
    """An officer's token in a variable, a host's in a file, and an administrator's service app."""
    secret = folder / "secrets/host"
    secret.parent.mkdir()
    secret.touch(0o600)
    secret.write_text(webex.token("user"))
    owner = webex.world.owner.email
    return f"""
[accounts.officer]
kind = "compliance"
access_token = "env:OFFICER_TOKEN"
[accounts.host]
kind = "user"
access_token = "file:secrets/host"
hosts = ["{owner}"]
{service_app_section(webex, "company")}
"""


@pytest.mark.slow
def test_no_secret_of_several_accounts_is_kept_or_told(world: World, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    with Sandbox(world, faults=FAULTS) as webex:
        settings.write_text(EVERYTHING + accounts(webex, tmp_path))
        more = {
            "MEETING_ETL_SETTINGS": str(settings),
            "WEBEX_WEBHOOK_SECRET": SECRET_MARK,
            "WEBEX_ACCESS_TOKEN": "",
            "WEBEX_TOKEN_KIND": "",
            "OFFICER_TOKEN": webex.token("compliance"),
            **service_app_variables(webex),
        }
        product = Product(tmp_path / "data", webex, more=more)
        said = said_by(product, TARGET, discover=True)
        # The service app gets another token; the officer is rejected, and messages say so.
        for owner in (world.admin.email, world.officer.email):
            webex.revoke(owner)
        for command in (["run"], ["doctor", "--json"], ["webhooks", "list"]):
            done = product.command_process(*command)
            said += done.stdout + done.stderr
        assert "OFFICER_TOKEN" in said
        asked = {seen.owner for seen in webex.counters.requests}
        assert webex.counters.tokens_elsewhere == 0
        used = [more[name] for name in ("OFFICER_TOKEN", *service_app_variables(webex))]
    planted = [*used, (tmp_path / "secrets/host").read_text()]
    assert {world.officer.email, world.admin.email, world.owner.email} <= asked
    tokens = {path.name: path for path in (tmp_path / "data/state").glob("tokens*")}
    assert len(tokens) == 2, "of the service app, and of its integration"
    assert {stat.S_IMODE(path.stat().st_mode) for path in tokens.values()} == {0o600}
    held = searched(tmp_path / "data")
    for path in tokens.values():
        assert SECRET_MARK in held.pop(str(path))
    for secret in (SECRET_MARK, *planted):
        assert secret not in said
        assert [name for name, text in held.items() if secret in text] == []
