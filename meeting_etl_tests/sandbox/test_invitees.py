"""GET /meetingInvitees: docs/webex-api-notes.md."""

from collections.abc import Iterator

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Invitee, World
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    S1,
    S4,
    TOM,
    A,
    B,
    C,
    D,
    at,
    changed,
    small_world,
)

PATH = "/meetingInvitees"
ZOE = Invitee(f"{S1}_1000001", "Zoe Zeal", "zoe@partner.example")
AMY = Invitee(f"{S1}_1000002", "Amy Able", "Amy@partner.example", co_host=True)
PAT = Invitee("3_1000003", "Pat Panel", "pat@team.example", panelist=True)


def world() -> World:
    """The small world; two were invited to A, another person and a panelist to the webinar D."""
    made = changed(small_world(), A, invitees=(ZOE, AMY))
    return changed(made, D, invitees=(PAT, ZOE))


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    with Sandbox(world(), ManualClock(NOW)) as webex:
        yield webex


def test_invitees_are_in_the_order_of_their_addresses(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    amy, zoe = open_walker(webex).items(PATH, meetingId=A)
    assert amy == {
        "id": f"{S1}_1000002",
        "email": "Amy@partner.example",
        "displayName": "Amy Able",
        "coHost": True,
        "panelist": False,
        "meetingId": A,
    }
    assert zoe["email"] == "zoe@partner.example"
    assert open_walker(webex).items(PATH, meetingId=B) == []


def test_only_the_host_and_an_administrator_who_names_them_may_ask(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    assert open_walker(webex).status(PATH, meetingId=C) == 403
    admin = open_walker(webex, "admin")
    assert len(admin.items(PATH, meetingId=A, hostEmail=OWNER.email)) == 2
    assert admin.status(PATH, meetingId=A) == 404
    assert admin.status(PATH, meetingId=A, hostEmail=HANA.email) == 404
    assert open_walker(webex, "compliance").status(PATH, meetingId=A) == 403


@pytest.mark.parametrize(
    ("meeting_id", "status"),
    [(None, 400), (f"{S1}_I_999", 404), ("nonsense", 404), (S4, 400)],
)
def test_what_is_refused(
    webex: Sandbox, open_walker: OpenWalker, meeting_id: str | None, status: int
) -> None:
    query = {"meetingId": meeting_id} if meeting_id else {}
    assert open_walker(webex).status(PATH, **query) == status


def test_panelists_of_a_webinar(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    of_webinar = {"meetingId": D, "hostEmail": TOM.email}
    for panelist, names in (("true", ["Pat Panel"]), ("false", ["Zoe Zeal"])):
        found = admin.items(PATH, panelist=panelist, **of_webinar)
        assert [item["displayName"] for item in found] == names
    assert len(admin.items(PATH, **of_webinar)) == 2
    assert len(open_walker(webex).items(PATH, meetingId=A, panelist="true")) == 2
    assert admin.status(PATH, panelist="some", **of_webinar) == 400


def test_a_page_has_ten_and_at_most_a_hundred(serve: Serve, open_walker: OpenWalker) -> None:
    invited = tuple(
        Invitee(f"{S1}_{number}", "Guest", f"{number:03}@partner.example") for number in range(120)
    )
    walker = open_walker(serve(changed(small_world(), A, invitees=invited), NOW))
    first = walker.get(f"{PATH}?meetingId={A}")
    assert len(first.json()["items"]) == 10
    assert 'rel="next"' in first.headers["Link"]
    assert len(walker.get(f"{PATH}?meetingId={A}&max=500").json()["items"]) == 100
    emails = [item["email"] for item in walker.items(PATH, meetingId=A, max=100)]
    assert emails == [invitee.email for invitee in invited]


def test_a_series_has_the_invitees_of_its_latest_instance(
    serve: Serve, open_walker: OpenWalker
) -> None:
    walker = open_walker(serve(changed(world(), B, invitees=(ZOE,)), NOW))
    (item,) = walker.items(PATH, meetingId=S1)
    assert (item["email"], item["meetingId"]) == ("zoe@partner.example", S1)


def test_before_it_began_there_is_no_meeting(serve: Serve, open_walker: OpenWalker) -> None:
    walker = open_walker(serve(world(), at("2026-03-02T08:59:00")))
    assert walker.status(PATH, meetingId=A) == 404
