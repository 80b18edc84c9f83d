"""GET /recordings, /recordings/{id}, /admin/recordings: T30 to T40 of docs/webex-api-notes.md."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    RA,
    RB,
    RC,
    RD,
    S1,
    SITES,
    A,
    B,
    C,
    at,
    changed,
    recording,
    small_world,
    upload,
)
from meeting_etl_tests.sandbox.walker import Walker

U = "e" * 32


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    world = replace(small_world(), uploads=(upload(U, OWNER, at("2026-03-04T08:00:00")),))
    with Sandbox(world, ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


def ids(walker: Walker, path: str = "/recordings", **query: object) -> list[str]:
    return [item["id"] for item in walker.items(path, **query)]


def with_recording(key: str, **changes: object) -> World:
    """The small world with one recording changed."""
    world = small_world()
    one = next(meeting for meeting in world.meetings if meeting.recordings[0].id == key)
    return changed(world, one.id, recordings=(replace(one.recordings[0], **changes),))  # type: ignore[arg-type]


def test_newest_first_and_only_the_callers_own(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert ids(open_walker(webex, "user")) == [U, RB, RA]
    assert ids(open_walker(webex, "compliance")) == [U, RD, RB, RC, RA]


def test_an_admin_sees_nothing_without_naming_the_host(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    admin = open_walker(webex, "admin")
    assert ids(admin) == []
    assert ids(admin, meetingId=A) == []
    assert ids(admin, hostEmail=HANA.email) == [RC]
    assert ids(admin, meetingId=A, hostEmail=HANA.email) == []
    assert ids(admin, meetingId=A, hostEmail=OWNER.email) == [RA]
    assert admin.status("/recordings", hostEmail="nobody@team.example") == 404


def test_a_users_host_email_does_not_count(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert ids(open_walker(webex, "user"), hostEmail=HANA.email) == [U, RB, RA]


def test_a_shared_recording_is_listed_and_says_so(serve: Serve, open_walker: OpenWalker) -> None:
    walker = open_walker(serve(with_recording(RC, shared_with=(OWNER.email,)), NOW))
    shared = {item["id"]: item["shareToMe"] for item in walker.items("/recordings")}
    assert shared == {RB: False, RC: True, RA: False}
    assert walker.status(f"/recordings/{RC}") == 200


def test_without_a_window_it_is_the_last_seven_days_also_of_one_meeting(
    serve: Serve, open_walker: OpenWalker
) -> None:
    # A was recorded at 2026-03-02T09:40:00.
    walker = open_walker(serve(small_world(), at("2026-03-09T09:40:00")))
    assert ids(walker, meetingId=A) == [RA]
    late = open_walker(serve(small_world(), at("2026-03-09T09:40:01")))
    assert ids(late, meetingId=A) == []
    window = {"from_": "2026-03-01T00:00:00Z", "to": "2026-03-09T09:40:01Z"}
    assert ids(late, meetingId=A, **window) == [RA]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"from_": "2026-03-02T09:40:00Z", "to": "2026-03-03T09:40:00Z"}, [RC, RA]),
        ({"from_": "2026-03-02T09:40:01Z", "to": "2026-03-03T09:40:01Z"}, [RB, RC]),
        ({"from_": "2026-03-02T09:40:00Z"}, [U, RB, RC, RA]),
        ({"from_": "2026-02-23T09:40:00Z"}, []),
        ({"from_": "2026-02-23T09:40:01Z"}, [RA]),
        ({"to": "2026-03-03T00:00:00Z"}, [RC, RA]),
        ({"to": "2026-03-09T09:40:00Z"}, [U, RB, RC, RA]),
        ({"to": "2026-03-09T09:40:01Z"}, [U, RB, RC]),
        ({"from_": "2026-03-02T17:40:00+08:00", "to": "2026-03-03"}, [RC, RA]),
        ({"from_": "2026-03-02T00:00", "to": "20260303T000000Z"}, [RC, RA]),
        ({"from_": "2015-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}, [U, RB, RC, RA]),
    ],
)
def test_windows_include_from_exclude_to_and_fill_up_to_seven_days(
    serve: Serve, open_walker: OpenWalker, window: dict[str, str], expected: list[str]
) -> None:
    world = with_recording(RC, shared_with=(OWNER.email,))
    world = replace(world, uploads=(upload(U, OWNER, at("2026-03-04T08:00:00")),))
    assert ids(open_walker(serve(world, NOW)), **window) == expected


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-03T00:00:00Z&to=2026-03-02T00:00:00Z",
        "from=yesterday",
        "to=1772445600",
        "from=2026-03-02T17:40:00+08:00",  # the plus sign is a space unless it is encoded
        "from=",
        "status=lost",
        "format=MP5",
        "serviceType=Kitchen",
    ],
)
@pytest.mark.parametrize("path", ["/recordings", "/admin/recordings"])
def test_what_makes_no_sense_is_refused(
    webex: Sandbox, open_walker: OpenWalker, path: str, query: str
) -> None:
    assert open_walker(webex, "compliance").status(f"{path}?{query}") == 400


def test_any_kind_of_meeting_id(webex: Sandbox, open_walker: OpenWalker) -> None:
    walker = open_walker(webex)
    assert ids(walker, meetingId=S1) == [RB, RA]
    assert ids(walker, meetingId=f"{S1}_20260302T090000Z") == [RA]
    assert ids(walker, meetingId=B) == [RB]
    assert ids(walker, meetingId=C) == []
    for unknown in (f"{S1}_I_1", f"{S1}_20200101T000000Z", "9" * 32, "nonsense"):
        assert walker.status("/recordings", meetingId=unknown) == 404, unknown


def test_sites_are_all_unless_one_is_named_and_not_of_one_meeting(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    walker = open_walker(webex, "compliance")
    assert ids(walker, siteUrl=SITES[1]) == [RD, RC]
    assert ids(walker, siteUrl=SITES[0], meetingId=C) == [RC]


def test_filters(serve: Serve, open_walker: OpenWalker) -> None:
    world = with_recording(
        RA,
        format="ARF",
        service_type="TrainingCenter",
        topic="Große Runde",
        integration_tags=("x",),
    )
    walker = open_walker(serve(world, NOW))
    assert ids(walker, format="ARF") == [RA]
    assert ids(walker, serviceType="TrainingCenter") == [RA]
    assert ids(walker, topic="GROSSE") == [RA]
    assert ids(walker, integrationTag="x") == [RA]
    assert ids(walker, format="MP4") == [RB]


def test_a_recording_is_not_there_before_it_is_available(
    serve: Serve, open_walker: OpenWalker
) -> None:
    ready = at("2026-03-04T10:00:00")
    webex = serve(with_recording(RA, available_at=ready), ready - timedelta(seconds=1))
    walker = open_walker(webex)
    assert ids(walker, meetingId=A) == []
    assert walker.status(f"/recordings/{RA}") == 404
    assert isinstance(webex.clock, ManualClock)
    webex.clock.advance(seconds=1)
    assert walker.items("/recordings", meetingId=A)[0]["createTime"] == "2026-03-02T09:40:00Z"
    assert walker.status(f"/recordings/{RA}") == 200


def test_the_recycle_bin_and_what_is_purged(serve: Serve, open_walker: OpenWalker) -> None:
    binned = with_recording(RA, deleted_at=NOW - timedelta(hours=1))
    user = open_walker(serve(binned, NOW))
    assert ids(user) == [RB]
    assert [item["status"] for item in user.items("/recordings", status="deleted")] == ["deleted"]
    assert user.item(f"/recordings/{RA}")["status"] == "deleted"
    assert user.status("/recordings", status="purged") == 403

    purged = with_recording(
        RA, deleted_at=NOW - timedelta(hours=2), purged_at=NOW - timedelta(hours=1)
    )
    webex = serve(purged, NOW)
    assert ids(open_walker(webex), status="deleted") == []
    assert open_walker(webex).status(f"/recordings/{RA}") == 404
    officer = open_walker(webex, "compliance")
    assert officer.status("/recordings", status="purged") == 403
    assert ids(officer, status="purged", meetingId=A) == [RA]
    assert officer.item(f"/recordings/{RA}")["status"] == "purged"


def test_several_recordings_of_one_meeting(serve: Serve, open_walker: OpenWalker) -> None:
    two = tuple(recording(key, at("2026-03-02T09:40:00")) for key in ("8" * 32, "9" * 32))
    walker = open_walker(serve(changed(small_world(), A, recordings=two), NOW))
    assert ids(walker, meetingId=A) == ["9" * 32, "8" * 32]


def test_a_listed_recording(webex: Sandbox, open_walker: OpenWalker) -> None:
    (item,) = open_walker(webex).items("/recordings", meetingId=A)
    for secret in ("password", "downloadUrl", "playbackUrl"):
        assert "plantedsecret" in item.pop(secret)
    assert item == {
        "id": RA,
        "meetingId": A,
        "scheduledMeetingId": f"{S1}_20260302T090000Z",
        "meetingSeriesId": S1,
        "topic": "Topic a",
        "createTime": "2026-03-02T09:40:00Z",
        "timeRecorded": "2026-03-02T09:10:00Z",
        "siteUrl": SITES[0],
        "format": "MP4",
        "serviceType": "MeetingCenter",
        "durationSeconds": 1500,
        "sizeBytes": 1_000_000,
        "shareToMe": False,
        "status": "available",
    }


def test_an_upload_has_no_meeting(webex: Sandbox, open_walker: OpenWalker) -> None:
    item = open_walker(webex).item(f"/recordings/{U}")
    assert item["format"] == "UPLOADED"
    assert not {"meetingId", "scheduledMeetingId", "meetingSeriesId"} & set(item)


def test_direct_links_last_three_hours(webex: Sandbox, open_walker: OpenWalker) -> None:
    links = open_walker(webex).item(f"/recordings/{RA}")["temporaryDirectDownloadLinks"]
    assert set(links) == {
        "recordingDownloadLink",
        "audioDownloadLink",
        "transcriptDownloadLink",
        "expiration",
    }
    assert links["expiration"] == "2026-03-05T15:00:00Z"
    assert "confid=200000000000000001" in links["recordingDownloadLink"]
    assert "ticket=plantedsecret" in links["recordingDownloadLink"]


def test_prevented_downloads_have_links_for_compliance_officers_only(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(with_recording(RA, prevent_download=True), NOW)
    item = open_walker(webex).item(f"/recordings/{RA}")
    assert not {"temporaryDirectDownloadLinks", "downloadUrl"} & set(item)
    assert "playbackUrl" in item
    officer = open_walker(webex, "compliance").item(f"/recordings/{RA}")
    assert "temporaryDirectDownloadLinks" in officer


def test_details_of_other_peoples_recordings(webex: Sandbox, open_walker: OpenWalker) -> None:
    assert open_walker(webex, "user").status(f"/recordings/{RC}") == 403
    admin = open_walker(webex, "admin")
    assert admin.status(f"/recordings/{RC}") == 404
    assert admin.status(f"/recordings/{RC}", hostEmail=OWNER.email) == 404
    assert admin.status(f"/recordings/{RC}", hostEmail=HANA.email) == 200
    assert open_walker(webex, "compliance").status(f"/recordings/{RC}") == 200
