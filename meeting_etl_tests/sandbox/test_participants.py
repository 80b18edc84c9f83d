"""GET /meetingParticipants: T26 to T32 of docs/webex-api-notes.md."""

from dataclasses import replace
from datetime import timedelta

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Breakout, Participant
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    S1,
    S4,
    SITES,
    A,
    B,
    C,
    at,
    changed,
    device,
    small_world,
)
from meeting_etl_tests.sandbox.walker import Json, Walker

PATH = "/meetingParticipants"


def ids(walker: Walker, **query: object) -> list[str]:
    return [item["id"] for item in walker.items(PATH, **query)]


def people(meeting_id: str) -> list[str]:
    return [f"{meeting_id.partition('_')[0]}_p{number}" for number in (1, 2, 3)]


def test_who_may_ask(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert ids(open_walker(webex), meetingId=A) == people(A)
    assert open_walker(webex).status(PATH, meetingId=C) == 403
    admin = open_walker(webex, "admin")
    assert ids(admin, meetingId=C) == people(C)
    assert ids(admin, meetingId=C, hostEmail=HANA.email) == people(C)
    assert admin.status(PATH, meetingId=C, hostEmail=OWNER.email) == 404
    assert ids(open_walker(webex, "compliance"), meetingId=C) == people(C)


def test_the_meeting_must_be_named_and_known(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    assert walker.status(PATH) == 400
    assert walker.status(PATH, meetingId="") == 400
    for unknown in (f"{S1}_I_1", "9" * 32, "nonsense"):
        assert walker.status(PATH, meetingId=unknown) == 404, unknown


def test_a_series_has_the_participants_of_its_last_instance(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    for meeting_id, expected in (
        (S1, B),
        (f"{S1}_20260302T090000Z", A),
        (f"{S1}_20260303T090000Z", B),
    ):
        found = open_walker(webex).items(PATH, meetingId=meeting_id)
        assert {item["meetingId"] for item in found} == {expected}
    assert ids(open_walker(webex), meetingId=f"{S1}_20260304T090000Z") == []


def test_series_are_looked_up_in_the_last_month_only(serve: Serve, open_walker: OpenWalker) -> None:
    walker = open_walker(serve(small_world(), at("2026-04-02T09:00:00")))
    assert ids(walker, meetingId=S1) == []
    assert len(ids(walker, meetingId=B)) == 3
    window = {"meetingStartTimeFrom": "2026-03-01T00:00:00Z"}
    assert len(ids(walker, meetingId=S1, **window)) == 3
    narrow = {"meetingStartTimeTo": "2026-03-03T09:00:00Z"}
    assert {item["meetingId"] for item in walker.items(PATH, meetingId=S1, **narrow)} == {A}


def test_scheduled_personal_rooms_are_not_supported(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    assert open_walker(webex).status(PATH, meetingId=S4) == 400
    assert open_walker(webex).status(PATH, meetingId=f"{S4}_20260309T080000Z") == 400


def test_a_participant_of_a_meeting_that_is_over(webex: Sandbox, open_walker: OpenWalker) -> None:
    host, guest, _ = open_walker(webex).items(PATH, meetingId=A)
    assert host == {
        "id": f"{S1}_p1",
        "host": True,
        "coHost": False,
        "email": "olga@team.example",
        "displayName": "Olga Owner",
        "invitee": True,
        "muted": False,
        "meetingStartTime": "2026-03-02T09:00:00Z",
        "video": "on",
        "state": "end",
        "joinedTime": "2026-03-02T09:00:00Z",
        "leftTime": "2026-03-02T09:30:00Z",
        "siteUrl": SITES[0],
        "meetingId": A,
        "hostEmail": "olga@team.example",
        "devices": [
            {
                "correlationId": "correlation-0900",
                "deviceType": "mac",
                "audioType": "voip",
                "joinedTime": "2026-03-02T09:00:00.000Z",
                "leftTime": "2026-03-02T09:30:00.000Z",
                "durationSecond": 1800,
            }
        ],
    }
    assert "email" not in guest


def test_while_it_goes_on_only_those_present_are_listed(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(small_world(), at("2026-03-02T09:03:00"))
    walker = open_walker(webex)
    assert ids(walker, meetingId=A) == [f"{S1}_p1", f"{S1}_p3"]
    assert isinstance(webex.clock, ManualClock)
    webex.clock.advance(minutes=19)
    found = walker.items(PATH, meetingId=A)
    assert [item["id"] for item in found] == [f"{S1}_p1", f"{S1}_p2"]
    assert {item["state"] for item in found} == {"joined"}
    assert {item["orgId"] for item in found} == {webex.world.org_id}
    webex.clock.advance(minutes=8)
    over = walker.items(PATH, meetingId=A)
    assert [item["id"] for item in over] == people(A)
    assert {item["state"] for item in over} == {"end"}
    assert not any("orgId" in item for item in over)


def test_before_it_began_there_is_no_such_meeting(serve: Serve, open_walker: OpenWalker) -> None:
    assert (
        open_walker(serve(small_world(), at("2026-03-02T08:59:59"))).status(PATH, meetingId=A)
        == 404
    )


def test_times_are_missing_or_1970_until_they_are_final(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = small_world()
    many = tuple(
        replace(one, id=f"{S1}_{number:x}")
        for number, one in enumerate(world.meetings[0].participants * 5)
    )
    webex = serve(changed(world, A, participants=many), at("2026-03-02T09:34:59"))
    walker = open_walker(webex)
    found = walker.items(PATH, meetingId=A)
    times = {item.get("joinedTime") for item in found} | {item.get("leftTime") for item in found}
    assert times == {None, "1970-01-01T00:00:00.000Z"}
    assert not any("durationSecond" in device for item in found for device in item["devices"])
    assert isinstance(webex.clock, ManualClock)
    webex.clock.advance(seconds=1)
    final = walker.items(PATH, meetingId=A)
    assert all(item["joinedTime"].startswith("2026-03-02") for item in final)
    assert [item["id"] for item in final] == [item["id"] for item in found]


def rejoining() -> Participant:
    begin = at("2026-03-02T09:00:00")
    minutes = [begin + timedelta(minutes=count) for count in (2, 10, 15, 20)]
    devices = (
        device(minutes[0], minutes[1]),
        replace(
            device(minutes[2], minutes[3]),
            audio_type="pstn",
            call_type="callIn",
            phone_number="+15550100",
        ),
    )
    return Participant("p", "Rita", None, devices)


def the_one(walker: Walker) -> Json:
    (item,) = walker.items(PATH, meetingId=A)
    return item


def test_rejoins_are_devices_and_phone_numbers_are_for_compliance_officers(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(changed(small_world(), A, participants=(rejoining(),)), NOW)
    item = the_one(open_walker(webex))
    assert (item["joinedTime"], item["leftTime"]) == (
        "2026-03-02T09:02:00Z",
        "2026-03-02T09:20:00Z",
    )
    assert [device["durationSecond"] for device in item["devices"]] == [480, 300]
    assert "phoneNumber" not in repr(item)
    assert "phoneNumber" not in repr(the_one(open_walker(webex, "admin")))
    officer = the_one(open_walker(webex, "compliance"))
    assert officer["devices"][1]["phoneNumber"] == "+15550100"
    during = serve(webex.world, at("2026-03-02T09:16:00"))
    assert "phoneNumber" not in repr(the_one(open_walker(during, "compliance")))


def test_breakout_sessions(serve: Serve, open_walker: OpenWalker) -> None:
    world = small_world()
    first, *others = world.meetings[0].participants
    session = Breakout("room", "Breakout 1", at("2026-03-02T09:05:00"), at("2026-03-02T09:10:00"))
    split = (replace(first, breakouts=(session,)), *others)
    walker = open_walker(serve(changed(world, A, participants=split), NOW))
    (item,) = walker.items(PATH, meetingId=A, breakoutSessionId="room")
    assert item["breakoutSessionsAttended"] == [
        {
            "id": "room",
            "name": "Breakout 1",
            "joinedTime": "2026-03-02T09:05:00Z",
            "leftTime": "2026-03-02T09:10:00Z",
        }
    ]
    assert len(ids(walker, meetingId=A)) == 3


def test_join_windows(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    # One bound alone reaches seven days; neither means no window.
    assert len(ids(walker, meetingId=A, joinTimeFrom="2026-03-02T09:00:00Z")) == 3
    assert ids(walker, meetingId=A, joinTimeFrom="2026-03-02T09:00:01Z") == [f"{S1}_p2"]
    assert ids(walker, meetingId=A, joinTimeTo="2026-03-02T09:04:00Z") == [
        f"{S1}_p1",
        f"{S1}_p3",
    ]
    assert ids(walker, meetingId=A, joinTimeTo="2026-03-09T09:05:00Z") == []
    longest = {"joinTimeFrom": "2026-01-01T00:00:00Z", "joinTimeTo": "2026-04-01T00:00:00Z"}
    assert len(ids(walker, meetingId=A, **longest)) == 3
    longest["joinTimeTo"] = "2026-04-01T00:00:01Z"
    assert walker.status(PATH, meetingId=A, **longest) == 400


def test_nobody_came(serve: Serve, open_walker: OpenWalker) -> None:
    assert (
        ids(open_walker(serve(changed(small_world(), A, participants=()), NOW)), meetingId=A) == []
    )
