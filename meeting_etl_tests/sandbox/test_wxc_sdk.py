"""wxc_sdk, written by others for the real Webex, reads the sandbox without complaint."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from wxc_sdk import WebexSimpleApi
from wxc_sdk.rest import RestError, RestSession
from wxc_sdk.webhook import WebhookEventType, WebhookResource, WebhookStatus

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl.sandbox.world.worlds import World, demo_world, guide_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import UNTIL

ANCIENT, FUTURE = "2015-01-01T00:00:00Z", "2030-01-01T00:00:00Z"
# It stops at the first empty page (docs/webex-api-notes.md), so it is spared these.
NO_EMPTY_PAGES = Faults(empty_page_every=0, longest_window_days=0)


@pytest.fixture(scope="module", params=["guide", "demo"])
def webex(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    world = guide_world() if request.param == "guide" else demo_world(5, UNTIL, meetings=60)
    with Sandbox(world, ManualClock(UNTIL), NO_EMPTY_PAGES) as webex:
        usual = RestSession.BASE
        RestSession.BASE = webex.base_url
        try:
            yield webex
        finally:
            RestSession.BASE = usual


@pytest.fixture(autouse=True)
def no_complaint(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """It warns of enum values that it does not know."""
    yield
    assert [record for record in caplog.records if record.name.startswith("wxc_sdk")] == []


@contextmanager
def sdk(webex: Sandbox, kind: Kind) -> Iterator[WebexSimpleApi]:
    with WebexSimpleApi(tokens=webex.token(kind), retry_429=False) as api:
        yield api


def over(world: World) -> list[str]:
    return [meeting.id for meeting in world.meetings if meeting.ended_at <= UNTIL]


def test_meetings(webex: Sandbox) -> None:
    with sdk(webex, "admin") as api:
        found = list(
            api.meetings.list(
                meeting_type="meeting", state="ended", from_=ANCIENT, to_=FUTURE, max=50
            )
        )
    listed = [meeting for meeting in webex.world.meetings if meeting.listed_at <= UNTIL]
    assert [entry.id for entry in found] == [item.id for item in listed]
    assert [entry.host_email for entry in found] == [item.host.email for item in listed]


def test_recordings(webex: Sandbox) -> None:
    with sdk(webex, "compliance") as api:
        found = {
            str(recording.id): recording
            for recording in api.meetings.recordings.list_recordings(ANCIENT, FUTURE, max=20)
        }
        details = [api.meetings.recordings.get_recording_details(key) for key in list(found)[:20]]
    assert set(found) >= {
        recording.id
        for meeting in webex.world.meetings
        for recording in meeting.recordings
        if recording.available_at <= UNTIL
        and (recording.purged_at is None or recording.purged_at > UNTIL)
        and (recording.deleted_at is None or recording.deleted_at > UNTIL)
    }
    for detail in details:
        assert detail.temporary_direct_download_links
        assert detail.temporary_direct_download_links.recording_download_link
        assert detail.size_bytes == found[str(detail.id)].size_bytes


def test_participants(webex: Sandbox) -> None:
    with sdk(webex, "compliance") as api:
        for meeting in webex.world.meetings:
            found = list(api.meetings.participants.list_participants(meeting.id, max=100))
            if meeting.ended_at <= UNTIL:
                assert [entry.id for entry in found] == [
                    participant.id for participant in meeting.participants
                ]
            if meeting.participants_final_at <= UNTIL:
                assert all(str(entry.joined_time) < str(entry.left_time) for entry in found)


def test_invitees(webex: Sandbox) -> None:
    with sdk(webex, "admin") as api:
        for meeting in webex.world.meetings:
            listed = api.meetings.invitees.list(meeting.id, host_email=meeting.host.email, max=20)
            assert {entry.id: (entry.email, entry.display_name) for entry in listed} == {
                invitee.id: (invitee.email, invitee.name) for invitee in meeting.invitees
            }


def test_transcripts_and_snippets(webex: Sandbox) -> None:
    transcripts = {
        transcript.id: (transcript, meeting)
        for meeting in webex.world.meetings
        for transcript in meeting.transcripts
    }
    seen = set()
    with sdk(webex, "compliance") as api:
        for key in over(webex.world):
            site = next(meeting.site_url for meeting in webex.world.meetings if meeting.id == key)
            for found in api.meetings.transcripts.list(
                meeting_id=key, site_url=site, from_=ANCIENT, to_=FUTURE
            ):
                seen.add(found.id)
                one, meeting = transcripts[str(found.id)]
                assert meeting.id == found.meeting_id
                check_snippets(api, one.id, len(one.snippets), one.snippets_available_at is None)
    assert seen == {key for key, (one, _) in transcripts.items() if one.available_at <= UNTIL}


def check_snippets(api: WebexSimpleApi, key: str, expected: int, missing: bool) -> None:
    if missing:
        with pytest.raises(RestError) as refused:
            list(api.meetings.transcripts.list_snippets(key))
        assert refused.value.response.status_code == 404
        return
    said = list(api.meetings.transcripts.list_snippets(key, max="100"))
    assert len(said) in (expected, 0)


def test_webhooks(webex: Sandbox) -> None:
    """All but update(), which sends a form with names of its own instead of the JSON described."""
    with sdk(webex, "admin") as api:
        made = api.webhook.create(
            "Ended",
            "https://hooks.corvane.example/webex",
            WebhookResource("meetings"),
            WebhookEventType("ended"),
            secret="signing",
            owned_by="org",
        )
        assert (made.status, made.secret, made.owned_by) == (WebhookStatus.active, "signing", "org")
        assert list(api.webhook.list()) == []
        assert list(api.webhook.list(owned_by="org")) == [made]
        assert made.webhook_id
        assert api.webhook.details(made.webhook_id) == made
        api.webhook.webhook_delete(made.webhook_id)
        assert list(api.webhook.list(owned_by="org")) == []


def test_its_errors_are_understood(webex: Sandbox) -> None:
    with sdk(webex, "admin") as api, pytest.raises(RestError) as refused:
        api.meetings.recordings.get_recording_details("0" * 32)
    assert refused.value.response.status_code == 404
    assert refused.value.description == "There is no such recording."


def test_sites(webex: Sandbox) -> None:
    with sdk(webex, "user") as api:
        sites = api.meetings.preferences.site_list()
    assert {site.site_url for site in sites} == {*webex.world.sites, webex.world.owner.site_url}
    assert [site.site_url for site in sites if site.default] == [webex.world.owner.site_url]
