"""Sizes of pages, next links and cursors."""

import re

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.sandbox.conftest import UNTIL, OpenWalker, Serve
from meeting_etl_tests.sandbox.small import SITES, TA, A
from meeting_etl_tests.sandbox.walker import cursor_of

LISTS = [
    "/meetings?meetingType=meeting&",
    f"/meetingParticipants?meetingId={A}&",
    "/recordings?",
    "/admin/recordings?",
    "/meetingTranscripts?",
    f"/admin/meetingTranscripts?siteUrl={SITES[0]}&",
    f"/meetingTranscripts/{TA}/snippets?",
]


def kind_for(path: str) -> Kind:
    return "admin" if path.startswith("/meetings?") else "compliance"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5", "", "１０"])
def test_max_must_be_a_number_of_at_least_one(
    webex: Sandbox, open_walker: OpenWalker, path: str, text: str
) -> None:
    assert open_walker(webex, kind_for(path)).status(f"{path}max={text}") == 400


def test_pages_have_ten_items_and_never_more_than_a_hundred(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=120, participants=120, snippets=120)
    walker = open_walker(serve(world, empty_page_every=0), "compliance")
    one = world.meetings[0]
    site = world.sites[0]
    for path in (
        f"/meetingParticipants?meetingId={one.id}",
        "/recordings?",
        "/admin/recordings?",
        "/meetingTranscripts?",
        f"/admin/meetingTranscripts?siteUrl={site}",
        f"/meetingTranscripts/{one.transcripts[0].id}/snippets?",
    ):
        assert sizes(walker.pages(path)) == [10] * 12, path
        assert sizes(walker.pages(f"{path}&max=1000")) == [100, 20], path
        assert sizes(walker.pages(f"{path}&max=70")) == [70, 50], path
    admin = open_walker(serve(world, empty_page_every=0), "admin")
    assert sizes(admin.pages("/meetings?meetingType=meeting")) == [10] * 12
    assert sizes(admin.pages("/meetings?meetingType=meeting&max=101")) == [100, 20]


def sizes(pages: object) -> list[int]:
    return [len(page.json()["items"]) for page in pages]  # type: ignore[attr-defined]


def test_pages_together_are_the_list_and_the_last_has_no_link(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    walker = open_walker(serve(world))
    query = {"meetingId": world.meetings[0].id}
    pages = list(walker.pages("/meetingParticipants", **query))
    found = [item["id"] for page in pages for item in page.json()["items"]]
    assert found == [participant.id for participant in world.meetings[0].participants]
    assert all("Link" in page.headers for page in pages[:-1])
    assert "Link" not in pages[-1].headers
    whole = walker.get("/meetingParticipants", max=25, **query)
    assert "Link" not in whole.headers


def test_the_next_link_is_complete_and_its_cursor_tells_nothing(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    webex = serve(world, empty_page_every=0)
    walker = open_walker(webex)
    first = walker.get("/meetingParticipants", meetingId=world.meetings[0].id, max=5)
    link = first.links["next"]["url"]
    assert link.startswith(f"{webex.base_url}/meetingParticipants?")
    assert f"meetingId={world.meetings[0].id}" in link
    assert "max=5" in link
    assert re.fullmatch(r"[0-9a-f]{40}", cursor_of(first))
    second = walker.get("/meetingParticipants", meetingId=world.meetings[0].id, max=5).links
    assert second["next"]["url"] == link
    for guess in ("5", "10", "0" * 40, ""):
        query = {"meetingId": world.meetings[0].id, "cursor": guess}
        assert walker.status("/meetingParticipants", **query) == 400


def test_who_drops_the_filters_of_the_next_link_gets_other_things(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=30, participants=1, snippets=1)
    walker = open_walker(serve(world, empty_page_every=0))
    window = {"from_": "2026-03-07T08:00:00Z", "to": "2026-03-07T12:30:00Z"}
    first = walker.get("/recordings", max=5, **window)
    rest = walker.items("/recordings", cursor=cursor_of(first), max=5, **window)
    stray = walker.items("/recordings", cursor=cursor_of(first), max=5)
    assert len(rest) == 8
    assert len(stray) == 25


def test_a_cursor_is_good_for_the_question_alone_that_it_was_given_for(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = sized_world(1, UNTIL, meetings=2, participants=25, snippets=1)
    walker = open_walker(serve(world, empty_page_every=0))
    mine, other = (meeting.id for meeting in world.meetings[:2])
    cursor = cursor_of(walker.get("/meetingParticipants", meetingId=mine, max=10))
    for changed in ({"meetingId": mine, "max": 5}, {"meetingId": other, "max": 10}):
        answer = walker.get("/meetingParticipants", cursor=cursor, **changed)
        assert answer.status_code == 400
        assert answer.json()["message"]
    again = walker.get("/meetingParticipants", cursor=cursor, meetingId=mine, max=10)
    assert len(again.json()["items"]) == 10


@pytest.mark.parametrize(("every", "expected"), [(0, 3), (1, 5)])
def test_follow_up_pages_may_come_after_an_empty_one(
    serve: Serve, open_walker: OpenWalker, every: int, expected: int
) -> None:
    world = sized_world(1, UNTIL, meetings=1, participants=25, snippets=1)
    webex = serve(world, empty_page_every=every)
    pages = list(open_walker(webex).pages("/meetingParticipants", meetingId=world.meetings[0].id))
    assert len(pages) == expected
    assert sum(len(page.json()["items"]) for page in pages) == 25
    assert webex.counters.injected["empty_page"] == expected - 3


def test_some_pages_are_empty_unless_told_otherwise(demo: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(demo, "compliance")
    largest = max(demo.world.meetings, key=lambda one: len(one.participants))
    pages = list(walker.pages("/meetingParticipants", meetingId=largest.id))
    assert 0 in sizes(pages[:-1])
    assert len(walker.items("/meetingParticipants", meetingId=largest.id)) == len(
        largest.participants
    )
