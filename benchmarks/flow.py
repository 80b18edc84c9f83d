"""How many files four flows pass, and how often they change from one file to another.

Each flow is a run that handles one thing that is new, after a run that handled the rest. A change
of file is a call or return into another file of the package than the one before, in each thread
apart. Left out are imports, the sandbox, publishing the catalog, and what is around the flow:
commands, Dagster, settings.

    .venv/bin/python benchmarks/flow.py --against FOLDER
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow.parquet as pq

from benchmarks.measuring import against_argument, command, environ_for, here, in_process, versions
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Meeting, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import FastClock, format_timestamp

Counts = dict[str, int]


class Flow:
    """One meeting that ended so long ago, its webhook log, and runs of a checkout on it."""

    def __init__(self, code: Path, folder: Path, webex: Sandbox) -> None:
        self.meeting: Meeting = webex.world.meetings[0]
        self.about = {"meetingId": self.meeting.id, "siteUrl": self.meeting.site_url}
        self.day = str(self.meeting.ended_at.date())
        self._code = code
        self._lake = folder / "lake"
        self._log = folder / "webhook_logs" / "events.jsonl"
        self._log.parent.mkdir()
        self.settings = folder / "settings.toml"
        self.settings.write_text("")
        self._environ = {
            "WEBEX_BASE_URL": webex.base_url,
            "WEBEX_ACCESS_TOKEN": webex.token("user"),
            "WEBEX_REQUESTS_PER_MINUTE": "0",
            "MEETING_ETL_DATA_DIR": str(folder),
            "MEETING_ETL_SETTINGS": str(self.settings),
        }

    def event(self, resource: str, event: str, at: datetime, **data: str) -> None:
        """One more line of the log."""
        body = {"resource": resource, "event": event, "data": data}
        line = {"received_at": format_timestamp(at), "headers": {}, "body": body}
        with self._log.open("a") as log:
            log.write(json.dumps(line) + "\n")

    def ended(self) -> None:
        """The line that says that the meeting has ended."""
        meeting = self.meeting
        self.event(
            "meetings",
            "ended",
            meeting.ended_at,
            id=meeting.id,
            hostEmail=meeting.host.email,
            siteUrl=meeting.site_url,
            start=format_timestamp(meeting.started_at),
            end=format_timestamp(meeting.ended_at),
        )

    def run(self) -> None:
        """A run that is not counted."""
        command(self._code, self._environ, "run")

    def counted(self, *arguments: str) -> Counts:
        """Changes to each file in a run with these options, or of these tables of the day."""
        environ = environ_for(self._code, self._environ)
        counts: Counts = in_process([here("flow_hook.py"), *arguments], environ=environ).output
        return counts

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of the day in the lake."""
        rows: list[dict[str, Any]] = pq.read_table(
            self._lake / table / f"date={self.day}"
        ).to_pylist()
        return rows


def ended_line(flow: Flow, clock: FastClock) -> Counts:
    """It ended a minute ago, so nothing is fetched yet."""
    flow.ended()
    counts = flow.counted(flow.day, "meetings")
    assert len(flow.rows("meetings")) == 1
    return counts


def late_transcript(flow: Flow, clock: FastClock) -> Counts:
    """An event announces a transcript that the attempts so far did not find."""
    flow.ended()
    flow.run()
    (transcript,) = flow.meeting.transcripts
    clock.jump(datetime.now(UTC))
    flow.event("meetingTranscripts", "created", datetime.now(UTC), id=transcript.id, **flow.about)
    counts = flow.counted(flow.day, "meetings", "transcripts", "transcript_snippets")
    assert len(flow.rows("transcript_snippets")) == len(transcript.snippets)
    return counts


def reopened_day(flow: Flow, clock: FastClock) -> Counts:
    """Everything of a settled day is fetched again."""
    flow.ended()
    flow.run()
    (before,) = flow.rows("recordings")
    counts = flow.counted("--run", "--from", flow.day, "--to", flow.day, "--refetch")
    (after,) = flow.rows("recordings")
    assert after["fetched_at"] > before["fetched_at"]
    return counts


