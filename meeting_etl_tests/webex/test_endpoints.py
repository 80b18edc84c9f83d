"""Paths and parameters of each request, by kind of token."""

from datetime import datetime, timedelta

import pytest

from meeting_etl.errors import BadResponse, NotFound
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.webex.endpoint_calls import (
    ADMIN,
    COMPLIANCE,
    HOST,
    LATELY,
    LONG_AGO,
    MEETING,
    NAMED,
    OTHERS,
    SITE,
    USER,
    WINDOW,
    Build,
    RequestContext,
    only_request,
    transcripts,
)
from meeting_etl_tests.webex.servers import Act, Reply, Seen, of_webex

PSEUDONYM = f"anon-{'a' * 32}@sales.example"  # of a host whose address is lost

# Participants


@pytest.mark.parametrize(
    ("kind", "params"),
    [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})],
)
def test_participants(build: Build, kind: TokenKind, params: dict[str, str]) -> None:
    seen = only_request(build, kind, lambda webex: webex.participants(MEETING, host_email=HOST))
    assert seen.path == "/v1/meetingParticipants"
    assert seen.params == {"max": "100", "meetingId": MEETING, **params}


@pytest.mark.parametrize(("kind", "params"), [(USER, {}), (ADMIN, {"hostEmail": HOST})])
def test_invitees(build: Build, kind: TokenKind, params: dict[str, str]) -> None:
    seen = only_request(build, kind, lambda webex: webex.invitees(MEETING, host_email=HOST))
    assert seen.path == "/v1/meetingInvitees"
    assert seen.params == {"max": "100", "meetingId": MEETING, **params}


# Transcripts and snippets


@pytest.mark.parametrize(
    ("kind", "params"),
    [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})],
)
def test_transcripts_name_the_site_and_30_days_at_most(
    build: Build, kind: TokenKind, params: dict[str, str]
) -> None:
    seen = only_request(build, kind, lambda webex: transcripts(webex, LONG_AGO))
    assert seen.path == "/v1/meetingTranscripts"
    assert seen.params == {
        "max": "100",
        "meetingId": MEETING,
        "from": "2021-05-13T20:25:19Z",
        "to": "2021-06-12T20:25:19Z",
        "siteUrl": SITE,
        **params,
    }


def test_an_unknown_site_is_not_sent(build: Build) -> None:
    seen = only_request(build, USER, lambda webex: transcripts(webex, site_url=None))
    assert "siteUrl" not in seen.params


@pytest.mark.parametrize("kind", [USER, COMPLIANCE])
def test_snippets(build: Build, kind: TokenKind) -> None:
    seen = only_request(build, kind, lambda webex: webex.snippets("a5038f0b_M_501e9954"))
    assert seen.path == "/v1/meetingTranscripts/a5038f0b_M_501e9954/snippets"
    assert seen.params == {"max": "100"}


# An unknown host


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda webex: webex.participants(MEETING, host_email=None),
        lambda webex: transcripts(webex, host_email=""),
        lambda webex: transcripts(webex, host_email=PSEUDONYM),
    ],
)
def test_an_unknown_host_is_looked_up_before_listing(
    build: Build, kind: TokenKind, ask: RequestContext
) -> None:
    def answer(seen: Seen) -> Act:
        return Reply({"hostEmail": HOST}) if "admin" in seen.path else Reply()

    webex, server = build(answer, kind)
    assert ask(webex) == Listing([], [])
    lookup, listing = server.seen
    assert lookup.path == f"/v1/admin/meetings/{MEETING}"
    assert listing.params["hostEmail"] == HOST


@pytest.mark.parametrize("answer", [Reply({}), Reply({"hostEmail": ""}), Reply({"hostEmail": 5})])
def test_a_host_that_cannot_be_found_is_not_an_empty_listing(build: Build, answer: Reply) -> None:
    webex, server = build(lambda seen: answer, ADMIN)
    with pytest.raises(BadResponse, match="did not return the host"):
        webex.participants(MEETING, host_email=None)
    assert len(server.seen) == 1


