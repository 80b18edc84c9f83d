"""GET /meetings, /meetings/{id}, /admin/meetings/{id}: T11 to T21 of docs/webex-api-notes.md."""

from dataclasses import replace
from typing import Any

import pytest

from meeting_etl.sandbox.api.changes import Changes
from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.meetings import list_meetings
from meeting_etl.sandbox.api.results import Listing
from meeting_etl.sandbox.api.webhook_registry import Registry
from meeting_etl.sandbox.media.files import Media
from meeting_etl.sandbox.media.tickets import Tickets
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.index import Index
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.meeting_fields import ENDED, SECRETS
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    S1,
    S4,
    SITES,
    TOM,
    A,
    B,
    C,
    D,
    at,
    changed,
    small_world,
)
from meeting_etl_tests.sandbox.walker import Walker


def ids(walker: Walker, **query: object) -> list[str]:
    return [item["id"] for item in walker.items("/meetings", **query)]


def test_without_a_type_it_is_what_is_to_come(webex: Sandbox, open_walker: OpenWalker) -> None:
    found = open_walker(webex).items("/meetings")
    assert [(item["id"], item["meetingType"]) for item in found] == [
        (f"{S1}_20260306T090000Z", "scheduledMeeting"),
        (f"{S4}_20260309T080000Z", "scheduledMeeting"),
    ]
    series = open_walker(webex).items("/meetings", current="false")
    assert [(item["id"], item["meetingType"]) for item in series] == [
        (S1, "meetingSeries"),
        (S4, "meetingSeries"),
    ]
    assert series[0]["recurrence"] == "FREQ=DAILY;INTERVAL=1;COUNT=12"
    assert set(series[0]) >= SECRETS
    assert "plantedsecret" in series[0]["password"]


def test_scheduled_meetings_of_a_series(webex: Sandbox, open_walker: OpenWalker) -> None:
    query: dict[str, Any] = {"meetingType": "scheduledMeeting", "meetingSeriesId": S1}
    assert ids(open_walker(webex), **query, to="2026-03-07T00:00:00Z") == [
        f"{S1}_2026030{day}T090000Z" for day in (2, 3, 4, 5, 6)
    ]
    assert len(ids(open_walker(webex), **query)) == 7
    assert ids(open_walker(webex), **query, from_="2026-03-13T00:00:00Z") == [
        f"{S1}_20260313T090000Z"
    ]


def test_the_meetings_of_a_user_are_hosted_or_invited_to(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    assert ids(open_walker(webex), **ENDED) == [A, C, B, D]


def test_others_meetings_are_not_listed(serve: Serve, open_walker: OpenWalker) -> None:
    world = small_world()
    others = tuple(
        replace(participant, invitee=False) for participant in world.meetings[1].participants
    )
    webex = serve(changed(world, C, participants=others), NOW)
    assert ids(open_walker(webex), **ENDED) == [A, B, D]
    admin = open_walker(webex, "admin")
    assert ids(admin, **ENDED) == [A, C, B, D]
    assert ids(admin, **ENDED, hostEmail=HANA.email) == [C]
    assert ids(admin, **ENDED, hostEmail=TOM.email) == [D]
    assert admin.status("/meetings", **ENDED, hostEmail="nobody@team.example") == 404
    assert open_walker(webex).status(f"/meetings/{C}") == 403


@pytest.mark.parametrize(
    ("now", "expected", "state"),
    [
        ("2026-03-02T09:14:59", [], None),
        ("2026-03-02T09:15:00", [A], "inProgress"),
        ("2026-03-02T09:29:59", [A], "inProgress"),
        ("2026-03-02T09:30:00", [], None),
        ("2026-03-02T09:44:59", [], None),
        ("2026-03-02T09:45:00", [A], "ended"),
    ],
)
def test_start_and_end_take_a_quarter_of_an_hour_to_be_noticed(
    serve: Serve, open_walker: OpenWalker, now: str, expected: list[str], state: str | None
) -> None:
    walker = open_walker(serve(small_world(), at(now)))
    assert ids(walker, meetingType="meeting") == expected
    assert walker.status(f"/meetings/{A}") == (200 if expected else 404)
    assert ids(walker, **ENDED) == (expected if state == "ended" else [])
    assert ids(walker, meetingType="meeting", state="inProgress") == (
        expected if state == "inProgress" else []
    )
    if expected:
        assert walker.items("/meetings", meetingType="meeting")[0]["state"] == state


def test_a_meeting_in_progress_has_secrets_and_no_end(
    serve: Serve, open_walker: OpenWalker
) -> None:
    walker = open_walker(serve(small_world(), at("2026-03-02T09:20:00")))
    (item,) = walker.items("/meetings", meetingType="meeting")
    assert set(item) >= SECRETS | {"meetingNumber"}
    assert "end" not in item
    assert not any(name.startswith("has") for name in item)


def test_a_listed_meeting_that_ended(serve: Serve, open_walker: OpenWalker) -> None:
    features = frozenset({"chat", "slido", "summary"})
    webex = serve(changed(small_world(), A, features=features, agenda="Points"), NOW)
    item = next(item for item in open_walker(webex).items("/meetings", **ENDED) if item["id"] == A)
    assert "plantedsecret" in item.pop("webLink")
    assert item == {
        "id": A,
        "meetingSeriesId": S1,
        "scheduledMeetingId": f"{S1}_20260302T090000Z",
        "title": "Topic a",
        "agenda": "Points",
        "meetingType": "meeting",
        "state": "ended",
        "timezone": "UTC",
        "start": "2026-03-02T09:00:00Z",
        "end": "2026-03-02T09:30:00Z",
        "hostUserId": "user-olga",
        "hostDisplayName": "Olga Owner",
        "hostEmail": "olga@team.example",
        "siteUrl": SITES[0],
        "scheduledType": "meeting",
        "hasChat": True,
        "hasRecording": True,
        "hasTranscription": True,
        "hasClosedCaption": False,
        "hasPolls": False,
        "hasQA": False,
        "hasSlido": True,
    }


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({}, [A, C, B, D]),
        ({"from_": "2026-03-02T09:00:00Z", "to": "2026-03-02T10:00:00Z"}, [A]),
        ({"from_": "2026-03-02T09:00:01Z"}, [C, B, D]),
        ({"from_": "2026-02-23T09:00:00Z"}, []),
        ({"from_": "2026-02-23T09:00:01Z"}, [A]),
        ({"to": "2026-03-09T09:00:00Z"}, [A, C, B, D]),
        ({"to": "2026-03-09T09:00:01Z"}, [C, B, D]),
        # D ended on the fourth, but its start counts (T14).
        ({"from_": "2026-03-04T00:00:00Z", "to": "2026-03-05T00:00:00Z"}, []),
    ],
)
def test_windows_are_of_the_start(
    webex: Sandbox, open_walker: OpenWalker, window: dict[str, str], expected: list[str]
) -> None:
    assert ids(open_walker(webex), **ENDED, **window) == expected


