"""GET /meetings/{id} and /admin/meetings/{id}: T11 to T21 of docs/webex-api-notes.md."""

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.meeting_fields import ENDED, SECRETS
from meeting_etl_tests.sandbox.small import (
    HANA,
    NOW,
    OWNER,
    S1,
    S2,
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


def test_details_lack_what_the_listing_has(webex: Sandbox, open_walker: OpenWalker) -> None:
    item = open_walker(webex).item(f"/meetings/{A}")
    assert item["state"] == "ended"
    assert not {"meetingSeriesId", "scheduledMeetingId", "hasRecording"} & set(item)
    assert not SECRETS & set(item)


def test_details_for_an_admin_need_the_host(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    assert admin.status(f"/meetings/{A}") == 404
    assert admin.status(f"/meetings/{A}", hostEmail=HANA.email) == 404
    assert admin.status(f"/meetings/{A}", hostEmail=OWNER.email) == 200
    assert open_walker(webex).status(f"/meetings/{C}") == 200


def test_details_of_series_and_occurrences(webex: Sandbox, open_walker: OpenWalker) -> None:
    user = open_walker(webex)
    assert user.item(f"/meetings/{S1}")["meetingType"] == "meetingSeries"
    current = user.item(f"/meetings/{S1}", current="true")
    assert (current["id"], current["meetingType"]) == (f"{S1}_20260306T090000Z", "scheduledMeeting")
    assert user.item(f"/meetings/{S1}_20260302T090000Z")["state"] == "ended"
    for unknown in (f"{S1}_20200101T000000Z", f"{S1}_I_1", S2, "nonsense"):
        assert user.status(f"/meetings/{unknown}") == 404, unknown


def test_series_vanish_after_180_days_but_instances_stay(
    serve: Serve, open_walker: OpenWalker
) -> None:
    # The last occurrence of series 2 ended at 2026-03-02T10:30:00.
    walker = open_walker(serve(small_world(), at("2026-08-29T10:29:59")), "admin")
    assert walker.status(f"/meetings/{S2}", hostEmail=HANA.email) == 200
    walker = open_walker(serve(small_world(), at("2026-08-29T10:30:00")), "admin")
    assert walker.status(f"/meetings/{S2}", hostEmail=HANA.email) == 404
    assert walker.status(f"/meetings/{C}", hostEmail=HANA.email) == 200
    assert ids(walker, **ENDED, from_="2026-03-02T00:00:00Z") == [A, C, B, D]


def test_admin_details_need_no_host_and_carry_no_secrets(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(changed(small_world(), C, agenda="Points"), NOW)
    item = open_walker(webex, "admin").item(f"/admin/meetings/{C}")
    assert item["hostEmail"] == HANA.email
    assert item["meetingSeriesId"] == S2
    assert item["hasRecording"] is True
    assert item["hasSummary"] is False
    assert "plantedsecret" not in repr(item)
    assert not {"agenda", "webLink"} & set(item)
    assert open_walker(webex, "admin").status(f"/admin/meetings/{S1}_I_1") == 404
    early = serve(small_world(), at("2026-03-02T09:20:00"))
    progressing = open_walker(early, "admin").item(f"/admin/meetings/{A}")
    assert progressing["state"] == "inProgress"
    assert "hasRecording" not in progressing
    assert "plantedsecret" not in repr(progressing)
