"""What is no longer there: rows stay, and say what is proven (rule 5)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, Meeting, Person, World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

UNTIL = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# The first meeting of a sized world ends at eight, five days before.
ENDED = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
Change = Callable[[Meeting], Meeting]
Hold = Callable[..., "Held"]


def world_with(change: Change, meetings: int = 1) -> World:
    world = sized_world(1, UNTIL, meetings=meetings, participants=2, snippets=3)
    first, *others = world.meetings
    return replace(world, meetings=(change(first), *others))


def recording_is(**more: Any) -> Change:
    return lambda meeting: replace(meeting, recordings=(replace(meeting.recordings[0], **more),))


def transcript_is(**more: Any) -> Change:
    return lambda meeting: replace(meeting, transcripts=(replace(meeting.transcripts[0], **more),))


@dataclass
class Held:
    """A product that had everything an hour after the meeting, and may look again."""

    product: Product
    clock: ManualClock

    def runs(self, hours: float) -> None:
        self.clock.advance(hours=hours)
        work_off(self.product.etl())

    def tells(self, event: str, received_at: datetime | None, **data: Any) -> None:
        """A line in a log about the recording."""
        meeting = self.product.webex.world.meetings[0]
        known = {"id": meeting.recordings[0].id, "meetingId": meeting.id}
        payload = {"resource": "recordings", "event": event, "data": known | data}
        line: dict[str, Any] = payload
        if received_at:
            line = {"received_at": received_at.isoformat(), "headers": {}, "body": payload}
        with (self.product.folder / "webhook_logs" / "later.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    @property
    def recording(self) -> dict[str, Any]:
        (row,) = self.product.rows("recordings")
        return row

    @property
    def transcript(self) -> dict[str, Any]:
        (row,) = self.product.rows("transcripts")
        return row

    def reason(self, resource: str) -> tuple[str, str]:
        (row,) = (row for row in self.product.rows("fetch_ledger") if row["resource"] == resource)
        return row["status"], row["reason"]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Serves a world and fetches what there is an hour after its meeting."""
    with ExitStack() as served:

        def build(
            world: World, kind: Kind = "user", *, fetched: bool = True, hours: float = 1
        ) -> Held:
            clock = ManualClock(ENDED + timedelta(hours=hours, minutes=1))
            webex = served.enter_context(Sandbox(world, clock))
            product = Product(tmp_path, webex, kind, clock=clock)
            product.write_logs()
            found = Held(product, clock)
            if fetched:
                found.runs(hours=0)
                assert {row["status"] for row in product.rows("recordings")} == {"available"}
            return found

        yield build


def deletion(row: dict[str, Any]) -> tuple[str, datetime | None, str | None]:
    return row["status"], row["deleted_at"], row["deletion_proof"]


def after(hours: float) -> datetime:
    return ENDED + timedelta(hours=hours)


# Told by an event


def test_a_deleted_event_is_proof_and_the_row_stays(hold: Hold) -> None:
    it = hold(world_with(recording_is(purged_at=after(5))))
    before = it.recording
    it.tells("deleted", after(5))
    it.runs(hours=5)
    assert deletion(it.recording) == ("deleted", after(5), "event")
    same = before.keys() - {"status", "deleted_at", "deletion_proof"}
    assert {name: it.recording[name] for name in same} == {name: before[name] for name in same}
    assert it.reason("recordings") == ("ready", "no_longer_listed")


def test_a_recording_that_was_never_fetched_leaves_a_tombstone(hold: Hold) -> None:
    it = hold(world_with(recording_is(purged_at=after(0.5))), fetched=False)
    it.tells("deleted", after(0.5))
    it.runs(hours=0)
    assert deletion(it.recording) == ("deleted", after(0.5), "event")
    assert it.recording["meeting_id"] == it.product.webex.world.meetings[0].id
    assert it.recording["date"] == ENDED.date()
    assert it.recording["size_bytes"] is None
    it.runs(hours=100)
    assert it.reason("recordings")[0] == "absent"


def test_an_event_without_a_time_counts_from_its_day(hold: Hold) -> None:
    it = hold(world_with(recording_is(purged_at=after(5))))
    it.tells("deleted", after(4), topic="dated, so that the next line has a day")
    it.tells("deleted", None)
    it.runs(hours=5)
    assert deletion(it.recording) == ("deleted", after(4), "event")


def test_what_an_event_told_stands_against_a_late_listing(hold: Hold) -> None:
    """REST lags the webhook by minutes."""
    it = hold(world_with(recording_is()))
    it.tells("deleted", after(2))
    it.runs(hours=1)
    assert deletion(it.recording) == ("deleted", after(2), "event")
    it.runs(hours=100)
    assert deletion(it.recording) == ("deleted", after(2), "event")


# Not listed any more


def test_what_lies_in_the_recycle_bin_is_deleted_and_may_come_back(hold: Hold) -> None:
    it = hold(world_with(recording_is(deleted_at=after(3))))
    it.runs(hours=6)
    assert deletion(it.recording) == ("deleted", it.clock.now(), "listing")
    assert it.recording["size_bytes"] == 50_000_000
    restored = world_with(recording_is())
    with Sandbox(restored, it.clock) as webex:
        again = Held(Product(it.product.folder, webex, "user", clock=it.clock), it.clock)
        again.runs(hours=24)
        assert deletion(again.recording) == ("available", None, None)


