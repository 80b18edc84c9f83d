"""What was said is here although snippets cannot be read: from the VTT file of the transcript."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.pipeline.fetch.context import TableReport
from meeting_etl.pipeline.fetch.fetch_days import fetch_days
from meeting_etl.pipeline.resources.snippets import SNIPPETS
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS
from meeting_etl.pipeline.resources.vtt_snippets import vtt_snippets
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind, Transcript, World
from meeting_etl.sandbox.world.worlds import demo_world, sized_world
from meeting_etl.times import Span
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
# The first meeting of a sized world ends at eight, five days before.
ENDED = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
FILE = b"""WEBVTT

1
00:00:01.000 --> 00:00:02.500
<v Ana Luz>R&amp;D is ready.</v>

2
00:00:03.000 -> 00:00:04.000
No arrow, no cue.

3
00:00:05.000 --> 00:00:06.000
Well.
"""


def world_with(change: Callable[[Transcript], Transcript]) -> World:
    """One meeting that ended at ENDED with one transcript of three snippets, changed."""
    world = sized_world(1, NOW, meetings=1, participants=2, snippets=3)
    (meeting,) = world.meetings
    (transcript,) = meeting.transcripts
    known = ENDED + timedelta(minutes=10)
    there = replace(transcript, available_at=known, snippets_available_at=known)
    return replace(world, meetings=(replace(meeting, transcripts=(change(there),)),))


def never(transcript: Transcript) -> Transcript:
    """404 for ever."""
    return replace(transcript, snippets_available_at=None)


State = tuple[str, str, bool, int]
# The work item of words that were read from the file, as long as there are no snippets.
READ = ("ready", "complete", True, 3)


def states(product: Product) -> tuple[State, State | None]:
    """The work items of the one transcript: snippets, and words from the file if there is one."""
    found = {
        row["resource"]: (row["status"], row["reason"], row["settled"], row["row_count"])
        for row in product.rows("fetch_ledger")
        if row["resource_id"]
    }
    return found["transcript_snippets"], found.get("vtt_snippets")


def requested(product: Product) -> Counter[str]:
    """How often snippets and files were asked for."""
    paths = [url.partition("?")[0].rpartition("/")[2] for url in product.requests()]
    return Counter(path for path in paths if path in ("snippets", "download"))


def sources(product: Product) -> list[str]:
    return [row["source"] for row in product.rows("transcript_snippets")]


def spoken(product: Product) -> dict[tuple[str, int], tuple[str, str | None, int, datetime]]:
    """What was said when and how long, by transcript and place."""
    return {
        (row["transcript_id"], row["snippet_index"]): (
            row["text"],
            row["person_name"],
            row["duration_ms"],
            row["started_at"],
        )
        for row in product.rows("transcript_snippets")
    }


@pytest.mark.slow
def test_an_administrator_gets_the_same_texts_and_times_as_an_officer(tmp_path: Path) -> None:
    world = demo_world(6, NOW, days=2, meetings=24)
    found = {}
    kinds: tuple[Kind, ...] = ("admin", "compliance")
    for kind in kinds:
        clock = ManualClock(NOW + timedelta(days=5))
        with Sandbox(world, clock) as webex:
            product = Product(tmp_path / kind, webex, kind, clock=clock)
            product.write_logs()
            work_off(product.etl())
            found[kind] = spoken(product)
            if kind == "admin":
                assert set(sources(product)) == {"vtt"}
                rows = product.rows("transcript_snippets")
                assert {row["person_email"] for row in rows} == {None}
                paths = [url.partition("?")[0] for url in product.requests()]
                assert not any(path.endswith("/snippets") for path in paths)
                assert product.etl().ledger.due_days() == []
            else:
                assert set(sources(product)) >= {"snippets"}
    # An officer can read what was deleted, too.
    assert set(found["admin"]) <= set(found["compliance"])
    assert len(found["admin"]) > 0.9 * len(found["compliance"])
    for place, (text, name, duration_ms, started_at) in found["admin"].items():
        expected = found["compliance"][place]
        assert (text, duration_ms, started_at) == (expected[0], *expected[2:])
        assert name in (None, expected[1])


def test_an_administrators_rows_and_ledger(tmp_path: Path) -> None:
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(lambda one: one), clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs()
        work_off(product.etl())
        (transcript,) = webex.world.meetings[0].transcripts
        rows = product.rows("transcript_snippets")
        assert [row["snippet_id"] for row in rows] == [
            f"{transcript.id}_vtt_{number:05}" for number in (1, 2, 3)
        ]
        assert {row["source"] for row in rows} == {"vtt"}
        assert rows[0]["started_at"] == transcript.started_at + timedelta(
            milliseconds=transcript.snippets[0].offset_ms
        )
        assert states(product) == (("forbidden", "token_kind", True, 0), READ)
        assert product.rows("transcripts")[0]["snippet_count"] == 3
        assert requested(product) == {"download": 1}
        # A refetch reads the file again, and nothing else.
        assert product.run(Span(ENDED.date(), ENDED.date()), refetch=True).failures == []
        assert requested(product) == {"download": 2}
        assert product.rows("transcript_snippets") == rows


def test_snippets_that_come_late_take_the_place_of_the_file(tmp_path: Path) -> None:
    """404 at first; the file is read once, the snippets are asked for as long as they may come."""
    clock = ManualClock(ENDED + timedelta(hours=1))
    product = Product(tmp_path, Sandbox(world_with(never), clock), "user", clock=clock)
    with product.webex:
        product.write_logs()
        for _ in range(2):
            work_off(product.etl())
            assert states(product) == (("waiting", "not_found_yet", False, 0), READ)
            assert set(sources(product)) == {"vtt"}
            clock.advance(hours=8)
        assert requested(product) == {"snippets": 2, "download": 1}
    with Sandbox(world_with(lambda one: one), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        clock.advance(hours=24)
        work_off(product.etl())
        assert states(product) == (("ready", "complete", True, 3), None)
        assert sources(product) == ["snippets"] * 3
        assert requested(product) == {"snippets": 1}


def test_at_the_last_attempt_the_file_is_what_there_is(tmp_path: Path) -> None:
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(never), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        work_off(product.etl())
        clock.advance(hours=80)
        work_off(product.etl())
        assert states(product) == (("gone", "not_found", True, 0), READ)
        assert requested(product) == {"snippets": 2, "download": 1}
        assert product.etl().ledger.due_days() == []


def test_snippets_that_are_empty_now_leave_what_the_file_told(tmp_path: Path) -> None:
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(never), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        work_off(product.etl())
    soon = replace_availability(ENDED + timedelta(days=30))
    with Sandbox(world_with(soon), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        clock.advance(hours=8)
        work_off(product.etl())
        assert states(product) == (("waiting", "nothing_yet", False, 0), READ)
        clock.advance(hours=80)
        work_off(product.etl())
        assert states(product) == (("absent", "deadline_passed", True, 0), READ)
        assert sources(product) == ["vtt"] * 3


def replace_availability(moment: datetime) -> Callable[[Transcript], Transcript]:
    return lambda one: replace(one, snippets_available_at=moment)


def test_snippets_that_are_not_there_yet_are_waited_for(tmp_path: Path) -> None:
    """200 and empty: as ever, the file is not asked for."""
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(replace_availability(ENDED + timedelta(hours=2))), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        work_off(product.etl())
        assert states(product) == (("waiting", "nothing_yet", False, 0), None)
        clock.advance(hours=8)
        work_off(product.etl())
        assert states(product) == (("ready", "complete", True, 3), None)
        assert requested(product) == {"snippets": 2}


def test_a_file_without_cues_is_empty(tmp_path: Path) -> None:
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(lambda one: replace(one, snippets=())), clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs()
        work_off(product.etl())
        forbidden = ("forbidden", "token_kind", True, 0)
        assert states(product) == (forbidden, ("waiting", "nothing_yet", False, 0))
        clock.advance(hours=80)
        work_off(product.etl())
        assert states(product) == (forbidden, ("absent", "deadline_passed", True, 0))
        assert requested(product) == {"download": 2}


def test_absent_snippets_say_nothing_of_what_was_read_from_a_file(tmp_path: Path) -> None:
    """As if it were listed no longer: its snippets never were there, its file still is."""
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(never), clock) as webex:
        product = Product(tmp_path, webex, "user", clock=clock)
        product.write_logs()
        work_off(product.etl())
        (row,) = product.rows("transcripts")
        assert row["snippet_count"] == 3
        look = TRANSCRIPTS.status_by_id
        assert look is not None
        assert look(product.etl().accounts.all[0].webex, row) == "unlisted"


def test_rows_of_snippets_are_not_replaced_by_those_of_a_file(tmp_path: Path) -> None:
    """An administrator asks again for what an officer has read."""
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(lambda one: one), clock) as webex:
        officer = Product(tmp_path, webex, "compliance", clock=clock)
        officer.write_logs()
        work_off(officer.etl())
        rows = officer.rows("transcript_snippets")
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.run(Span(ENDED.date(), ENDED.date()), refetch=True)
        assert product.rows("transcript_snippets") == rows
        assert states(product) == (("forbidden", "token_kind", True, 3), None)
        assert requested(product) == {"snippets": 1}


def from_file(tmp_path: Path, content: bytes) -> tuple[Product, TableReport]:
    """What a fetch of words does that finds a file on disk."""
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(world_with(lambda one: one), clock) as webex:
        product = Product(tmp_path, webex, "admin", clock=clock)
        product.write_logs()
        work_off(product.etl())
        etl, day = product.etl(), ENDED.date()
        spec = vtt_snippets(lambda _: content)
        etl.ledger.reopen([day], lambda item: item.resource == spec.resource, fold=True)
        (report,) = fetch_days(etl.fetch_context("again"), [SNIPPETS, spec], [day])
        return product, report.of(spec.table)


def test_a_file_on_disk_needs_no_request_and_its_broken_cues_are_counted(tmp_path: Path) -> None:
    product, report = from_file(tmp_path, FILE)
    assert requested(product) == {"download": 1}, "by the run before"
    rows = product.rows("transcript_snippets")
    assert [(row["text"], row["person_name"], row["offset_ms"]) for row in rows] == [
        ("R&D is ready.", "Ana Luz", 1000),
        ("Well.", None, 5000),
    ]
    assert report.drift.changed == {"vtt cue": 1}
    assert report.outcomes == {"rows": 1}
    assert states(product)[1] == ("ready", "complete", True, 2)


def test_a_file_on_disk_that_is_no_vtt_is_asked_for_anew(tmp_path: Path) -> None:
    product, report = from_file(tmp_path, b"<html>Sorry</html>")
    assert report.outcomes == {"rows": 1}
    assert requested(product) == {"download": 2}
    assert len(product.rows("transcript_snippets")) == 3


def test_a_file_of_broken_cues_only_is_no_empty_one(tmp_path: Path) -> None:
    product, report = from_file(tmp_path, b"WEBVTT\n\n00:00:01.000 -> x\nLost\n")
    assert report.outcomes == {"partial": 1}
    assert states(product)[1] == ("failed", "partial", False, 3)
    assert len(product.rows("transcript_snippets")) == 3
