"""GET /meetingSummaries and /admin/meetingSummaries: docs/webex-api-notes.md."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import HANA, NOW, S1, A, B, C, small_world

USERS, OFFICERS = "/meetingSummaries", "/admin/meetingSummaries"


def world() -> World:
    """The small world; A, which the owner hosted, and C, which Hana did, have a summary."""
    made = small_world()
    meetings = tuple(
        replace(meeting, features=frozenset({"summary"})) if meeting.id in (A, C) else meeting
        for meeting in made.meetings
    )
    return replace(made, meetings=meetings)


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    with Sandbox(world(), ManualClock(NOW)) as webex:
        yield webex


def test_a_summary_is_html_with_a_script_and_its_items_are_text(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    (item,) = open_walker(webex).items(USERS, meetingId=A)
    assert (item["meetingId"], item["status"]) == (A, "available")
    for part in ("<script>", "<ul><li>", "&nbsp;", "<!--"):
        assert part in item["notes"]["content"]
    assert all(set(action) == {"content"} for action in item["actionItems"])
    assert open_walker(webex, "compliance").items(OFFICERS, meetingId=A) == [item]


def test_who_sees_which(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert open_walker(webex).items(USERS, meetingId=B) == []
    assert open_walker(webex).items(USERS, meetingId=C) == []
    assert len(open_walker(webex, "compliance").items(OFFICERS, meetingId=C)) == 1
    officer = open_walker(webex, "compliance")
    assert officer.items(OFFICERS, meetingId=A, hostEmail=HANA.email) == []
    assert open_walker(webex, "compliance").status(USERS) == 403
    assert open_walker(webex).status(OFFICERS) == 403
    for path in (USERS, OFFICERS):
        assert open_walker(webex, "admin").status(path, meetingId=A) == 403


@pytest.mark.parametrize(
    ("meeting_id", "status"), [(None, 400), (S1, 400), (f"{S1}_I_999", 404), ("nonsense", 400)]
)
def test_what_is_refused(
    webex: Sandbox, open_walker: OpenWalker, meeting_id: str | None, status: int
) -> None:
    query = {"meetingId": meeting_id} if meeting_id else {}
    assert open_walker(webex).status(USERS, **query) == status
    assert open_walker(webex, "compliance").status(OFFICERS, **query) == status


def test_it_comes_40_minutes_after_the_end(serve: Serve, open_walker: OpenWalker) -> None:
    ended = next(meeting.ended_at for meeting in world().meetings if meeting.id == A)
    during = serve(world(), ended - timedelta(minutes=1))
    assert open_walker(during).status(USERS, meetingId=A) == 400
    for minutes, count in ((39, 0), (40, 1)):
        later = serve(world(), ended + timedelta(minutes=minutes))
        assert len(open_walker(later).items(USERS, meetingId=A)) == count