def test_a_missing_meeting_has_no_host(build: Build) -> None:
    webex, _ = build(of_webex(lambda seen: Reply({"message": "no"}, 404)), ADMIN)
    with pytest.raises(NotFound):
        webex.participants(MEETING, host_email=None)


def test_a_hosts_own_token_never_looks_up_the_host(build: Build) -> None:
    seen = only_request(build, USER, lambda webex: webex.participants(MEETING, host_email=None))
    assert seen.path == "/v1/meetingParticipants"


# Meetings


@pytest.mark.parametrize(
    ("kind", "path"),
    [(USER, "/v1/meetings/"), (ADMIN, "/v1/admin/meetings/"), (COMPLIANCE, "/v1/admin/meetings/")],
)
def test_a_meeting(build: Build, kind: TokenKind, path: str) -> None:
    webex, server = build(lambda seen: Reply({"id": MEETING}), kind)
    assert webex.meeting(MEETING) == {"id": MEETING}
    [seen] = server.seen
    assert seen.path == path + MEETING
    assert seen.params == {}


@pytest.mark.parametrize("kind", [USER, ADMIN])
def test_ended_meetings(build: Build, kind: TokenKind) -> None:
    end = LATELY + timedelta(days=1)
    seen = only_request(build, kind, lambda webex: webex.ended_meetings(LATELY, end))
    assert seen.path == "/v1/meetings"
    assert seen.params == {"meetingType": "meeting", "state": "ended", **WINDOW}


