"""Rows of a VTT file in the place of snippets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.pipeline.resources.vtt_snippets import vtt_snippets
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import NOW, small_world

BEGUN = datetime(2026, 3, 2, 9, tzinfo=UTC)
VTT = b"""WEBVTT

1 "Ana Luz" (41)
00:00:01.000 --> 00:00:02.500
One

2 "" ()
00:00:03.000 --> 00:00:04.000
Two
"""


def test_the_id_of_a_cues_identifier_is_kept_beside_the_row(tmp_path: Path) -> None:
    item = WorkItem("m", "vtt_snippets", "t")
    meeting = {"started_at": BEGUN, "ended_at": BEGUN + timedelta(hours=1), "host_email": None}
    target = Target(item, meeting, {"started_at": BEGUN})
    spec, drift = vtt_snippets(lambda _: VTT), SchemaDrift()
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        listing = spec.request(Product(tmp_path, webex).etl().accounts.all[0].webex, target)
    rows = spec.rows(listing.items, target, drift, {})
    assert [(row["person_name"], row["text"], row["extra"]) for row in rows] == [
        ("Ana Luz", "One", '{"speakerId": "41"}'),
        (None, "Two", None),
    ]
    assert rows[0]["started_at"] == BEGUN + timedelta(seconds=1)
    assert rows[0]["duration_ms"] == 1500
    assert not drift.unknown
