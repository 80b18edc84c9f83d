"""`meeting-etl demo --live`: a day in fast time, from the webhook that is posted to the tables."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from meeting_etl.cli.demo_live import day_to_play, live_world
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl.times import Clock, start_of, utc_day
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.commands import command, command_process
from meeting_etl_tests.product import Product, rows
from meeting_etl_tests.today import today

pytestmark = pytest.mark.slow
SAID = re.compile(r"([\d,]+) events posted, ([\d,]+) received")


@dataclass
class Show:
    """One that was played to its end."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    world: World


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Show:
    folder = tmp_path_factory.mktemp("live") / "demo"
    world = live_world(1, day_to_play(start_of(today())))
    done = command_process("demo", "--live", "--minutes", "0.2", "--data-dir", str(folder))
    return Show(folder, done, world)


def test_it_ends_well_with_tables_and_answers(show: Show) -> None:
    assert (show.done.returncode, "Traceback" in show.done.stderr) == (0, False), show.done.stderr
    assert "Who talked most?" in show.done.stdout
    assert "transcript_snippets" in show.done.stdout


def test_without_a_terminal_plain_lines_tell_how_it_goes(show: Show) -> None:
    lines = [line for line in show.done.stderr.splitlines() if line.startswith("time ")]
    assert len(lines) > 3
    assert re.fullmatch(
        r"time \w{3} \d\d \w{3}, \d\d:\d\d UTC; events received [\d,]+; meetings [\d,]+; "
        r"recordings [\d,]+; participants [\d,]+; transcripts [\d,]+; snippets [\d,]+; "
        r"waiting items 0",
        lines[-1],
    )
    assert "\x1b" not in show.done.stderr


def test_every_event_that_was_posted_is_in_the_tables(show: Show) -> None:
    said = SAID.search(show.done.stderr)
    assert said is not None
    posted, received = (int(number.replace(",", "")) for number in said.groups())
    assert posted == received == len(rows(show.folder, "webhook_events")) > 200
    assert rows(show.folder, "rejected_lines") == []


def test_the_tables_hold_what_one_run_after_all_of_it_gives(show: Show, tmp_path: Path) -> None:
    """Beside that, recordings that were there while they were looked for, and are gone since."""
    clock = ManualClock(
        max(meeting.ended_at for meeting in show.world.meetings) + timedelta(days=6)
    )
    with Sandbox(show.world, clock) as webex:
        late = Product(tmp_path, webex, clock=clock)
        late.write_logs()
        assert late.run().failures == []
        for name, key in (
            ("meetings", "meeting_id"),
            ("transcripts", "transcript_id"),
            ("transcript_snippets", "snippet_id"),
        ):
            assert keys(show.folder, name, key) == keys(tmp_path, name, key), name
        assert rows(show.folder, "participants") == late.rows("participants")
        recordings = keys(tmp_path, "recordings", "recording_id")
    seen = keys(show.folder, "recordings", "recording_id")
    assert recordings <= seen
    gone = {
        recording.id
        for meeting in show.world.meetings
        for recording in meeting.recordings
        if recording.deleted_at or recording.purged_at
    }
    assert seen - recordings <= gone
    assert len(keys(show.folder, "meetings", "meeting_id")) == len(show.world.meetings)


def test_nothing_is_left_to_ask(show: Show) -> None:
    assert {row["status"] for row in rows(show.folder, "fetch_ledger")} <= {
        "ready",
        "absent",
        "gone",
    }


def test_no_secret_is_kept_outside_of_the_logs(show: Show) -> None:
    """What was posted lies in the logs as it came; the webhooks' own secret not even there."""
    for path in show.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"plantedsecret-webhook" not in content, path
            if "webhook_logs" not in path.parts:
                assert b"plantedsecret" not in content, path
    assert "plantedsecret" not in show.done.stdout + show.done.stderr


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "meeting_etl.cli.main", "demo", "--live"),
            *("--data-dir", str(tmp_path / "demo")),
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = ""
            while not said.startswith("time "):
                said = process.stderr.readline()
                assert said, "it ended by itself"
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(timeout=60) == 1
        finally:
            process.kill()
    assert "Interrupted. Committed work is kept" in rest
    assert "Traceback" not in rest


def test_the_day_is_a_working_day_long_past() -> None:
    for ahead in range(7):
        now = Clock().now() + timedelta(days=ahead)
        day = day_to_play(now)
        assert day.weekday() < 5
        assert timedelta(days=7) <= start_of(utc_day(now)) - day <= timedelta(days=9)


def test_the_guide_has_no_day_to_play() -> None:
    done = command("demo", "--live", "--world", "guide")
    assert (done.returncode, "--world" in done.stderr) == (2, True)


def keys(folder: Path, name: str, key: str) -> set[str]:
    return {row[key] for row in rows(folder, name)}