class Crowded:
    """One meeting every 5 s from LATELY on. Like Webex, it silently lists only 10,000."""

    def __call__(self, seen: Seen) -> Act:
        first, last = (
            -(-(datetime.fromisoformat(seen.params[name]) - LATELY) // timedelta(seconds=5))
            for name in ("from", "to")
        )
        start = int(seen.params.get("cursor", first))
        end = min(start + 2500, last, first + 10_000)
        more = {"Link": f"<?cursor={end}>; rel=next"} if end < min(last, first + 10_000) else {}
        return Reply({"items": [{"id": number} for number in range(start, end)]}, headers=more)


def test_a_listing_that_webex_truncates_is_split(build: Build) -> None:
    webex, server = build(Crowded(), ADMIN)
    listing = webex.ended_meetings(LATELY, LATELY + timedelta(days=1))
    assert sorted(item["id"] for item in listing.items) == list(range(17_280))
    assert len({(seen.params["from"], seen.params["to"]) for seen in server.seen}) == 3


def test_a_listing_that_stays_truncated_is_an_error(build: Build) -> None:
    items = [{"id": number} for number in range(10_000)]
    webex, server = build(lambda seen: Reply({"items": items}), ADMIN)
    with pytest.raises(BadResponse, match="10,000"):
        webex.ended_meetings(LATELY, LATELY + timedelta(minutes=6))
    assert len(server.seen) <= 10


# Summaries


@pytest.mark.parametrize(
    ("kind", "path"),
    [(USER, "/v1/meetingSummaries"), (COMPLIANCE, "/v1/admin/meetingSummaries")],
)
def test_summaries_are_requested_by_meeting_alone(build: Build, kind: TokenKind, path: str) -> None:
    seen = only_request(build, kind, lambda webex: webex.summaries(MEETING))
    assert (seen.path, seen.params) == (path, {"meetingId": MEETING})


# Files of transcripts

VTT = b"\xef\xbb\xbfWEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nJa\xff\r\n"
FILE = Reply(VTT, headers={"Content-Type": "text/vtt"})


@pytest.mark.parametrize("form", ["vtt", "txt"])
@pytest.mark.parametrize(("kind", "named"), NAMED)
def test_a_transcript_file_is_fetched_unchanged_from_the_api(
    build: Build, kind: TokenKind, named: dict[str, str], form: str
) -> None:
    webex, server = build(lambda seen: FILE, kind)
    assert webex.transcript_text("t/1", form, HOST, MEETING) == VTT
    [seen] = server.seen
    assert (seen.path, seen.params) == (
        "/v1/meetingTranscripts/t%2F1/download",
        {"format": form} | named,
    )
    assert seen.headers["Accept"] == "text/vtt, text/plain, */*;q=0.1"


def test_an_unknown_host_of_a_file_is_looked_up(build: Build) -> None:
    webex, server = build(
        lambda seen: Reply({"hostEmail": HOST}) if "admin" in seen.path else FILE, ADMIN
    )
    assert webex.transcript_text("t1", "vtt", None, MEETING) == VTT
    details, file = server.seen
    assert details.path == f"/v1/admin/meetings/{MEETING}"
    assert file.params["hostEmail"] == HOST


@pytest.mark.parametrize(
    "instead",
    [
        Reply(b"<html>Sorry</html>", headers={"Content-Type": "text/plain"}),
        Reply(b"\n<!DOCTYPE html><title>Sorry</title>"),
        Reply(b"Sorry", headers={"Content-Type": "text/html;charset=UTF-8"}),
        Reply({"items": []}),
    ],
)
def test_a_page_or_json_in_place_of_a_file_is_a_transient_fault(
    build: Build, instead: Reply
) -> None:
    answers = [instead, FILE]
    webex, server = build(lambda seen: answers.pop(0), USER)
    assert webex.transcript_text("t1", "vtt", None, MEETING) == VTT
    assert len(server.seen) == 2
    webex, _ = build(lambda seen: instead, USER)
    with pytest.raises(BadResponse, match="not a text file"):
        webex.transcript_text("t1", "vtt", None, MEETING)


def test_a_file_that_is_refused_is_a_refusal(build: Build) -> None:
    webex, _ = build(of_webex(lambda seen: Reply({"message": "no"}, 404)), USER)
    with pytest.raises(NotFound):
        webex.transcript_text("t1", "vtt", None, MEETING)


# Details, and ids in paths


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_an_id_that_would_leave_the_path_is_not_requested(build: Build, identifier: str) -> None:
    webex, server = build(lambda seen: Reply(), USER)
    for ask in (webex.snippets, webex.meeting, webex.transcript_exists, webex.webhooks.delete):
        with pytest.raises(BadResponse, match="not a valid id"):
            ask(identifier)
    assert server.seen == []


@pytest.mark.parametrize(
    ("kind", "params"),
    [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})],
)
def test_details_of_a_recording(build: Build, kind: TokenKind, params: dict[str, str]) -> None:
    webex, server = build(lambda seen: Reply({"id": "r/1"}), kind)
    assert webex.recording("r/1", host_email=HOST) == {"id": "r/1"}
    [seen] = server.seen
    assert seen.path == "/v1/recordings/r%2F1"
    assert seen.params == params


@pytest.mark.parametrize("host_email", [None, PSEUDONYM])
@pytest.mark.parametrize("kind", OTHERS)
def test_details_are_not_requested_without_the_required_host(
    build: Build, kind: TokenKind, host_email: str | None
) -> None:
    webex, server = build(lambda seen: Reply({}, 404), kind)
    with pytest.raises(BadResponse, match="host is unknown"):
        webex.recording("r1", host_email=host_email)
    assert server.seen == []


def test_a_hosts_own_details_need_no_host(build: Build) -> None:
    webex, _ = build(lambda seen: Reply({"id": "r1"}), USER)
    assert webex.recording("r1", host_email=None) == {"id": "r1"}


def test_transcript_exists(build: Build) -> None:
    webex, server = build(lambda seen: Reply({"items": []}), COMPLIANCE)
    assert webex.transcript_exists("t/1")
    assert (server.seen[0].path, server.seen[0].params) == (
        "/v1/meetingTranscripts/t%2F1/snippets",
        {"max": "1"},
    )
    webex, _ = build(of_webex(lambda seen: Reply({"message": "no"}, 404)), COMPLIANCE)
    with pytest.raises(NotFound):
        webex.transcript_exists("t1")
