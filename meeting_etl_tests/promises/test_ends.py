"""Rules 3 and 4: what never changes comes to an end, and single refusals are no missing scope.

The API of these tests answers by hand: the officers' endpoints of one small company.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.orchestration.run_summary import RunSummary
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import guide_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.webex.servers import Reply, Seen, running

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
SERIES = "0d9f3a6be1c24857a3b6c1d2e4f50718"
HOST, SITE = "ines@corvane.example", "corvane.webex.example"
Answers = Mapping[str, Any]


def meeting(number: int) -> str:
    return f"{SERIES}_I_{300_000_000_000_000_000 + number}"


def ended(meeting_id: str, **more: object) -> dict[str, Any]:
    return {
        "id": meeting_id,
        "meetingType": "meeting",
        "state": "ended",
        "start": "2026-11-20T14:00:00Z",
        "end": "2026-11-20T15:00:00Z",
        "hostEmail": HOST,
        "siteUrl": SITE,
        **more,
    }


def write_log(
    folder: Path,
    *events: tuple[str, str, Mapping[str, Any]],
    received_at: str = "2026-11-20T15:00:05Z",
) -> None:
    lines = [
        {
            "received_at": received_at,
            "headers": {},
            "body": {"resource": resource, "event": event, "orgId": "ORG", "data": data},
        }
        for resource, event, data in events
    ]
    (folder / "webhook_logs").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "webhook_logs" / "hooks.jsonl").write_text(text)


@contextmanager
def company(folder: Path, answers: Answers, clock: ManualClock) -> Iterator[Product]:
    """A product whose Webex answers by path; an empty list to all else."""

    def answer(seen: Seen) -> Reply:
        path = seen.path.removeprefix("/v1")
        key = f"{path}?{seen.params['meetingId']}" if "meetingId" in seen.params else path
        found = answers.get(key, answers.get(path))
        if found is None and path.startswith("/admin/meetings/"):
            found = ended(path.rpartition("/")[2])
        return found if isinstance(found, Reply) else Reply(found or {"items": []})

    with running(answer) as server, Sandbox(guide_world(), clock) as webex:
        more = {"WEBEX_BASE_URL": server.url}
        yield Product(folder, webex, "compliance", clock, more)


def ledger(product: Product, resource: str) -> Counter[tuple[str, str, bool]]:
    rows = [row for row in product.rows("fetch_ledger") if row["resource"] == resource]
    return Counter((row["status"], row["reason"], row["settled"]) for row in rows)


def is_fine(outcome: RunSummary) -> bool:
    return not outcome.failures and not outcome.failed_items


NO_SNIPPETS = Reply({"message": "Not available.", "trackingId": "R_3"}, 403)


@pytest.mark.parametrize("file", [Reply(b""), Reply(b"", 204)])
def test_an_empty_transcript_has_no_cues_and_ends(tmp_path: Path, file: Reply) -> None:
    listed = {"id": "trA", "meetingId": meeting(1), "startTime": "2026-11-20T14:00:10Z"}
    answers = {
        "/meetingTranscripts": {"items": [listed | {"siteUrl": SITE, "status": "available"}]},
        "/meetingTranscripts/trA/snippets": NO_SNIPPETS,
        "/meetingTranscripts/trA/download": file,
    }
    write_log(tmp_path, ("meetings", "ended", ended(meeting(1))))
    with company(tmp_path, answers, ManualClock(NOW)) as product:
        assert is_fine(product.run())
        assert ledger(product, "transcript_snippets") == {("forbidden", "refused", True): 1}
        assert ledger(product, "vtt_snippets") == {("absent", "deadline_passed", True): 1}


def test_a_request_that_is_refused_for_ever_ends_after_a_week_and_then_nothing_fails(
    tmp_path: Path,
) -> None:
    refused = Reply({"message": "A personal room is not supported.", "trackingId": "R_4"}, 400)
    write_log(tmp_path, ("meetings", "ended", ended(meeting(2))))
    clock = ManualClock(NOW)
    with company(tmp_path, {"/meetingParticipants": refused}, clock) as product:
        assert product.run().failed_items == 1
        clock.advance(days=7)
        assert is_fine(product.run())
        assert ledger(product, "participants") == {("failed", "bad_request", True): 1}
        clock.advance(days=1)
        assert product.run().days == []


@pytest.mark.slow
def test_thirty_meetings_without_the_assistant_are_no_missing_scope(tmp_path: Path) -> None:
    """The window of the officer's transcripts came: the scope is there."""
    off = Reply(
        {"message": "AI Assistant is not enabled for this meeting.", "trackingId": "T"}, 403
    )
    write_log(tmp_path, *(("meetings", "ended", ended(meeting(500 + n))) for n in range(30)))
    with company(tmp_path, {"/meetingTranscripts": off}, ManualClock(NOW)) as product:
        assert is_fine(product.run())
        assert ledger(product, "transcripts") == {("forbidden", "refused", True): 30}


@pytest.mark.slow
def test_what_an_earlier_run_was_allowed_is_no_missing_scope(tmp_path: Path) -> None:
    """Participants have no windows: only the ledger knows that one of another run came."""
    off = Reply({"message": "Not for this meeting.", "trackingId": "T"}, 403)
    there = {"items": [{"id": "p1", "meetingId": meeting(1), "joinedTime": "2026-11-20T14:00:00Z"}]}
    answers: dict[str, Any] = {"/meetingParticipants": off}
    first, others = meeting(1), [meeting(500 + n) for n in range(30)]
    clock = ManualClock(NOW)
    with company(tmp_path, answers | {f"/meetingParticipants?{first}": there}, clock) as product:
        write_log(tmp_path, ("meetings", "ended", ended(first)))
        assert is_fine(product.run())
        clock.advance(hours=1)
        write_log(
            tmp_path, *(("meetings", "ended", ended(meeting)) for meeting in [first, *others])
        )
        assert is_fine(product.run())
        assert ledger(product, "participants")["forbidden", "refused", True] == 30


def participants(device: Mapping[str, str]) -> dict[str, Any]:
    times = {"joinedTime": "2026-11-25T13:30:00Z", "leftTime": "2026-11-25T14:30:00Z"}
    return {"items": [{"id": "p1", "meetingId": meeting(1), **times, "devices": [{**device}]}]}


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ({}, "times_unknown"),
        pytest.param(
            {"joinedTime": "2026-11-25T13:30:00Z"}, "times_unknown", marks=pytest.mark.slow
        ),
        (
            {"joinedTime": "2026-11-25T13:30:00Z", "leftTime": "1970-01-01T00:00:00.000Z"},
            "times_unknown",
        ),
        (
            {"joinedTime": "2026-11-25T13:30:00Z", "leftTime": "2026-11-25T14:30:00Z"},
            "complete",
        ),
    ],
)
def test_participants_are_final_when_the_times_of_their_devices_are_known(
    tmp_path: Path, device: Mapping[str, str], reason: str
) -> None:
    clock = ManualClock(NOW)
    today = ended(meeting(1), start="2026-11-25T13:30:00Z", end="2026-11-25T14:30:00Z")
    write_log(tmp_path, ("meetings", "ended", today), received_at="2026-11-25T14:30:05Z")
    answers = {"/meetingParticipants": participants(device), f"/admin/meetings/{meeting(1)}": today}
    with company(tmp_path, answers, clock) as product:
        assert is_fine(product.run())
        assert ledger(product, "participants") == {("ready", reason, reason == "complete"): 1}
        clock.advance(days=4)
        product.run()
        assert ledger(product, "participants") == {("ready", reason, True): 1}
