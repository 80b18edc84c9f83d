"""Rules 3 and 4: what is not in a window is absent only where the window or a flag proves it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, Meeting, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KINDS: tuple[Kind, ...] = ("user", "admin", "compliance")
# Four meetings of one day, the last of which ended at 15:30.
WORLD = sized_world(1, NOW, meetings=4, participants=1, snippets=1)
FIRST, *OTHERS = WORLD.meetings
LAST_END = max(meeting.ended_at for meeting in WORLD.meetings)


def with_first(first: Meeting) -> World:
    return replace(WORLD, meetings=(first, *OTHERS))


# Removed before it was ever shown; the meeting's flag says for ever that it was recorded.
PURGED = with_first(
    replace(FIRST, recordings=(replace(FIRST.recordings[0], purged_at=FIRST.ended_at + MINUTE),))
)
NEVER_RECORDED = with_first(replace(FIRST, recordings=()))


def ended(meeting: Meeting) -> dict[str, Any]:
    data = {
        "id": meeting.id,
        "start": meeting.started_at.isoformat(),
        "end": meeting.ended_at.isoformat(),
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
    }
    return told(meeting.ended_at, "meetings", "ended", data)


def of_recording(event: str, after: timedelta) -> dict[str, Any]:
    data = {"id": FIRST.recordings[0].id, "meetingId": FIRST.id, "hostEmail": FIRST.host.email}
    return told(FIRST.ended_at + after, "recordings", event, data)


def told(at: datetime, resource: str, event: str, data: Mapping[str, Any]) -> dict[str, Any]:
    body = {"resource": resource, "event": event, "data": data}
    return {"received_at": at.isoformat(), "headers": {}, "body": body}


CREATED, DELETED = of_recording("created", 2 * MINUTE), of_recording("deleted", 3 * MINUTE)


def tell(product: Product, *events: dict[str, Any]) -> None:
    """Write the ends of all meetings into a log, and these events."""
    lines = [*map(ended, product.webex.world.meetings), *events]
    folder = product.folder / "webhook_logs"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def asked_singly(product: Product) -> list[str]:
    """Requests for the recordings of the first meeting alone."""
    return [url for url in product.requests() if "recordings?" in url and FIRST.id in url]


def state(product: Product, resource: str = "recordings") -> tuple[str, str]:
    """Status and reason of the first meeting's work item."""
    (row,) = (
        row
        for row in product.rows("fetch_ledger")
        if (row["meeting_id"], row["resource"]) == (FIRST.id, resource)
    )
    return row["status"], row["reason"]


@pytest.mark.parametrize(
    ("world", "events", "requests", "reason"),
    [
        # Nothing is found although the flag says that it was recorded: asked singly, and once.
        (PURGED, [], 1, "deadline_passed"),
        # That an event told of it does not make the flag wrong.
        (PURGED, [CREATED], 1, "deadline_passed"),
        # That it was deleted explains both.
        (PURGED, [CREATED, DELETED], 0, "deadline_passed"),
        (PURGED, [DELETED], 0, "deadline_passed"),
        # The flag denies it; unless an event, which is newer, differs.
        (NEVER_RECORDED, [], 0, "not_recorded"),
        (NEVER_RECORDED, [CREATED], 0, "deadline_passed"),
    ],
    ids=["true", "true, created", "true, both", "true, deleted", "false", "false, created"],
)
def test_a_true_flag_with_nothing_found_is_asked_singly_once(
    tmp_path: Path, world: World, events: list[dict[str, Any]], requests: int, reason: str
) -> None:
    clock = ManualClock(LAST_END + 20 * MINUTE)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        tell(product, *events)
        work_off(product.etl())
        assert state(product) == ("waiting", "nothing_yet")
        assert asked_singly(product) == []
        clock.advance(hours=73)  # the last attempt of all work items
        for _ in range(2):
            work_off(product.etl())
            assert len(asked_singly(product)) == requests
            assert state(product) == ("absent", reason)
            clock.advance(hours=6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_after_the_window_is_found_long_afterwards(tmp_path: Path, kind: Kind) -> None:
    """The day is fetched first after 20 days, by a window that ends four days after the day.

    A meeting of more than a day is in no listing of meetings, and asked for singly Webex does not
    tell its host any flags: that it is not in the window is then all there is to go by.
    """
    late = FIRST.ended_at + 6 * DAY
    recording = replace(FIRST.recordings[0], created_at=late, available_at=late)
    transcript = replace(FIRST.transcripts[0], available_at=late, snippets_available_at=late)
    started = FIRST.ended_at - 25 * HOUR
    world = with_first(
        replace(FIRST, started_at=started, recordings=(recording,), transcripts=(transcript,))
    )
    clock = ManualClock(FIRST.ended_at + 20 * DAY)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        tell(product)
        work_off(product.etl())
        assert state(product) == ("ready", "complete")
        assert state(product, "transcripts") == ("ready", "complete")
        listed = [url for url in product.requests() if "ecordings?" in url]
        assert any("meetingId" not in url for url in listed), "a window was asked for"
    for table in ("recordings", "transcripts", "transcript_snippets"):
        owners = [row["meeting_id"] for row in product.rows(table)]
        assert sorted(owners) == sorted(meeting.id for meeting in WORLD.meetings), table
