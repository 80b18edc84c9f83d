"""Webhook deliveries: what Webex posted about a world, as messy webhook logs.

Belongs here: payloads, when they were received, and the log files. Does not: lines that are not
payloads (malformed_lines.py).
"""

import gzip
import hmac
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from meeting_etl.sandbox.json_values import Json, stamp, stamp_ms
from meeting_etl.sandbox.world.malformed_lines import MALFORMED, malformed_line
from meeting_etl.sandbox.world.model import SECRET_MARK, Meeting, World, cisco_id, seeded_rng
from meeting_etl.times import EPOCH, utc_day

WEBHOOK_SECRET = f"{SECRET_MARK}-webhook"
_EVERYTHING = timedelta(days=30)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload and when it was received. `dated`: its line must be an envelope with the time."""

    received_at: datetime
    payload: Mapping[str, Any]
    dated: bool = False


def write_logs(
    world: World, folder: Path, *, seed: int, until: datetime | None = None, lost: float = 0.0
) -> None:
    """Write the webhook logs of a world below `folder`; the same bytes for the same arguments.

    All that was received up to `until` (everything, if None) is in `<day>/collector-a.jsonl` and
    `collector-b.jsonl`: raw payloads and {"received_at","headers","body"} envelopes, mixed; the
    older days are compressed, one log of the last day is rotated. Every meeting that ended by
    `until` has at least one valid meetings/ended line; some lines are repeated, days late, out of
    order, or have a wrong end that a later delivery corrects. There are malformed lines of every
    kind, none about a meeting of the world. The guide's world has one log with one line, the
    guide's own payload. A share `lost` of the meetings has no ended event; the other lines are the
    same as without it.
    """
    if world.webhook is not None:
        _write(folder / "2021-05-14" / "guide.jsonl", _encode(world.webhook) + b"\n")
        return
    rng = seeded_rng("deliveries", world.seed, seed)
    logs: Mapping[tuple[date, str], list[bytes]] = defaultdict(list)
    for delivery in sorted(
        deliveries_of(world, rng, until), key=lambda delivery: delivery.received_at
    ):
        log = (utc_day(delivery.received_at), rng.choice("ab"))
        line = _line(delivery, rng, enveloped=log[1] == "a")
        if not is_lost(delivery.payload, lost, seed):
            logs[log].append(line)
    logs = {log: lines for log, lines in logs.items() if lines}
    if logs:
        _make_messy(rng, [logs[key] for key in sorted(logs)])
        _write_all(folder, logs)


def deliveries_of(
    world: World, rng: random.Random, until: datetime | None = None
) -> Iterator[Delivery]:
    """Everything that was received by `until`, in no order; everything at all if that is None."""
    until = until or max((item.ended_at for item in world.meetings), default=EPOCH) + _EVERYTHING
    for number, meeting in enumerate(world.meetings):
        possible = [
            *_schedule_events(world, meeting, rng),
            *_join_events(world, meeting, rng),
            *_artifact_events(world, meeting, rng),
        ]
        yield from (item for item in possible if item.received_at <= until)
        if meeting.ended_at <= until:
            yield from _ended_events(world, meeting, rng, until, corrected=number % 97 == 5)


def is_lost(payload: Mapping[str, Any], share: float, seed: int) -> bool:
    """Whether this is the ended event of a meeting whose ended events are lost."""
    ended = (payload["resource"], payload["event"]) == ("meetings", "ended")
    return ended and seeded_rng("lost", seed, payload["data"]["id"]).random() < share


def _ended_events(
    world: World, meeting: Meeting, rng: random.Random, until: datetime, *, corrected: bool
) -> Iterator[Delivery]:
    """The ended event: once, or again, or late; at least once by `until`."""
    payload = _payload(world, meeting, "meetings", "ended", _ended(world, meeting))
    prompt = min(meeting.ended_at + timedelta(milliseconds=rng.randrange(900, 60_000)), until)
    late = prompt + timedelta(hours=rng.uniform(20, 80))
    again = prompt + timedelta(seconds=rng.choice((2, 45, 2_400, 180_000)))
    draw = rng.random()
    if corrected:
        wrong = _ended(world, meeting) | {"end": stamp(meeting.ended_at - timedelta(hours=20))}
        wrong |= {"start": stamp(meeting.started_at - timedelta(hours=20))}
        yield Delivery(prompt, _payload(world, meeting, "meetings", "ended", wrong), dated=True)
        yield Delivery(min(again, until), payload, dated=True)
        return
    yield Delivery(late if draw < 0.04 and late <= until else prompt, payload)
    if draw > 0.88 and again <= until:
        yield Delivery(again, payload)
    if draw > 0.98 and late <= until:
        yield Delivery(late, payload)


def _ended(world: World, meeting: Meeting) -> Json:
    return {
        "id": meeting.id,
        "meetingType": "meeting",
        "timezone": meeting.timezone,
        "start": stamp(meeting.started_at),
        "end": stamp(meeting.ended_at),
        "hostUserId": meeting.host.user_id,
        "state": "ended",
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
        "orgId": world.org_id,
    }


def _schedule_events(world: World, meeting: Meeting, rng: random.Random) -> Iterator[Delivery]:
    """created, updated and started; the first two have ids without _I_ and fewer fields."""
    data = {
        "id": meeting.series_id,
        "meetingNumber": meeting.number,
        "meetingType": "meetingSeries",
        "state": "active",
        "hostEmail": meeting.host.email,
        "siteUrl": meeting.site_url,
        "password": f"{SECRET_MARK}-{meeting.number[-4:]}",
        "webLink": f"https://{meeting.site_url}/j.php?MTID={SECRET_MARK}{meeting.web_link_key}",
    }
    before = meeting.started_at - timedelta(minutes=rng.randrange(30, 9_000))
    if rng.random() < 0.3:
        yield Delivery(before, _payload(world, meeting, "meetings", "created", data))
    if rng.random() < 0.1:
        yield Delivery(
            before + timedelta(minutes=3), _payload(world, meeting, "meetings", "updated", data)
        )
    if rng.random() < 0.4:
        started = _ended(world, meeting) | {"state": "inProgress"}
        del started["end"]
        yield Delivery(
            meeting.started_at + timedelta(seconds=4),
            _payload(world, meeting, "meetings", "started", started),
        )


def _join_events(world: World, meeting: Meeting, rng: random.Random) -> Iterator[Delivery]:
    for person in meeting.participants[:3]:
        if rng.random() < 0.2:
            data = {
                "id": person.id,
                "meetingId": meeting.id,
                "state": "joined",
                "hostEmail": meeting.host.email,
                "hostPersonId": meeting.host.user_id,
                "siteUrl": meeting.site_url,
            }
            yield Delivery(
                person.joined_at + timedelta(seconds=2),
                _payload(world, meeting, "meetingParticipants", "joined", data),
            )


def _artifact_events(world: World, meeting: Meeting, rng: random.Random) -> Iterator[Delivery]:
    """Most assets are announced when they become available; some never are (T5)."""
    assets = [
        *(("recordings", asset.id, asset.available_at) for asset in meeting.recordings),
        *(("meetingTranscripts", asset.id, asset.available_at) for asset in meeting.transcripts),
    ]
    for resource, key, available_at in assets:
        if rng.random() < 0.85:
            yield Delivery(
                available_at + timedelta(milliseconds=rng.randrange(300, 20_000)),
                _payload(world, meeting, resource, "created", _asset(meeting, key)),
            )
    for recording in meeting.recordings:
        if recording.purged_at is not None:
            # Only permanent deletion sends an event, the recycle bin sends none (T9).
            deleted = _payload(
                world, meeting, "recordings", "deleted", _asset(meeting, recording.id)
            )
            yield Delivery(recording.purged_at + timedelta(seconds=3), deleted, dated=True)


def _asset(meeting: Meeting, key: str) -> Json:
    return {
        "id": key,
        "meetingId": meeting.id,
        "scheduledMeetingId": meeting.scheduled_id,
        "meetingSeriesId": meeting.series_id,
        "hostEmail": meeting.host.email,
        "hostUserId": meeting.host.user_id,
        "siteUrl": meeting.site_url,
    }


def _payload(world: World, meeting: Meeting, resource: str, event: str, data: Json) -> Json:
    """The envelope of Webex: its `created` is the webhook's, of the event there is no time."""
    key = cisco_id("WEBHOOK", f"{resource}-{event}-{world.org_id}")
    return {
        "id": key,
        "name": f"{resource} {event}",
        "targetUrl": "https://hooks.corvane.example/webex",
        "resource": resource,
        "event": event,
        "orgId": cisco_id("ORGANIZATION", world.org_id),
        "createdBy": world.admin.user_id,
        "appId": cisco_id("APPLICATION", world.org_id),
        "ownedBy": "org",
        "status": "active",
        "created": "2020-02-03T09:00:00.000Z",
        "actorId": meeting.host.user_id,
        "data": data,
    }


