"""PATCH /meetings/{id} as strict as Webex: fields, owners, refusals, mail (T22 to T25)."""

from dataclasses import replace
from typing import Any

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import HANA, NOW, OWNER, S1, S2, S4, A, at, small_world
from meeting_etl_tests.sandbox.walker import Walker

ON = {"enabledAutoRecordMeeting": True, "sendEmail": False}
FORM = "application/json-patch+json"


@pytest.fixture
def webex(serve: Serve) -> Sandbox:
    """Of the owner's daily series, Hana's single meeting is over since 2 March."""
    return serve(small_world(), NOW)


def patch(
    webex: Sandbox, meeting_id: str, body: Any, kind: Kind = "user", form: str = FORM
) -> requests.Response:
    return requests.patch(
        f"{webex.base_url}/meetings/{meeting_id}",
        json=body,
        headers={"Authorization": f"Bearer {webex.token(kind)}", "Content-Type": form},
        timeout=60,
    )


def flags(walker: Walker, *ids: str, **query: Any) -> list[bool]:
    return [
        walker.item(f"/meetings/{identifier}", **query)["enabledAutoRecordMeeting"]
        for identifier in ids
    ]


def test_a_series_is_switched_on_with_all_its_occurrences(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    one = f"{S1}_20260310T090000Z"
    answer = patch(webex, S1, ON)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["enabledAutoRecordMeeting"]) == (S1, True)
    walker = open_walker(webex)
    assert flags(walker, S1, one) == [True, True]
    listed = walker.items("/meetings", meetingType="scheduledMeeting")
    assert {item["enabledAutoRecordMeeting"] for item in listed if one[:32] in item["id"]} == {True}
    assert webex.changes.patches == [(S1, ON)]


def test_an_occurrence_is_switched_on_alone_until_its_series_is_changed(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    one, other = f"{S1}_20260310T090000Z", f"{S1}_20260311T090000Z"
    assert patch(webex, one, ON).json()["id"] == one
    assert flags(open_walker(webex), S1, one, other) == [False, True, False]
    patch(webex, S1, {"enabledAutoRecordMeeting": False})
    assert flags(open_walker(webex), S1, one, other) == [False, False, False]


def test_host_and_invitees_get_mail_unless_it_is_declined(webex: Sandbox) -> None:
    patch(webex, S1, {"enabledAutoRecordMeeting": True})
    patch(webex, S1, {"enabledAutoRecordMeeting": True, "sendEmail": True})
    assert webex.changes.mails == 2
    patch(webex, S1, ON)
    assert webex.changes.mails == 2


def test_an_administrator_names_the_host_in_the_body(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    assert patch(webex, S2, ON, "admin").status_code == 404
    assert patch(webex, S2, ON | {"hostEmail": OWNER.email}, "admin").status_code == 404
    assert patch(webex, S2, ON | {"hostEmail": "nobody@team.example"}, "admin").status_code == 404
    assert patch(webex, S2, ON | {"hostEmail": HANA.email}, "admin").status_code == 200
    assert flags(open_walker(webex, "admin"), S2, hostEmail=HANA.email) == [True]


@pytest.mark.parametrize("form", ["application/json", "text/plain", "application/merge-patch+json"])
def test_another_content_type_is_refused(webex: Sandbox, form: str) -> None:
    assert patch(webex, S1, ON, form=form).status_code == 415


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"autoRecord": True}, "no field autoRecord"),
        ({"enabledAutoRecordMeeting": "true"}, "enabledAutoRecordMeeting"),
        ({"enabledAutoRecordMeeting": None}, "enabledAutoRecordMeeting"),
        ({"reminderTime": True}, "reminderTime"),
        ({"hostEmail": OWNER.email}, "administrators"),
        ([ON], "JSON object"),
    ],
)
def test_a_body_that_is_not_as_described_is_refused(webex: Sandbox, body: Any, told: str) -> None:
    answer = patch(webex, S1, body)
    assert (answer.status_code, told in answer.text) == (400, True)
    assert webex.changes.patches == []


def test_what_may_be_null(webex: Sandbox) -> None:
    body = {"agenda": None, "trackingCodes": None, "recurrence": None, "sendEmail": False}
    assert patch(webex, S1, body).status_code == 200


def test_instances_personal_rooms_and_meetings_of_others_are_refused(webex: Sandbox) -> None:
    answer = patch(webex, A, ON)
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Meeting ID '{A}' is not allowed for this API."
    assert "personal room" in patch(webex, S4, ON).text
    assert patch(webex, S2, ON).status_code == 404
    assert patch(webex, "9" * 32, ON).status_code == 404
    assert webex.changes.patches == []


def test_ad_hoc_meetings_are_refused(serve: Serve) -> None:
    small = small_world()
    world = replace(
        small, series=tuple(replace(one_series, ad_hoc=True) for one_series in small.series)
    )
    assert "Ad-hoc" in patch(serve(world, NOW), S1, ON).text


def test_what_is_in_progress_is_refused(serve: Serve) -> None:
    webex = serve(small_world(), at("2026-03-05T09:10:00"))
    for meeting_id in (S1, f"{S1}_20260305T090000Z"):
        answer = patch(webex, meeting_id, ON)
        assert (answer.status_code, answer.json()["message"]) == (400, "Meeting is in progress.")
    assert patch(webex, f"{S1}_20260306T090000Z", ON).status_code == 200


def test_a_compliance_officer_has_no_scope(webex: Sandbox) -> None:
    assert patch(webex, S1, ON, "compliance").status_code == 403