def deleted_recording(flow: Flow, clock: FastClock) -> Counts:
    """An event says that the recording of a settled day is deleted, and it is to be removed."""
    flow.settings.write_text("[privacy]\nhonour_deletes = true\n")
    flow.ended()
    flow.run()
    (recording,) = flow.meeting.recordings
    flow.event("recordings", "deleted", datetime.now(UTC), id=recording.id, **flow.about)
    counts = flow.counted(flow.day, "meetings", "recordings")
    (row,) = flow.rows("recordings")
    assert row["deletion_proof"] == "event"
    return counts


LATE = timedelta(hours=6)
# How long ago the meeting ended.
FLOWS: dict[str, tuple[timedelta, Callable[[Flow, FastClock], Counts]]] = {
    "ended line to row": (timedelta(minutes=1), ended_line),
    "transcript 6 h late": (LATE + timedelta(minutes=20), late_transcript),
    "reopened day": (timedelta(days=10), reopened_day),
    "recordings:deleted": (timedelta(days=10), deleted_recording),
}


def world(ended_at: datetime, *, late: bool) -> World:
    """One meeting that ended then; its transcript came a moment ago if it is `late`."""
    sized = sized_world(1, ended_at, meetings=1, participants=2, snippets=1)
    (meeting,) = sized.meetings
    meeting = shifted(meeting, ended_at - meeting.ended_at)
    if late:
        (transcript,) = meeting.transcripts
        at = ended_at + LATE
        transcript = replace(transcript, available_at=at, snippets_available_at=at)
        meeting = replace(meeting, transcripts=(transcript,))
    return replace(sized, meetings=(meeting,))


def shifted(item: Any, by: timedelta) -> Any:
    """The item with all its times moved."""
    if isinstance(item, datetime):
        return item + by
    if isinstance(item, tuple):
        return tuple(shifted(part, by) for part in item)
    if is_dataclass(item) and not isinstance(item, type):
        names = [field.name for field in fields(item)]
        return replace(item, **{name: shifted(getattr(item, name), by) for name in names})
    return item


def count(name: str, code: Path) -> tuple[Counts, int]:
    """Changes to each file, and how many of the files are of the pipeline."""
    ago, flow = FLOWS[name]
    now = datetime.now(UTC)
    clock = FastClock(now - timedelta(hours=1), speed=1)  # until it jumps
    late = flow is late_transcript
    with (
        Sandbox(world(now - ago, late=late), clock) as webex,
        tempfile.TemporaryDirectory() as folder,
    ):
        counts = flow(Flow(code, Path(folder), webex), clock)
    return counts, sum(file.startswith("pipeline/") for file in counts)


def main(against: Path | None, *, files: bool) -> None:
    """Each flow in every checkout, then the ratios."""
    print(f"{'flow':<20} {'checkout':<10} {'files':>6} {'in pipeline/':>13} {'changes':>8}")
    for name in FLOWS:
        totals = {}
        for version, code in versions(against).items():
            counts, in_pipeline = count(name, code)
            totals[version] = len(counts), sum(counts.values())
            number, changes = totals[version]
            print(
                f"{name:<20} {version:<10} {number:>6} {in_pipeline:>13} {changes:>8,}", flush=True
            )
            if files:
                print("   ", ", ".join(f"{file} {changes}" for file, changes in counts.items()))
        if against:
            (number, changes), (old_number, old_changes) = totals.values()
            ratios = f"{number / old_number:>6.2f} {'':>13} {changes / old_changes:>8.2f}"
            print(f"{name:<20} {'ratio':<10} {ratios}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    against_argument(parser)
    parser.add_argument("--files", action="store_true", help="list the files, with their changes")
    given = parser.parse_args()
    main(given.against, files=given.files)
