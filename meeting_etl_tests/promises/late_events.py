"""Meetings whose events come late, and the lines of a log that say so."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.sandbox.world.model import Meeting, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import format_timestamp
from meeting_etl_tests.product import Product

# The meetings of the world ended five days before.
NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
LATE_ID = "f" * 32


def world_with_a_late_recording(made_after: timedelta) -> World:
    """Three meetings; the first has a second recording, made so long after its end."""
    world = sized_world(1, NOW, meetings=3, participants=1, snippets=1)
    first, *others = world.meetings
    (one,) = first.recordings
    made = first.ended_at + made_after
    late = replace(one, id=LATE_ID, created_at=made, available_at=made)
    return replace(world, meetings=(replace(first, recordings=(one, late)), *others))


def tell(
    product: Product,
    file: str,
    at: datetime | None,
    resource: str,
    event: str,
    **data: Any,
) -> None:
    """A line of a log: an envelope that says when, or the payload alone."""
    body = {"resource": resource, "event": event, "data": data}
    dated = at and {"received_at": format_timestamp(at), "headers": {}, "body": body}
    with (product.folder / "webhook_logs" / file).open("a") as log:
        log.write(json.dumps(dated or body) + "\n")


def tell_ends(product: Product, *meetings: Meeting) -> None:
    (product.folder / "webhook_logs").mkdir(exist_ok=True)
    for meeting in meetings or product.webex.world.meetings:
        known = {"id": meeting.id, "hostEmail": meeting.host.email, "siteUrl": meeting.site_url}
        known |= {
            "start": format_timestamp(meeting.started_at),
            "end": format_timestamp(meeting.ended_at),
        }
        tell(product, "a.jsonl", meeting.ended_at, "meetings", "ended", **known)


def tell_of_the_late_recording(
    product: Product, at: datetime | None, *, file: str = "a.jsonl"
) -> None:
    first = product.webex.world.meetings[0]
    tell(product, file, at, "recordings", "created", id=LATE_ID, meetingId=first.id)


def listings(product: Product, since: int = 0) -> int:
    """How often recordings were listed, by window or for one meeting."""
    paths = [url.partition("?")[0] for url in product.requests(since)]
    return sum(path in ("/v1/recordings", "/v1/admin/recordings") for path in paths)


def recording_ids(product: Product) -> set[str]:
    return {row["recording_id"] for row in product.rows("recordings")}
