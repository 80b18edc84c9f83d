"""Rules 3, 4 and 6: values that cannot be meant stop nothing and settle nothing wrongly."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, Meeting
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import format_timestamp
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(1, NOW, meetings=2, participants=2, snippets=3)


def tell(
    product: Product, event: str, at: datetime, resource: str = "meetings", **data: Any
) -> None:
    """A line about the first meeting."""
    meeting = product.webex.world.meetings[0]
    known = {"id": meeting.id, "hostEmail": meeting.host.email, "siteUrl": meeting.site_url}
    body = {"resource": resource, "event": event, "data": known | data}
    line = {"received_at": format_timestamp(at), "headers": {}, "body": body}
    with (product.folder / "webhook_logs" / "later.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def items(product: Product) -> dict[str, dict[str, Any]]:
    """Ledger rows of the first meeting, by resource."""
    first = product.webex.world.meetings[0].id
    return {
        row["resource"]: row for row in product.rows("fetch_ledger") if row["meeting_id"] == first
    }


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("user", marks=pytest.mark.slow),
        pytest.param("admin", marks=pytest.mark.slow),
        "compliance",
    ],
)
@pytest.mark.parametrize(
    "start", ["0001-01-01T00:00:00Z", "2015-01-01T00:00:00Z", "2026-05-01T00:00:00Z"]
)
def test_a_start_that_cannot_be_meant(tmp_path: Path, kind: Kind, start: str) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        product.write_logs()
        tell(product, "ended", NOW, start=start, end=format_timestamp(WORLD.meetings[0].ended_at))
        work_off(product.etl())
        assert len(product.rows("recordings")) == 2
        assert len(product.rows("transcripts")) == 2
        assert {row["status"] for row in items(product).values()} <= {"ready", "forbidden"}


def test_an_offset_that_cannot_be_meant(tmp_path: Path) -> None:
    first, other = WORLD.meetings
    (transcript,) = first.transcripts
    said = replace(transcript.snippets[0], offset_ms=10**17)
    odd = replace(transcript, snippets=(said, *transcript.snippets[1:]))
    with Sandbox(
        replace(WORLD, meetings=(replace(first, transcripts=(odd,)), other)), ManualClock(NOW)
    ) as webex:
        product = Product(tmp_path, webex, clock=webex.clock)
        product.write_logs()
        work_off(product.etl())
        rows = {row["snippet_id"]: row for row in product.rows("transcript_snippets")}
        assert len(rows) == 6
        assert (rows[said.id]["offset_ms"], rows[said.id]["started_at"]) == (10**17, None)


def test_news_about_a_meeting_does_not_undo_a_retry(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        work_off(product.etl())
        ledger = product.etl().ledger
        assert ledger.reopen(ledger.days(), lambda item: item.resource == "participants") == 2
        tell(product, "joined", NOW, "meetingParticipants", id="p", meetingId=WORLD.meetings[0].id)
        seen = webex.counters.total
        work_off(product.etl())
        assert webex.counters.total == seen + 2
        assert {row["settled"] for row in product.rows("fetch_ledger")} == {True}


def test_an_end_that_is_corrected_to_an_earlier_day_leaves_nothing_open_for_ever(
    tmp_path: Path,
) -> None:
    """Asked too early, by a wrong end; the right one is so old that its schedule is over."""
    ended = WORLD.meetings[0].ended_at
    nothing_yet = replace(WORLD.meetings[0], recordings=(), transcripts=())
    clock = ManualClock(ended + timedelta(hours=1))
    with Sandbox(replace(WORLD, meetings=(nothing_yet, WORLD.meetings[1])), clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        work_off(product.etl())
        assert items(product)["recordings"]["status"] == "waiting"
        earlier = ended - timedelta(days=4)
        tell(
            product,
            "ended",
            clock.now(),
            start=format_timestamp(earlier - timedelta(hours=1)),
            end=format_timestamp(earlier),
        )
        work_off(product.etl())
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        clock.advance(hours=100)
        work_off(product.etl())
        for row in product.rows("fetch_ledger"):
            assert row["settled"] is (row["status"] != "waiting"), row
        assert product.etl().ledger.open_days() == {}


@pytest.mark.parametrize(("kind", "finally_"), [("user", True), ("compliance", None)])
def test_a_flag_that_may_still_change_is_not_taken_for_no(
    tmp_path: Path, kind: Kind, finally_: bool | None
) -> None:
    """Webex sets it when the recording has come, 20 minutes after the end."""
    clock = ManualClock(WORLD.meetings[0].ended_at + timedelta(minutes=16))
    with Sandbox(WORLD, clock) as webex:
        product = Product(tmp_path, webex, kind, clock=clock)
        product.write_logs()
        work_off(product.etl())
        (row,) = product.rows("meetings")
        assert (row["title"], row["has_recording"]) == ("Meeting 0", None)
        for _ in range(14):
            clock.advance(hours=6)
            work_off(product.etl())
        (row,) = product.rows("meetings")
        # An officer asks once a meeting, so what was not known then stays so.
        assert row["has_recording"] is finally_
        assert len(product.rows("recordings")) == 1


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_id_is_no_id(tmp_path: Path, blank: str) -> None:
    """Two recordings, two snippets and two participants without one are not one of each."""
    first, other = WORLD.meetings

    def spoilt(meeting: Meeting) -> Meeting:
        (recording,), (transcript,) = meeting.recordings, meeting.transcripts
        said = replace(transcript.snippets[0], id=blank)
        person = replace(meeting.participants[0], id=blank)
        words = replace(transcript, snippets=(said, *transcript.snippets[1:]))
        return replace(
            meeting,
            recordings=(replace(recording, id=blank),),
            transcripts=(words,),
            participants=(person, *meeting.participants[1:]),
        )

    world = replace(WORLD, meetings=(spoilt(first), spoilt(other)))
    with Sandbox(world, ManualClock(NOW)) as webex:
        product = Product(tmp_path, webex, clock=webex.clock)
        product.write_logs()
        work_off(product.etl())
        # Of the others one participant and two snippets each are whole.
        assert len(product.rows("participants")) == 2
        assert len(product.rows("transcript_snippets")) == 4
        assert product.rows("recordings") == []
        for resource in ("recordings", "participants", "transcript_snippets"):
            item = items(product)[resource]
            assert (item["status"], item["reason"]) == ("failed", "partial"), resource


@pytest.mark.parametrize("at_once", [True, False])
def test_words_of_one_transcript_do_not_take_the_place_of_anothers(
    tmp_path: Path, at_once: bool
) -> None:
    """The last two of three snippets have ids that the first transcript has, too."""
    first, other = WORLD.meetings
    (one,), (two,) = first.transcripts, other.transcripts
    same = tuple(
        replace(mine, id=theirs.id)
        for mine, theirs in zip(two.snippets[1:], one.snippets[1:], strict=True)
    )
    later = replace(two, snippets=(two.snippets[0], *same))
    known = NOW if at_once else NOW + timedelta(hours=1)
    later = replace(later, available_at=known - timedelta(minutes=1), snippets_available_at=known)
    clock = ManualClock(max(first.ended_at, other.ended_at) + timedelta(hours=1))
    world = replace(WORLD, meetings=(first, replace(other, transcripts=(later,))))
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, clock=clock)
        product.write_logs()
        if not at_once:
            work_off(product.etl())
        clock.advance(seconds=(NOW + timedelta(hours=2) - clock.now()).total_seconds())
        work_off(product.etl())
        rows = product.rows("transcript_snippets")
        counts = Counter(row["transcript_id"] for row in rows)
        assert sorted(counts.values()) == [1, 3]
        states = {
            row["resource_id"]: (row["status"], row["reason"], row["row_count"])
            for row in product.rows("fetch_ledger")
            if row["resource"] == "transcript_snippets"
        }
        whole, part = (one.id, two.id) if counts[one.id] == 3 else (two.id, one.id)
        assert states == {whole: ("ready", "complete", 3), part: ("failed", "partial", 1)}
        if not at_once:
            assert whole == one.id