def _line(delivery: Delivery, rng: random.Random, *, enveloped: bool) -> bytes:
    body = _encode(delivery.payload)
    if not (enveloped or delivery.dated or rng.random() < 0.1):
        return body
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, "sha1").hexdigest()
    return _encode(
        {
            "received_at": stamp_ms(delivery.received_at),
            "headers": {"content-type": "application/json", "x-spark-signature": signature},
            "body": delivery.payload,
        }
    )


def _make_messy(rng: random.Random, logs: list[list[bytes]]) -> None:
    """Swap neighbours, and insert malformed and blank lines."""
    sound = logs[0][0]
    for lines in logs:
        for place in range(0, len(lines) - 1, 2):
            if rng.random() < 0.1:
                lines[place], lines[place + 1] = lines[place + 1], lines[place]
    for kind in MALFORMED:
        lines = rng.choice(logs)
        lines.insert(rng.randrange(len(lines) + 1), malformed_line(kind, sound))
    for blank in (b"", b"   ", b"\t"):
        lines = rng.choice(logs)
        lines.insert(rng.randrange(len(lines) + 1), blank)


def _write_all(folder: Path, logs: Mapping[tuple[date, str], list[bytes]]) -> None:
    """One file a log. Of the days the first third is compressed, as two gzip members in a row."""
    days = sorted({day for day, _ in logs})
    for (day, name), lines in logs.items():
        path = folder / str(day) / f"collector-{name}.jsonl"
        if (day, name) == (days[-1], "a"):
            rotated, lines = lines[: len(lines) // 2], lines[len(lines) // 2 :]
            _write(path.with_name("collector-a-1.jsonl.gz"), gzip.compress(_text(rotated), mtime=0))
        if days.index(day) < len(days) // 3:
            half = len(lines) // 2
            parts = [gzip.compress(_text(part), mtime=0) for part in (lines[:half], lines[half:])]
            _write(path.with_name(f"{path.name}.gz"), b"".join(parts))
        elif day == days[len(days) // 2]:
            _write(path, _BOM + _text(lines, ending=b"\r\n"))
        else:
            _write(path, _text(lines))


def _text(lines: list[bytes], ending: bytes = b"\n") -> bytes:
    return b"".join(line + ending for line in lines)


def _encode(document: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(document)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
