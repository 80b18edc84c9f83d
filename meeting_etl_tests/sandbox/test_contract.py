"""Every answer of the sandbox against the official OpenAPI description.

Field names must be known to the schema or stand in DIFFERENCES; types and enums must be right.
`required` is not enforced except for `id`, because the lists are known to be too strict (T20).
"""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from meeting_etl.sandbox.api.patching import FIELDS
from meeting_etl.sandbox.api.routes import ENDPOINTS
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Kind
from meeting_etl_tests.sandbox.conftest import Serve
from meeting_etl_tests.sandbox.small import HANA, NOW, S1, S2, small_world
from meeting_etl_tests.sandbox.test_patch import FORM, ON, patch
from meeting_etl_tests.sandbox.walker import Walker

# Names, types, formats and enums alone of the description of our endpoints, without its texts.
SPEC = Path(__file__).with_name("webex_openapi.json")
ANCIENT, FUTURE = "2015-01-01T00:00:00Z", "2030-01-01T00:00:00Z"

# Where the sandbox deliberately follows another source than the schema: (schema, field) -> why.
DIFFERENCES = {
    ("SnippetObject", "offset"): "the operation's example and the guide (T42)",
    ("SnippetObject", "duration"): "the operation's example and the guide (T42)",
    ("RecordingObjectForAdminAndCO", "password"): "the operation's example (not in the schema)",
    ("RecordingObjectForAdminAndCO", "shareToMe"): "the operation's example (not in the schema)",
}
SCHEMAS = {
    "/meetings": "MeetingObjectForListMeeting",
    "/meetings/{id}": "MeetingSeriesObject",
    "/admin/meetings/{id}": "MeetingObjectForAdminListMeeting",
    "/meetingParticipants": "Participant",
    "/meetingInvitees": "GetInviteeObject",
    "/recordings": "RecordingObject",
    "/recordings/{id}": "RecordingObjectWithDirectDownloadLinks",
    "/admin/recordings": "RecordingObjectForAdminAndCO",
    "/meetingTranscripts": "TranscriptObject",
    "/admin/meetingTranscripts": "TranscriptObject",
    "/meetingTranscripts/{id}/snippets": "SnippetObject",
    "/meetingSummaries": "SummaryObject",
    "/admin/meetingSummaries": "SummaryObject",
    "/webhooks": "Webhook",
    "/webhooks/{id}": "Webhook",
}
# No meeting of the guide has a summary, or says who was invited.
NOT_IN_GUIDE = {"/meetingSummaries", "/admin/meetingSummaries", "/meetingInvitees"}
WITHOUT_SCHEMA = {
    "/meetingTranscripts/{id}/download",
    "/authorizations/tokenExpiry",
    "/people/me",
    "/meetingPreferences/sites",
}


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The schema of that name; unknown fields are errors, missing ones (but id) are not."""
    components = copy.deepcopy(json.loads(SPEC.read_text("utf-8"))["components"]["schemas"])
    for title, schema in components.items():
        close(schema)
        extra: dict[str, Any] = {field: {} for owner, field in DIFFERENCES if owner == title}
        schema.get("properties", {}).update(extra)
        if "id" in schema.get("properties", {}):
            schema["required"] = ["id"]
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components}}
    )


def close(schema: Any) -> None:
    """Forbid unknown fields and allow missing ones, at every depth."""
    if isinstance(schema, list):
        for part in schema:
            close(part)
    if isinstance(schema, dict):
        schema.pop("required", None)
        if isinstance(schema.get("properties"), dict):
            schema["additionalProperties"] = False
        for part in schema.values():
            close(part)


def answers(webex: Sandbox, kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    """(route, object) of everything that a token of that kind can be shown."""
    window = {"from_": ANCIENT, "to": FUTURE, "max": 100}
    with Walker(webex, kind) as walker:
        for route, query in listings(webex, kind):
            for item in walker.items(route, **window, **query):
                yield route, item
        for route, path in details(webex, kind):
            answer = walker.get(path)
            if answer.status_code == 200:
                body = answer.json()
                for item in body.get("items", [body]):
                    yield route, item
        yield from webhooks(walker)


def webhooks(walker: Walker) -> Iterator[tuple[str, dict[str, Any]]]:
    """A webhook as it is answered when it is created, listed, changed and shown."""
    wanted = {"name": "Hooks", "targetUrl": "https://hooks.corvane.example/", "secret": "s"}
    wanted |= {"resource": "recordings", "event": "created", "filter": "meetingId=1_I_2"}
    made = walker.send("POST", "/webhooks", wanted).json()
    yield "/webhooks", made
    for item in walker.items("/webhooks"):
        yield "/webhooks", item
    path = f"/webhooks/{made['id']}"
    yield "/webhooks/{id}", walker.send("PUT", path, wanted | {"status": "active"}).json()
    yield "/webhooks/{id}", walker.item(path)
    walker.send("DELETE", path)


def listings(webex: Sandbox, kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    if kind != "compliance":
        for meeting_type in ("meeting", "scheduledMeeting", "meetingSeries"):
            yield "/meetings", {"meetingType": meeting_type}
        yield "/meetings", {"meetingType": "meetingSeries", "current": "false"}
    yield "/recordings", {}
    yield "/meetingTranscripts", {}
    if kind == "compliance":
        for site in webex.world.sites:
            yield "/admin/meetingTranscripts", {"siteUrl": site}
    for meeting in webex.world.meetings:
        if meeting.host == webex.world.owner or kind != "user":
            yield "/meetingParticipants", {"meetingId": meeting.id}
            if kind != "compliance":
                host = {"hostEmail": meeting.host.email}
                yield "/meetingInvitees", {"meetingId": meeting.id, **host}
        if kind != "user" and meeting.recordings:
            yield "/admin/recordings", {"meetingId": meeting.id}


def details(webex: Sandbox, kind: Kind) -> Iterator[tuple[str, str]]:
    for meeting in webex.world.meetings if kind != "admin" else ():
        if "summary" in meeting.features:
            route = "/meetingSummaries" if kind == "user" else "/admin/meetingSummaries"
            yield route, f"{route}?meetingId={meeting.id}"
    for meeting in webex.world.meetings[::3]:
        if kind == "admin":
            host = f"hostEmail={meeting.host.email}"
            yield "/meetings/{id}", f"/meetings/{meeting.id}?{host}"
            yield "/meetings/{id}", f"/meetings/{meeting.series_id}?{host}"
            yield "/meetings/{id}", f"/meetings/{meeting.scheduled_id}?{host}"
        if kind != "user":
            yield "/admin/meetings/{id}", f"/admin/meetings/{meeting.id}"
        for recording in meeting.recordings:
            yield "/recordings/{id}", f"/recordings/{recording.id}"
        if kind != "admin":
            for transcript in meeting.transcripts:
                path = f"/meetingTranscripts/{transcript.id}/snippets"
                yield "/meetingTranscripts/{id}/snippets", f"{path}?max=15"


@pytest.mark.parametrize("world", ["guide", pytest.param("demo", marks=pytest.mark.slow)])
def test_every_answer_is_as_officially_described(
    world: str, request: pytest.FixtureRequest
) -> None:
    webex: Sandbox = request.getfixturevalue(world)
    wrong: list[str] = []
    seen: set[str] = set()
    checked: set[str] = set()
    kinds: tuple[Kind, ...] = ("user", "admin", "compliance")
    for kind in kinds:
        for route, item in answers(webex, kind):
            seen.add(route)
            text = json.dumps([route, item])
            if text in checked:
                continue
            checked.add(text)
            error = jsonschema.exceptions.best_match(validator(SCHEMAS[route]).iter_errors(item))
            if error is not None:
                wrong.append(f"{kind} {route} {error.json_path}: {error.message}")
    assert wrong == []
    assert seen == set(SCHEMAS) - (NOT_IN_GUIDE if world == "guide" else set())


def test_patching_a_meeting_is_as_officially_described(serve: Serve) -> None:
    spec = json.loads(SPEC.read_text("utf-8"))
    asked = spec["paths"]["/meetings/{meetingId}"]["patch"]["requestBody"]["content"]
    assert set(asked) == {FORM}
    assert set(spec["components"]["schemas"]["PatchMeetingObject"]["properties"]) == FIELDS
    webex = serve(small_world(), NOW)
    for_host = ON | {"hostEmail": HANA.email}
    answers = [
        patch(webex, S1, ON),
        patch(webex, f"{S1}_20260310T090000Z", ON),
        patch(webex, S2, for_host, "admin"),
    ]
    for answer in answers:
        error = validator("MeetingObjectForListMeeting").iter_errors(answer.json())
        assert jsonschema.exceptions.best_match(error) is None
    for body in (ON, for_host):
        assert validator("PatchMeetingObject").is_valid(body)


def test_no_endpoint_is_left_out() -> None:
    assert {endpoint.path for endpoint in ENDPOINTS} == set(SCHEMAS) | WITHOUT_SCHEMA


@pytest.mark.parametrize(
    ("route", "item"),
    [
        ("/recordings", {"id": "a", "durationSeconds": "85"}),
        ("/recordings", {"id": "a", "status": "gone"}),
        ("/recordings", {"topic": "without an id"}),
        ("/meetingParticipants", {"id": "a", "devices": [{"unknown": 1}]}),
        ("/meetings", {"id": "a", "telephony": {"unknown": 1}}),
    ],
)
def test_the_check_itself_finds_mistakes(route: str, item: dict[str, Any]) -> None:
    assert not validator(SCHEMAS[route]).is_valid(item)


def test_every_difference_is_really_there(guide: Sandbox, demo: Sandbox) -> None:
    fields: set[tuple[str, str]] = set()
    for webex in (guide, demo):
        for route, item in answers(webex, "compliance"):
            fields |= {(SCHEMAS[route], name) for name in item}
    official = json.loads(SPEC.read_text("utf-8"))["components"]["schemas"]
    for schema, field in DIFFERENCES:
        assert (schema, field) in fields
        assert field not in official[schema]["properties"]
