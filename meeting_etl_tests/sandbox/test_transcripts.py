"""GET /meetingTranscripts, snippets, download: T40 to T49 of docs/webex-api-notes.md."""

from dataclasses import replace
from datetime import timedelta

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    S1,
    S4,
    SITES,
    TA,
    TB,
    TC,
    TD,
    TOM,
    A,
    B,
    C,
    D,
    at,
    changed,
    small_world,
    transcript,
)
from meeting_etl_tests.sandbox.walker import Walker


def ids(walker: Walker, path: str = "/meetingTranscripts", **query: object) -> list[str]:
    return [item["id"] for item in walker.items(path, **query)]


def with_transcript(key: str, **changes: object) -> World:
    """The small world with one transcript changed."""
    world = small_world()
    one = next(meeting for meeting in world.meetings if meeting.transcripts[0].id == key)
    return changed(world, one.id, transcripts=(replace(one.transcripts[0], **changes),))  # type: ignore[arg-type]


def test_only_of_the_preferred_site_unless_one_is_named(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    officer = open_walker(webex, "compliance")
    assert ids(officer) == [TB, TA]
    assert ids(officer, siteUrl=SITES[1]) == [TD, TC]
    assert ids(officer, meetingId=C) == []
    assert ids(officer, meetingId=C, siteUrl=SITES[1]) == [TC]


def test_an_admin_names_host_and_meeting(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    assert ids(admin) == []
    assert ids(admin, meetingId=A) == []
    assert ids(admin, meetingId=A, hostEmail=OWNER.email) == [TA]
    assert ids(admin, meetingId=A, hostEmail=HANA.email) == []
    assert admin.status("/meetingTranscripts", hostEmail=OWNER.email) == 400


def test_the_preferred_site_is_that_of_the_host_who_is_named(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    admin = open_walker(webex, "admin")
    assert ids(admin, meetingId=D, hostEmail=TOM.email) == [TD]
    assert ids(admin, meetingId=C, hostEmail=HANA.email) == []
    assert ids(admin, meetingId=C, hostEmail=HANA.email, siteUrl=SITES[1]) == [TC]


def test_a_user_sees_the_own_ones(webex: Sandbox, open_walker: OpenWalker) -> None:
    user = open_walker(webex)
    assert ids(user) == [TB, TA]
    assert ids(user, meetingId=B) == [TB]
    assert ids(user, meetingId=C, siteUrl=SITES[1]) == []


@pytest.mark.parametrize(
    "meeting_id", [S1, f"{S1}_20260302T090000Z", S4, f"{S4}_20260309T080000Z", "nonsense", "1_I_2"]
)
def test_only_ids_of_instances_are_supported(
    webex: Sandbox, open_walker: OpenWalker, meeting_id: str
) -> None:
    assert (
        open_walker(webex, "compliance").status("/meetingTranscripts", meetingId=meeting_id) == 400
    )


def test_unknown_and_unfinished_instances(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), at("2026-03-02T09:29:59"))
    walker = open_walker(webex)
    assert walker.status("/meetingTranscripts", meetingId=f"{S1}_I_1") == 404
    assert walker.status("/meetingTranscripts", meetingId=B) == 404
    assert walker.status("/meetingTranscripts", meetingId=A) == 400
    assert isinstance(webex.clock, ManualClock)
    webex.clock.advance(seconds=1)
    assert ids(walker, meetingId=A) == []
    webex.clock.advance(minutes=20, seconds=1)
    assert ids(walker, meetingId=A) == [TA]


def test_without_a_window_it_is_the_last_seven_days_also_of_one_meeting(
    serve: Serve, open_walker: OpenWalker
) -> None:
    # The transcript of A came at 2026-03-02T09:50:00.
    assert ids(open_walker(serve(small_world(), at("2026-03-09T09:50:00"))), meetingId=A) == [TA]
    late = open_walker(serve(small_world(), at("2026-03-09T09:50:01")))
    assert ids(late, meetingId=A) == []
    assert ids(late, meetingId=A, from_="2026-03-02T00:00:00Z") == [TA]
    assert ids(late, meetingId=A, from_="2026-03-02T09:50:01Z") == []
    assert late.status("/meetingTranscripts", from_="2026-03-03", to="2026-03-02") == 400


def test_a_transcript_that_comes_days_later_is_in_the_window_of_its_coming(
    serve: Serve, open_walker: OpenWalker
) -> None:
    walker = open_walker(serve(with_transcript(TA, available_at=at("2026-03-05T09:00:00")), NOW))
    day = {"from_": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    assert ids(walker, meetingId=A, **day) == []
    assert ids(walker, meetingId=A) == [TA]


def test_a_listed_transcript(webex: Sandbox, open_walker: OpenWalker) -> None:
    (item,) = open_walker(webex).items("/meetingTranscripts", meetingId=A)
    assert item == {
        "id": TA,
        "meetingId": A,
        "scheduledMeetingId": f"{S1}_20260302T090000Z",
        "meetingSeriesId": S1,
        "meetingTopic": "Topic a",
        "hostUserId": "user-olga",
        "siteUrl": SITES[0],
        "startTime": "2026-03-02T09:00:00Z",
        "vttDownloadLink": f"http://{SITES[0]}/v1/meetingTranscripts/{TA}/download?format=vtt",
        "txtDownloadLink": f"http://{SITES[0]}/v1/meetingTranscripts/{TA}/download?format=txt",
        "status": "available",
    }


def test_the_compliance_listing_has_deleted_ones_too(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(with_transcript(TA, deleted_at=NOW - timedelta(hours=1)), NOW)
    officer = open_walker(webex, "compliance")
    assert ids(officer) == [TB]
    assert officer.status("/admin/meetingTranscripts") == 400
    found = officer.items("/admin/meetingTranscripts", siteUrl=SITES[0])
    assert [(item["id"], item["status"]) for item in found] == [
        (TB, "available"),
        (TA, "deleted"),
    ]
    assert ids(officer, "/admin/meetingTranscripts", siteUrl=SITES[1]) == [TD, TC]
    assert ids(officer, "/admin/meetingTranscripts", siteUrl=SITES[0], to="2026-02-01") == []
    assert open_walker(webex).status(f"/meetingTranscripts/{TA}/snippets") == 404
    assert officer.status(f"/meetingTranscripts/{TA}/snippets") == 200


def test_snippets_are_for_the_host_and_compliance_officers(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    path = f"/meetingTranscripts/{TC}/snippets"
    assert open_walker(webex, "user").status(path) == 403
    assert open_walker(webex, "admin").status(path, hostEmail=HANA.email) == 403
    assert len(open_walker(webex, "compliance").items(path)) == 3


def test_both_shapes_of_snippets(serve: Serve, open_walker: OpenWalker) -> None:
    walker = open_walker(serve(with_transcript(TA, older_snippets=True), NOW))
    plain = {"text": "Sentence 1", "personName": "Olga Owner", "personEmail": "olga@team.example"}
    older = walker.items(f"/meetingTranscripts/{TA}/snippets")[0]
    assert older == {"id": f"{TA}_00001", **plain, "offset": 1, "duration": 1}
    newer = walker.items(f"/meetingTranscripts/{TB}/snippets")[0]
    assert newer == {
        "id": f"{TB}_00001",
        **plain,
        "offsetMillisecond": 1,
        "durationMillisecond": 1,
    }


def test_snippets_may_come_later_than_the_transcript_or_never(
    serve: Serve, open_walker: OpenWalker
) -> None:
    later = with_transcript(TA, snippets_available_at=NOW)
    webex = serve(later, NOW - timedelta(seconds=1))
    walker = open_walker(webex)
    assert walker.items(f"/meetingTranscripts/{TA}/snippets") == []
    assert isinstance(webex.clock, ManualClock)
    webex.clock.advance(seconds=1)
    assert len(walker.items(f"/meetingTranscripts/{TA}/snippets")) == 3

    never = open_walker(serve(with_transcript(TA, snippets_available_at=None), NOW))
    assert ids(never, meetingId=A) == [TA]
    assert never.status(f"/meetingTranscripts/{TA}/snippets") == 404


def test_a_transcript_is_not_there_before_it_is_available(
    serve: Serve, open_walker: OpenWalker
) -> None:
    walker = open_walker(serve(with_transcript(TA, available_at=NOW + timedelta(hours=1)), NOW))
    assert ids(walker, meetingId=A) == []
    for path in ("snippets", "download"):
        assert walker.status(f"/meetingTranscripts/{TA}/{path}") == 404
        assert walker.status(f"/meetingTranscripts/unknown/{path}") == 404


def test_downloads(serve: Serve, open_walker: OpenWalker) -> None:
    one = transcript(TA, at("2026-03-02T09:00:00"), at("2026-03-02T09:50:00"), said=2)
    first = replace(one.snippets[0], offset_ms=20_904, duration_ms=3_660, text="This is it.")
    second = replace(one.snippets[1], offset_ms=3_723_005, duration_ms=995, text="Thank you.")
    # Only the guide's form has none of the styles in which files are written otherwise.
    world = with_transcript(TA, snippets=(first, second), guide_shape=True)
    webex = serve(world, NOW)
    answer = open_walker(webex).get(f"/meetingTranscripts/{TA}/download")
    assert answer.headers["Content-Type"].startswith("text/vtt")
    assert answer.text == (
        "WEBVTT\n\n"
        "1\n00:00:20.904 --> 00:00:24.564\nThis is it.\n\n"
        "2\n01:02:03.005 --> 01:02:04.000\nThank you.\n"
    )
    text = open_walker(webex).get(f"/meetingTranscripts/{TA}/download", format="txt")
    assert text.headers["Content-Type"].startswith("text/plain")
    assert text.text == "Olga Owner: This is it.\nOlga Owner: Thank you.\n"
    assert open_walker(webex).status(f"/meetingTranscripts/{TA}/download", format="pdf") == 400


def test_downloads_by_an_admin_need_the_right_host(webex: Sandbox, open_walker: OpenWalker) -> None:
    path = f"/meetingTranscripts/{TC}/download"
    admin = open_walker(webex, "admin")
    assert admin.status(path) == 404
    assert admin.status(path, hostEmail=OWNER.email) == 404
    assert admin.status(path, hostEmail=HANA.email) == 200
    assert open_walker(webex, "user").status(path) == 403
    assert open_walker(webex, "compliance").status(path) == 200