@pytest.mark.parametrize("kind", ["user", "admin", "compliance"])
def test_what_is_not_found_by_id_was_deleted(hold: Hold, kind: Kind) -> None:
    it = hold(world_with(recording_is(purged_at=after(3))), kind)
    it.runs(hours=6)
    proof = {"compliance": ("purged", it.clock.now(), "listing")}
    assert deletion(it.recording) == proof.get(kind, ("deleted", it.clock.now(), "not_found"))


def test_what_another_token_cannot_find_is_only_unlisted(hold: Hold) -> None:
    it = hold(world_with(recording_is(purged_at=after(3))))
    webex = it.product.webex
    it.product.more = {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_CLIENT_ID": webex.client_id,
        "WEBEX_CLIENT_SECRET": webex.client_secret,
        "WEBEX_REFRESH_TOKEN": webex.grant("user"),
    }
    it.runs(hours=6)
    assert deletion(it.recording) == ("unlisted", None, None)
    # It is looked for again, but no number of not finding it is proof.
    it.runs(hours=100)
    assert deletion(it.recording) == ("unlisted", None, None)


def test_what_is_shared_no_longer_is_only_unlisted(hold: Hold) -> None:
    """The recording of a colleague, which the token's owner was shown for some hours."""

    def shared(meeting: Meeting) -> Meeting:
        colleague = Person("Ada Fenn", "ada@sized.example", "ada", meeting.site_url)
        (recording,) = meeting.recordings
        return replace(
            meeting,
            host=colleague,
            recordings=(replace(recording, shared_with=(meeting.host.email,)),),
        )

    def unshared(meeting: Meeting) -> Meeting:
        meeting = shared(meeting)
        return replace(meeting, recordings=(replace(meeting.recordings[0], shared_with=()),))

    it = hold(world_with(shared))
    assert it.recording["share_to_me"]
    with Sandbox(world_with(unshared), it.clock) as webex:
        again = Held(Product(it.product.folder, webex, "user", clock=it.clock), it.clock)
        again.runs(hours=6)
        assert deletion(again.recording) == ("unlisted", None, None)


@pytest.mark.parametrize("kind", ["user", "compliance"])
def test_a_deleted_transcript_keeps_its_snippets(hold: Hold, kind: Kind) -> None:
    it = hold(world_with(transcript_is(deleted_at=after(3))), kind)
    snippets = it.product.rows("transcript_snippets")
    it.runs(hours=6)
    status, _, proof = deletion(it.transcript)
    # An officer can still read it, and the listing that says so is for many meetings.
    assert (status, proof) == {
        "user": ("deleted", "not_found"),
        "compliance": ("unlisted", None),
    }[kind]
    assert it.transcript["snippet_count"] == 3
    assert it.product.rows("transcript_snippets") == snippets


def test_an_officers_window_lists_deleted_transcripts_as_such(hold: Hold) -> None:
    it = hold(world_with(transcript_is(deleted_at=after(30)), meetings=2), "compliance", hours=6)
    it.runs(hours=32)
    rows = {row["meeting_id"]: row for row in it.product.rows("transcripts")}
    first, other = (meeting.id for meeting in it.product.webex.world.meetings)
    assert deletion(rows[first]) == ("deleted", it.clock.now(), "listing")
    assert deletion(rows[other]) == ("available", None, None)


@pytest.mark.slow
def test_absence_shrinks_no_table(hold: Hold) -> None:
    """The API forgets everything about the meeting, and answers 200 with nothing."""

    def emptied(meeting: Meeting) -> Meeting:
        return replace(meeting, recordings=(), transcripts=(), participants=())

    it = hold(world_with(recording_is()))
    tables = ("recordings", "participants", "transcripts", "transcript_snippets")
    before = {name: it.product.rows(name) for name in tables}
    with Sandbox(world_with(emptied), it.clock) as webex:
        product = Product(it.product.folder, webex, "user", clock=it.clock)
        day = Span(ENDED.date(), ENDED.date())
        assert product.run(day, refetch=True).failures == []
        for name in ("participants", "transcript_snippets"):
            assert product.rows(name) == before[name]
        for name, key in (("recordings", "recording_id"), ("transcripts", "transcript_id")):
            rows = product.rows(name)
            assert [row[key] for row in rows] == [row[key] for row in before[name]]
            # The same token that read them is told 404 by id.
            assert [row["deletion_proof"] for row in rows] == ["not_found"]
        ledger = {row["resource"]: row for row in product.rows("fetch_ledger")}
        assert ledger["transcript_snippets"]["reason"] == "not_found_yet"
        assert ledger["transcript_snippets"]["row_count"] == 3
        assert ledger["participants"]["reason"] == "no_longer_listed"


def test_two_transcripts_of_one_meeting_have_a_ledger_row_each(hold: Hold) -> None:
    def two(meeting: Meeting) -> Meeting:
        (one,) = meeting.transcripts
        other = replace(one, id="f" * 32, snippets_available_at=None, snippets=())
        return replace(meeting, transcripts=(one, other))

    it = hold(world_with(two))
    it.runs(hours=100)
    ledger = {
        row["resource_id"]: (row["status"], row["row_count"])
        for row in it.product.rows("fetch_ledger")
        if row["resource"] == "transcript_snippets"
    }
    readable = it.product.webex.world.meetings[0].transcripts[0].id
    assert ledger == {readable: ("ready", 3), "f" * 32: ("gone", 0)}
