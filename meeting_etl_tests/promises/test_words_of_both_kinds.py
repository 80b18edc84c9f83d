"""Rule 5: a transcript's words are from its snippets or from its VTT file, never from both.

The API of these tests answers by hand: one meeting of one company, with one transcript.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import guide_world
from meeting_etl.schemas import FETCH_LEDGER
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.promises.test_ends import SITE, ended, meeting, write_log
from meeting_etl_tests.webex.servers import Reply, Seen, running

ENDED = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LISTED = {
    "id": "trA",
    "meetingId": meeting(1),
    "startTime": "2026-11-20T14:00:10Z",
    "siteUrl": SITE,
    "status": "available",
}
FILE = Reply(b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nSo be it.\n")
SNIPPET = {
    "id": "trA_1",
    "text": "So be it.",
    "personName": "Ines",
    "personEmail": "ines@corvane.example",
    "offsetMillisecond": 1000,
    "durationMillisecond": 1000,
}
SNIPPETS = Reply({"items": [SNIPPET]})
REFUSED = Reply({"message": "Not available.", "trackingId": "R_3"}, 403)
NOT_FOUND = Reply({"message": "Not found.", "trackingId": "R_4"}, 404)
FORBIDDEN = ("forbidden", "refused", True)
READY = ("ready", "complete", True)


@dataclass
class Company:
    """A product, and what its Webex answers to requests for snippets and for the VTT file."""

    product: Product
    clock: ManualClock
    snippets: Reply = NOT_FOUND
    file: Reply = NOT_FOUND
    file_seconds: float = 0.0
    requested: Counter[str] = field(default_factory=Counter)

    def answer(self, seen: Seen) -> Reply:
        path = seen.path.removeprefix("/v1")
        kind = path.rpartition("/")[2]
        if kind in ("snippets", "download"):
            self.requested[kind] += 1
            time.sleep(self.file_seconds if kind == "download" else 0)
            return self.snippets if kind == "snippets" else self.file
        if path == "/meetingTranscripts":
            return Reply({"items": [LISTED]})
        return Reply(ended(kind) if path.startswith("/admin/meetings/") else {"items": []})

    def run(self, *, hours: float = 0, token: str | None = None) -> dict[str, tuple[Any, ...]]:
        """Work off what is due some hours later; returns the states of both work items."""
        self.clock.advance(hours=hours)
        if token is not None:
            self.product.more = {**self.product.more, "WEBEX_ACCESS_TOKEN": token}
        self.requested.clear()
        work_off(self.product.etl())
        return {
            row["resource"]: (row["status"], row["reason"], row["settled"])
            for row in self.product.rows("fetch_ledger")
            if row["resource_id"]
        }

    @property
    def sources(self) -> list[str]:
        return [row["source"] for row in self.product.rows("transcript_snippets")]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """One hour after the end of the meeting."""
    write_log(tmp_path, ("meetings", "ended", ended(meeting(1))))
    clock = ManualClock(ENDED + timedelta(hours=1))
    with Sandbox(guide_world(), clock) as webex:
        found = Company(Product(tmp_path, webex, "compliance", clock), clock)
        with running(found.answer) as server:
            found.product.more = {"WEBEX_BASE_URL": server.url}
            yield found


def test_a_file_that_appears_together_with_the_snippets_is_not_requested(company: Company) -> None:
    waiting = ("waiting", "not_found_yet", False)
    assert company.run() == {"transcript_snippets": waiting, "vtt_snippets": waiting}
    assert company.requested == {"snippets": 1, "download": 1}
    company.snippets, company.file = SNIPPETS, FILE
    assert company.run(hours=8) == {"transcript_snippets": READY}
    assert company.requested == {"snippets": 1}
    assert company.sources == ["snippets"]


def test_incomplete_snippets_are_not_put_beside_the_words_of_the_file(company: Company) -> None:
    company.file = FILE
    company.run()
    company.snippets = Reply({"items": [SNIPPET, {"text": "No id."}]})
    states = company.run(hours=8)
    assert states == {"transcript_snippets": ("failed", "partial", False), "vtt_snippets": READY}
    assert company.sources == ["vtt"]
    company.snippets = SNIPPETS
    assert company.run(hours=1) == {"transcript_snippets": READY}
    assert company.sources == ["snippets"]


def test_another_token_that_is_refused_too_may_read_the_file_at_least(company: Company) -> None:
    company.snippets = REFUSED
    company.run()
    gone = ("gone", "not_found", True)
    states = company.run(hours=80)
    assert states == {"transcript_snippets": FORBIDDEN, "vtt_snippets": gone}
    assert company.requested == {"download": 1}
    company.file = FILE
    states = company.run(hours=1, token="another")
    assert states == {"transcript_snippets": FORBIDDEN, "vtt_snippets": READY}
    assert company.requested == {"snippets": 1, "download": 1}
    # With the words here, a third one is refused without a further request for the file.
    assert company.run(hours=1, token="third") == states
    assert company.requested == {"snippets": 1}
    assert company.sources == ["vtt"]


def test_a_refusal_by_the_kind_of_token_that_is_repeated_requests_the_file_once(
    company: Company,
) -> None:
    company.product.kind = "admin"
    company.run()
    company.run(hours=80)
    ledger = company.product.etl().ledger
    ledger.reopen(ledger.days(), lambda item: item.resource == "transcript_snippets")
    company.file = FILE
    states = company.run()
    assert states["transcript_snippets"] == ("forbidden", "token_kind", True)
    assert states["vtt_snippets"] == READY
    assert company.requested == {"download": 1}


def test_an_event_shortly_before_the_last_attempt_gives_the_file_its_time(
    company: Company,
) -> None:
    company.snippets = REFUSED
    company.run()
    at = ENDED + timedelta(hours=71)
    event = {"id": "trA", "meetingId": meeting(1)}
    write_log(
        company.product.folder,
        ("meetings", "ended", ended(meeting(1))),
        ("meetingTranscripts", "created", event),
        received_at=at.isoformat(),
    )
    company.run(hours=70.1)
    company.run(hours=2)
    company.file = FILE
    assert company.run(hours=24)["vtt_snippets"] == READY


def as_an_earlier_version_wrote_it(company: Company, **changes: object) -> None:
    """The words of the file as the state of the snippets, and no work item of their own."""
    etl, day = company.product.etl(), date(2026, 11, 20)
    items = {item.resource: item for item in etl.ledger.items(day)}
    snippets, words = items["transcript_snippets"], items["vtt_snippets"]
    old = vars(snippets) | {"status": "ready", "reason": "from_vtt", "row_count": words.row_count}
    kept = [vars(item) for item in items.values() if item not in (snippets, words)]
    rows = [*kept, vars(WorkItem(**(old | changes)))]
    etl.lake.merge(FETCH_LEDGER, day, rows, replacing={"meeting_id": [meeting(1)]})


@pytest.mark.slow
def test_words_that_an_earlier_version_read_are_not_requested_again(company: Company) -> None:
    company.file = FILE
    states = company.run()
    as_an_earlier_version_wrote_it(company)
    assert company.run(hours=8) == states
    assert company.requested == {"snippets": 1}
    assert company.run(hours=80)["vtt_snippets"] == READY
    as_an_earlier_version_wrote_it(company)
    company.snippets = SNIPPETS
    assert company.run(hours=80)["transcript_snippets"] == ("ready", "from_vtt", True)
    assert company.requested == {}, "404 is no matter of the token"


@pytest.mark.slow
@pytest.mark.parametrize("http_status", [403, None])
def test_another_token_reopens_what_an_earlier_version_read_from_the_file(
    company: Company, http_status: int | None
) -> None:
    company.snippets, company.file = REFUSED, FILE
    company.run()
    as_an_earlier_version_wrote_it(company, http_status=http_status)
    company.snippets = SNIPPETS
    assert company.run(hours=1, token="another") == {"transcript_snippets": READY}
    assert company.sources == ["snippets"]
    assert company.requested == {"snippets": 1}


@pytest.mark.slow
def test_a_file_that_is_still_on_its_way_is_not_requested_for_its_words_too(
    company: Company, tmp_path: Path
) -> None:
    """The refusal of the snippets comes sooner than the file, which is kept."""
    settings = tmp_path / "settings.toml"
    settings.write_text('[downloads]\ntranscripts = ["vtt"]\n')
    company.product.more = {**company.product.more, "MEETING_ETL_SETTINGS": str(settings)}
    company.snippets, company.file, company.file_seconds = REFUSED, FILE, 1.0
    assert company.product.run().failures == []
    assert company.requested == {"snippets": 1, "download": 1}
    assert company.sources == ["vtt"]
