"""Logs and run pages have no address, name, title or text: ids only."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.lake.partitions import folder_of
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.deliveries import is_lost
from meeting_etl.sandbox.world.model import Kind, Meeting, World
from meeting_etl.schemas import PARTICIPANTS
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.personal_texts import found_in, logged, personal_texts
from meeting_etl_tests.promises.test_secrets import EVERYTHING
from meeting_etl_tests.receiver.served import served
from meeting_etl_tests.recent_world import recent_world

# What fails is reported in words, and words may quote. Enough of it in a row is not retried.
FAULTS = Faults(
    html_page=0.05,
    item_errors=0.1,
    foreign_next_link=0.05,
    unknown_fields=0.3,
    changed_types=0.3,
    missing_meeting_ids=0.3,
    broken_media=0.3,
    broken_vtt=0.5,
    wrong_sizes=0.5,
    media_bytes=20_000,
    most_in_a_row=50,
    seed=7,
)
# The share of meetings that only a search finds.
LOST = 0.3
# These print what Dagster's own logger has, at debug level too.
JOBS = ("ingest", "check_days", "report")


@pytest.fixture(scope="module")
def world() -> World:
    return recent_world(4, days_ago=2, days=2, meetings=10)


def ended(meeting: Meeting) -> dict[str, Any]:
    return {"resource": "meetings", "event": "ended", "data": {"id": meeting.id}}


def execute(product: Product, job: str) -> str:
    """The output of a job in a process of Dagster's command line."""
    home = {"PATH": os.environ["PATH"], "DAGSTER_HOME": str(product.folder / "dagster")}
    arguments = ["job", "execute", "-j", job, "-m", "meeting_etl.definitions"]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        env=product.environ | home,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "RUN_SUCCESS" in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["admin", "compliance"])
def test_no_person_is_named_in_what_runs_log(world: World, tmp_path: Path, kind: Kind) -> None:
    settings, wanted = tmp_path / "settings.toml", personal_texts(world)
    settings.write_text(EVERYTHING)
    before = (datetime.now(UTC) - timedelta(days=8)).date()
    discover = ["--discover"] if kind == "admin" else []
    outputs = {}
    # Retries mostly succeed; about this meeting they never do.
    broken = next(meeting for meeting in world.meetings if not is_lost(ended(meeting), LOST, 1))
    with Sandbox(world, faults=replace(FAULTS, meeting_status={broken.id: 500})) as webex:
        more = {"MEETING_ETL_SETTINGS": str(settings)}
        product = Product(tmp_path / "data", webex, kind, more=more)
        product.write_logs(seed=1, lost=LOST)
        for command in (["run"], ["run", "--from", str(before), *discover, "--refetch"]):
            done = product.command_process(*command)
            outputs[" ".join(command)] = done.stdout + done.stderr
        for job in JOBS if kind == "compliance" else ():
            outputs[job] = execute(product, job)
        snippets, events = product.rows("transcript_snippets"), product.rows("webhook_events")
        # Runs that fail as a whole: a file is damaged, the token is refused.
        (day, *_) = product.etl().lake.days(PARTICIPANTS)
        path = product.etl().files.path(f"{folder_of(PARTICIPANTS, day)}/part-0.parquet")
        path.write_bytes(path.read_bytes()[:-9])
        refused = Product(product.folder, webex, kind, more=more | {"WEBEX_ACCESS_TOKEN": "no"})
        for name, failing in (("damaged", product), ("refused", refused)):
            done = failing.command_process("run", "--from", str(day), "--refetch")
            assert done.returncode == 1
            outputs[name] = done.stdout + done.stderr
    assert "failed and will be retried" in outputs["run"]
    texts = list(logged(product.folder / "dagster"))
    searched = [*outputs.items(), *texts]
    assert [(name, found) for name, text in searched if (found := found_in(text, wanted))] == []
    # The search would have found them: ids are there, and in tables and events the rest is.
    everything = "".join(text for _, text in texts)
    assert any(meeting.id in everything for meeting in world.meetings)
    assert "Unreadable values" in everything
    assert any("compute_logs" in name for name, _ in texts)
    assert len(found_in(str(snippets), wanted)) > 10
    assert found_in("".join(row["body"] for row in events), wanted)


def test_no_person_is_named_in_what_the_receiver_says(world: World, tmp_path: Path) -> None:
    meeting = world.meetings[0]
    said: list[str] = []
    data = {"title": meeting.title, "hostEmail": meeting.host.email}
    body = json.dumps({"resource": "meetings", "event": "ended", "data": data}).encode()
    with served(tmp_path, notify=said.append) as receiver:
        assert receiver.post(body).status == 200
        assert receiver.post(body, X_Spark_Signature="0" * 40).status == 401
        assert receiver.ask("POST", f"/{meeting.host.email}", body).status == 404
        said.append(receiver.ask("GET", "/metrics").text)
        assert found_in(receiver.content().decode(), personal_texts(world))
    assert len(said) == 3
    assert found_in("\n".join(said), personal_texts(world)) == []