def test_a_listing_has_ten_thousand_instances_at_most() -> None:
    one = small_world().meetings[0]
    many = tuple(replace(one, id=f"{S1}_I_{number}") for number in range(10_001))
    world = small_world(meetings=many)
    index = Index(world)
    context = RequestContext(
        index=index,
        kind="admin",
        caller=world.admin,
        now=NOW,
        query=dict(ENDED),
        path_id="",
        token_expires_at=NOW,
        webhooks=Registry(0),
        changes=Changes(),
        media=Media(index),
        tickets=Tickets(index, 3600),
        port="",
    )
    # Over HTTP this would be a hundred pages.
    answer = list_meetings(context)
    assert isinstance(answer, Listing)
    assert len(answer.items) == 10_000


def test_the_default_window_is_the_last_seven_days(serve: Serve, open_walker: OpenWalker) -> None:
    assert ids(open_walker(serve(small_world(), at("2026-03-10T08:00:00"))), **ENDED) == [B, D]


@pytest.mark.parametrize(
    "query",
    [
        "meetingType=party",
        "state=over",
        "meetingType=meeting&scheduledType=party",
        "hasRecording=true",
        "meetingType=meeting&hasRecording=true",
        "state=ended&hasRecording=true",
        "meetingType=meeting&state=ended&hasRecording=yes",
        "meetingNumber=1&webLink=2",
        "meetingNumber=1&roomId=2",
        "meetingType=meeting&from=2026-03-03T00:00:00Z&to=2026-03-02T00:00:00Z",
        "from=2026-03-03T00:00:00Z&to=2026-03-02T00:00:00Z",
        "meetingType=meeting&from=soon",
        "current=perhaps",
    ],
)
def test_what_makes_no_sense_is_refused(
    webex: Sandbox, open_walker: OpenWalker, query: str
) -> None:
    assert open_walker(webex).status(f"/meetings?{query}") == 400


def test_has_filters(serve: Serve, open_walker: OpenWalker) -> None:
    world = changed(small_world(), A, recordings=(), transcripts=())
    world = changed(world, B, features=frozenset({"summary", "chat"}))
    walker = open_walker(serve(world, NOW))
    assert ids(walker, **ENDED, hasRecording="true") == [C, B, D]
    assert ids(walker, **ENDED, hasRecording="false") == [A]
    assert ids(walker, **ENDED, hasTranscription="false") == [A]
    assert ids(walker, **ENDED, hasSummary="true") == [B]
    assert ids(walker, **ENDED, hasChat="true", hasRecording="true") == [B]


def test_has_recording_stays_true_when_it_is_deleted(serve: Serve, open_walker: OpenWalker) -> None:
    world = small_world()
    gone = replace(world.meetings[0].recordings[0], deleted_at=NOW, purged_at=NOW)
    walker = open_walker(serve(changed(world, A, recordings=(gone,)), NOW))
    assert A in ids(walker, **ENDED, hasRecording="true")
    assert walker.items("/recordings", meetingId=A) == []


def test_further_filters(serve: Serve, open_walker: OpenWalker) -> None:
    world = changed(small_world(), A, integration_tags=("crm-1",), room_id="space")
    world = changed(world, B, scheduled_type="personalRoomMeeting")
    walker = open_walker(serve(world, NOW))
    assert ids(walker, **ENDED, scheduledType="webinar") == [D]
    # Instances held in a personal room are ordinary meetings.
    assert ids(walker, **ENDED, scheduledType="meeting") == [A, C, B]
    assert ids(walker, **ENDED, scheduledType="personalRoomMeeting") == []
    assert ids(walker, scheduledType="personalRoomMeeting") == [f"{S4}_20260309T080000Z"]
    assert ids(walker, **ENDED, siteUrl=SITES[1]) == [C, D]
    assert ids(walker, **ENDED, meetingSeriesId=S1) == [A, B]
    assert ids(walker, **ENDED, integrationTag="crm-1") == [A]
    assert ids(walker, roomId="space", meetingType="meeting", to="2020-01-01") == [A]


def test_by_number_everything_else_is_ignored(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert ids(open_walker(webex), meetingNumber=f"9{S1[:9]}", to="2020-01-01T00:00:00Z") == [
        f"{S1}_20260306T090000Z"
    ]
    assert ids(open_walker(webex), meetingNumber="1") == []
