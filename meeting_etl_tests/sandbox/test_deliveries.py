import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.world.deliveries import write_logs
from meeting_etl.sandbox.world.worlds import World, demo_world, guide_world, sized_world

UNTIL = datetime(2026, 3, 12, 15, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    file: str
    text: bytes
    payload: dict[str, Any]
    received_at: datetime | None


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(11, UNTIL, meetings=120)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    write_logs(world, folder, seed=4, until=UNTIL)
    return folder


def raw_lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.jsonl*")):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            yield path.name, line.removesuffix(b"\r")


def events(folder: Path) -> list[Line]:
    found = []
    for file, line in raw_lines(folder):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if not isinstance(document, dict):
            continue
        payload = document.get("body", document)
        if "resource" in payload:
            received = document.get("received_at")
            moment = datetime.fromisoformat(received) if received else None
            found.append(Line(file, line, payload, moment))
    return found


def ended(folder: Path) -> list[Line]:
    return [
        event
        for event in events(folder)
        if (event.payload["resource"], event.payload["event"]) == ("meetings", "ended")
    ]


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_meeting_that_ended_is_told_of(world: World, folder: Path) -> None:
    reported = {event.payload["data"].get("id") for event in ended(folder)}
    over = {meeting.id for meeting in world.meetings if meeting.ended_at <= UNTIL}
    assert over <= reported
    assert reported - over == {None, "0bad0bad0bad0bad0bad0bad0bad0bad_I_199999999999999999"}


def test_what_is_told_last_of_a_meeting_is_how_it_was(world: World, folder: Path) -> None:
    last: dict[str, Line] = {}
    for event in ended(folder):
        key = event.payload["data"].get("id")
        known = last.get(key)
        when = event.received_at or datetime.min.replace(tzinfo=UTC)
        if known is None or when >= (known.received_at or datetime.min.replace(tzinfo=UTC)):
            last[key] = event
    for meeting in world.meetings:
        if meeting.ended_at <= UNTIL:
            data = last[meeting.id].payload["data"]
            assert datetime.fromisoformat(data["end"]) == meeting.ended_at
            assert data["hostEmail"] == meeting.host.email


def test_nothing_is_told_before_it_happened_or_after_the_end(world: World, folder: Path) -> None:
    starts = {meeting.id: meeting.started_at for meeting in world.meetings}
    for event in events(folder):
        if event.received_at is not None:
            assert event.received_at <= UNTIL
            key = event.payload["data"].get("id", "")
            if key in starts:
                assert event.received_at >= starts[key]


def test_a_later_end_tells_more(world: World, folder: Path, tmp_path: Path) -> None:
    write_logs(world, tmp_path, seed=4)
    reported = {event.payload["data"].get("id") for event in ended(tmp_path)}
    assert {meeting.id for meeting in world.meetings} <= reported
    assert len(events(tmp_path)) > len(events(folder))


def test_all_kinds_of_events_and_both_forms_of_lines(folder: Path) -> None:
    found = events(folder)
    assert {(entry.payload["resource"], entry.payload["event"]) for entry in found} == {
        ("meetings", "created"),
        ("meetings", "updated"),
        ("meetings", "started"),
        ("meetings", "ended"),
        ("meetingParticipants", "joined"),
        ("recordings", "created"),
        ("recordings", "deleted"),
        ("meetingTranscripts", "created"),
    }
    mixed: dict[str, set[bool]] = defaultdict(set)
    for entry in found:
        mixed[entry.file].add(entry.received_at is None)
    assert mixed["collector-b.jsonl"] == {True, False}


def test_ids_of_what_is_scheduled_are_not_those_of_instances(folder: Path) -> None:
    for event in events(folder):
        subject = (event.payload["resource"], event.payload["event"])
        if subject in (("meetings", "created"), ("meetings", "updated")):
            assert "_I_" not in event.payload["data"]["id"]
        if event.payload["resource"] in ("recordings", "meetingTranscripts", "meetingParticipants"):
            assert "_I_" in event.payload["data"]["meetingId"]
            assert "_I_" not in event.payload["data"]["id"]


def test_some_events_come_twice_some_days_late_and_some_are_corrected(folder: Path) -> None:
    received = defaultdict(list)
    ends = defaultdict(set)
    for event in ended(folder):
        key = event.payload["data"].get("id")
        if event.received_at is not None:
            received[key].append(event.received_at)
            ends[key].add(event.payload["data"].get("end"))
    assert any(len(set(moments)) > 1 for moments in received.values())
    assert any(len(found) > 1 for key, found in ends.items() if key and "0bad" not in key)
    late = [
        event.received_at - datetime.fromisoformat(event.payload["data"]["end"])
        for event in ended(folder)
        if event.received_at and "0bad" not in event.payload["data"]["id"]
    ]
    assert max(late) > timedelta(days=1)


def test_of_some_meetings_nothing_is_heard_for_most_of_a_day(world: World, folder: Path) -> None:
    over = {meeting.id: meeting.ended_at for meeting in world.meetings}
    heard = defaultdict(list)
    for event in ended(folder):
        heard[event.payload["data"].get("id")].append(event)
    first = [
        min(line.received_at for line in lines if line.received_at) - over[key]
        for key, lines in heard.items()
        if key in over and all(line.received_at for line in lines)
    ]
    assert max(first) > timedelta(hours=20)
    assert sorted(first)[len(first) // 2] < timedelta(minutes=1)


def test_lines_of_a_log_are_not_quite_in_order(folder: Path) -> None:
    moments = defaultdict(list)
    for path in folder.rglob("collector-a.jsonl"):
        for event in events(path.parent):
            if event.file == "collector-a.jsonl" and event.received_at:
                moments[path].append(event.received_at)
    assert any(found != sorted(found) for found in moments.values())


def test_every_kind_of_malformed_line_is_there(folder: Path) -> None:
    kinds: Counter[str] = Counter()
    for _, line in raw_lines(folder):
        kinds[kind_of(line)] += 1
    assert kinds["blank"] >= 3
    for kind in ("not UTF-8", "not JSON", "NULs", "array", "number", "no payload", "truncated"):
        assert kinds[kind] >= 1, kind
    assert kinds["two objects"] == 1
    ends = [event.payload["data"].get("end") for event in ended(folder)]
    assert None in ends
    assert {"yesterday at noon", "2014-12-31T23:59:59Z", "2999-01-01T00:00:00Z"} <= set(ends)
    assert None in {event.payload["data"].get("id") for event in ended(folder)}


def kind_of(line: bytes) -> str:
    if not line.strip():
        return "blank"
    if not line.strip(b"\0"):
        return "NULs"
    try:
        document = json.loads(line.decode())
    except UnicodeDecodeError:
        return "not UTF-8"
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and line.startswith(b"{"):
            return "two objects"
        return "truncated" if line.startswith(b"{") else "not JSON"
    if isinstance(document, list):
        return "array"
    if isinstance(document, int):
        return "number"
    return "event" if "resource" in document.get("body", document) else "no payload"


def test_the_files_are_of_every_form(folder: Path) -> None:
    contents = content_of(folder)
    packed = {name: body for name, body in contents.items() if name.endswith(".gz")}
    plain = [body for name, body in contents.items() if name not in packed]
    assert any("collector-a-1.jsonl.gz" in name for name in packed)
    assert any(body.count(b"\x1f\x8b\x08") > 1 for body in packed.values())
    assert any(body.startswith(b"\xef\xbb\xbf") for body in plain)
    assert any(b"\r\n" in body for body in plain)
    assert len({name.split("/")[0] for name in contents}) > 10


def test_the_same_seed_gives_the_same_bytes(world: World, folder: Path, tmp_path: Path) -> None:
    write_logs(demo_world(11, UNTIL, meetings=120), tmp_path / "same", seed=4, until=UNTIL)
    write_logs(world, tmp_path / "other", seed=5, until=UNTIL)
    assert content_of(tmp_path / "same") == content_of(folder)
    assert content_of(tmp_path / "other") != content_of(folder)


def test_a_world_without_meetings_has_no_logs(tmp_path: Path) -> None:
    write_logs(sized_world(1, UNTIL, meetings=0, participants=1, snippets=1), tmp_path, seed=1)
    assert content_of(tmp_path) == {}


def test_the_guide_has_one_log_with_the_guides_payload(tmp_path: Path) -> None:
    write_logs(guide_world(), tmp_path, seed=1)
    ((_, body),) = content_of(tmp_path).items()
    assert body.endswith(b"\n")
    payload = json.loads(body)
    data = payload.pop("data")
    assert payload.pop("targetUrl").endswith("/c231a24c-8a04-42b6-a7ed-85ff1a51b60b")
    host = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9hYzAxZjUzMi1kMDIyLTRmOGUtYTQ5NC1mMGE0ZDc5ZTUyMjc"
    assert payload == {
        "id": "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL1dFQkhPT0svNDk5ZjkxZjItY2QxMi00NTk2"
        "LWEzYjctNDY4NTA1OGQ2NTlm",
        "name": "Meeting Ended Webhook",
        "resource": "meetings",
        "event": "ended",
        "orgId": "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi81NWM1YWUzZi04ZDdmLTQyN2ItYTRmOS01ZTNj"
        "YjNkZGRmN2I",
        "createdBy": host,
        "appId": "Y2lzY29zcGFyazovL3VzL0FQUExJQ0FUSU9OL0NmMzkyNWU5NDFmMzhhYTc0M2Y0MmFiNzcwZmZh"
        "ZjFhNTIyMjcxZDI5OTQ4NDhjNjk2YWMwYTEwN2Q2YTg5MjI3",
        "ownedBy": "creator",
        "status": "active",
        "created": "2021-05-14T20:20:01.024Z",
    }
    assert data.pop("hostEmail").endswith(".example")
    assert data.pop("siteUrl").endswith(".example")
    assert data == {
        "id": "501e995485e2460bb129410116757b13_I_194316955237236650",
        "meetingType": "meeting",
        "timezone": "UTC",
        "start": "2021-05-14T20:25:19Z",
        "end": "2021-05-14T20:26:54Z",
        "hostUserId": host,
        "state": "ended",
        "orgId": "55c5ae3f-8d7f-427b-a4f9-5e3cb3dddf7b",
    }


def test_meetings_can_lose_their_end_and_nothing_else(
    world: World, folder: Path, tmp_path: Path
) -> None:
    write_logs(world, tmp_path / "whole", seed=3, until=UNTIL)
    write_logs(world, tmp_path / "lost", seed=3, until=UNTIL, lost=0.3)
    all_ends = Counter(event.payload["data"].get("id") for event in ended(tmp_path / "whole"))
    ends = Counter(event.payload["data"].get("id") for event in ended(tmp_path / "lost"))
    assert 0.1 < 1 - len(ends) / len(all_ends) < 0.5
    assert all(all_ends[key] == count for key, count in ends.items() if "_I_" in str(key))
    others = [
        Counter(
            json.dumps(event.payload, sort_keys=True)
            for event in events(tmp_path / name)
            if event.payload["event"] != "ended"
        )
        for name in ("whole", "lost")
    ]
    assert others[0] == others[1]
