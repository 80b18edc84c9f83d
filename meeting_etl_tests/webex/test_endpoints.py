import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from meeting_etl.errors import BadResponse, Forbidden, NotFound
from meeting_etl.webex.endpoints import Owner, Webex
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Answering, Reply, Seen, Server, of_webex

USER, ADMIN, COMPLIANCE = TokenKind.USER, TokenKind.ADMIN, TokenKind.COMPLIANCE
OTHERS = [ADMIN, COMPLIANCE]
MEETING = "501e995485e2460bb129410116757b13_I_194316955237236650"
HOST = "host@sales.example"
SITE = "sales.example"
# Kinds of token and the host that they must name.
NAMED = [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})]
# The test clock is at 2026-03-02T09:00:00Z.
LATELY = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
LONG_AGO = datetime(2021, 5, 14, 20, 25, 19, tzinfo=UTC)

RequestContext = Callable[[Webex], Any]
Build = Callable[[Answering, TokenKind], tuple[Webex, Server]]


@pytest.fixture
def build(connect: Connect, serve: Serve, clock: ManualClock) -> Build:
    def made(answer: Answering, kind: TokenKind) -> tuple[Webex, Server]:
        server = serve(answer)
        return Webex(connect(server.url), kind, clock), server

    return made


def only_request(build: Build, kind: TokenKind, ask: RequestContext) -> Seen:
    webex, server = build(lambda seen: Reply(), kind)
    assert ask(webex) == Listing([], [])
    [seen] = server.seen
    return seen


def recordings(webex: Webex, started_at: datetime = LATELY, **more: Any) -> Listing:
    known = {"site_url": SITE} | more
    return webex.recordings(MEETING, started_at=started_at, **known)


def transcripts(webex: Webex, started_at: datetime = LATELY, **more: Any) -> Listing:
    known = {"host_email": HOST, "site_url": SITE} | more
    return webex.transcripts(MEETING, started_at=started_at, **known)


# Recordings


def test_a_hosts_recordings_are_listed_on_all_sites_from_a_day_before_to_now(build: Build) -> None:
    seen = only_request(build, USER, recordings)
    assert seen.path == "/v1/recordings"
    assert seen.params == {
        "max": "100",
        "meetingId": MEETING,
        "from": "2026-02-28T08:30:00Z",
        "to": "2026-03-02T09:00:00Z",
    }


@pytest.mark.parametrize("kind", OTHERS)
def test_org_wide_recordings_are_listed_by_site_without_host(build: Build, kind: TokenKind) -> None:
    seen = only_request(build, kind, lambda webex: recordings(webex))
    assert seen.path == "/v1/admin/recordings"
    assert seen.params == {
        "max": "100",
        "meetingId": MEETING,
        "from": "2026-02-28T08:30:00Z",
        "to": "2026-03-02T09:00:00Z",
        "siteUrl": SITE,
    }


@pytest.mark.parametrize("kind", [USER, *OTHERS])
def test_for_an_old_meeting_the_first_30_days_are_listed(build: Build, kind: TokenKind) -> None:
    seen = only_request(build, kind, lambda webex: recordings(webex, LONG_AGO, site_url=None))
    assert seen.params == {
        "max": "100",
        "meetingId": MEETING,
        "from": "2021-05-13T20:25:19Z",
        "to": "2021-06-12T20:25:19Z",
    }


@pytest.mark.parametrize("kind", [USER, *OTHERS])
@pytest.mark.parametrize("listed", [recordings, transcripts])
def test_windows_of_30_days_continue_up_to_an_event(
    build: Build, kind: TokenKind, listed: Callable[..., Listing]
) -> None:
    """The meeting began on May 14th; on August 2nd an event announced a recording."""
    event_time = datetime(2021, 8, 2, 7, 0, tzinfo=UTC)
    webex, server = build(lambda seen: Reply({"items": [{"id": seen.params["from"]}]}), kind)
    listing = listed(webex, LONG_AGO, event_at=event_time)
    assert [(seen.params["from"], seen.params["to"]) for seen in server.seen] == [
        ("2021-05-13T20:25:19Z", "2021-06-12T20:25:19Z"),
        ("2021-06-12T20:25:19Z", "2021-07-12T20:25:19Z"),
        ("2021-07-12T20:25:19Z", "2021-08-03T07:00:00Z"),
    ]
    assert len(listing.items) == 3


def test_an_item_in_two_windows_is_returned_once(build: Build) -> None:
    event_time = LONG_AGO + timedelta(days=50)
    webex, server = build(lambda seen: Reply({"items": [{"id": "r1"}, {"topic": "?"}]}), USER)
    listing = recordings(webex, LONG_AGO, event_at=event_time)
    assert len(server.seen) == 2
    assert listing.items == [{"id": "r1"}, {"topic": "?"}, {"topic": "?"}]


def test_an_expected_artifact_is_searched_in_later_windows(build: Build) -> None:
    """It began on 2025-09-01: windows up to now follow the first 30 days."""
    start = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)
    late = {"items": [{"id": "r1"}]}
    webex, server = build(
        lambda seen: Reply(late) if seen.params["from"] > "2025-10-15" else Reply(), USER
    )
    assert recordings(webex, start, expected=True).items == [{"id": "r1"}]
    assert [(seen.params["from"], seen.params["to"]) for seen in server.seen] == [
        ("2025-08-31T09:00:00Z", "2025-09-30T09:00:00Z"),
        ("2025-09-30T09:00:00Z", "2025-10-30T09:00:00Z"),
        ("2025-10-30T09:00:00Z", "2025-11-29T09:00:00Z"),
    ]
    seen = only_request(build, USER, lambda webex: recordings(webex, start, expected=False))
    assert seen.params["to"] == "2025-09-30T09:00:00Z"


@pytest.mark.parametrize("kind", [USER, ADMIN])
def test_a_long_window_is_split(build: Build, kind: TokenKind) -> None:
    webex, server = build(lambda seen: Reply(), kind)
    end = LONG_AGO + timedelta(days=61)
    listings: tuple[Callable[[], Listing | None], ...] = (
        lambda: webex.ended_meetings(LONG_AGO, end),
        lambda: webex.meetings_between(LONG_AGO, end, max_pages=9),
        lambda: webex.recordings_between(LONG_AGO, end, site_url=SITE, max_pages=9),
        lambda: webex.transcripts_between(LONG_AGO, end, site_url=SITE, max_pages=9),
    )
    for listed in listings:
        server.seen.clear()
        assert listed() == Listing([], [])
        assert [(seen.params["from"], seen.params["to"]) for seen in server.seen] == [
            ("2021-05-14T20:25:19Z", "2021-06-13T20:25:19Z"),
            ("2021-06-13T20:25:19Z", "2021-07-13T20:25:19Z"),
            ("2021-07-13T20:25:19Z", "2021-07-14T20:25:19Z"),
        ]


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_an_id_that_would_leave_the_path_is_not_requested(build: Build, identifier: str) -> None:
    webex, server = build(lambda seen: Reply(), USER)
    for ask in (webex.snippets, webex.meeting, webex.transcript_exists, webex.webhooks.delete):
        with pytest.raises(BadResponse, match="not a valid id"):
            ask(identifier)
    assert server.seen == []


def test_an_event_within_30_days_costs_no_further_request(build: Build) -> None:
    event_time = LONG_AGO + timedelta(days=27)
    seen = only_request(
        build, ADMIN, lambda webex: recordings(webex, LONG_AGO, event_at=event_time)
    )
    assert seen.params["to"] == "2021-06-12T20:25:19Z"


def test_an_event_years_later_lists_at_most_a_year_of_windows(build: Build) -> None:
    """Now is 2026-03-02 09:00; the event is dated tomorrow."""
    event_time = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
    webex, server = build(lambda seen: Reply(), ADMIN)
    recordings(webex, LONG_AGO, event_at=event_time)
    windows = [(seen.params["from"], seen.params["to"]) for seen in server.seen]
    assert len(windows) == 12
    assert windows[0] == ("2021-05-13T20:25:19Z", "2021-06-12T20:25:19Z")
    assert windows[-1][1] == "2026-03-02T09:00:00Z"
    assert all(one[1] == other[0] for one, other in itertools.pairwise(windows[1:]))


@pytest.mark.parametrize("kind", [USER, *OTHERS])
def test_a_window_never_ends_before_it_begins(build: Build, kind: TokenKind) -> None:
    ahead = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    seen = only_request(build, kind, lambda webex: recordings(webex, ahead + timedelta(hours=2)))
    assert seen.params["from"] == "2026-03-02T10:00:00Z"
    assert seen.params["to"] == "2026-03-03T10:00:00Z"


def test_windows_are_utc_whatever_the_zone_of_the_start(build: Build) -> None:
    tokyo = timezone(timedelta(hours=9))
    seen = only_request(build, USER, lambda webex: recordings(webex, LATELY.astimezone(tokyo)))
    assert seen.params["from"] == "2026-02-28T08:30:00Z"


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


@pytest.mark.parametrize("kind", OTHERS)
def test_details_are_not_requested_without_the_required_host(build: Build, kind: TokenKind) -> None:
    webex, server = build(lambda seen: Reply({}, 404), kind)
    with pytest.raises(BadResponse, match="host is unknown"):
        webex.recording("r1", host_email=None)
    assert server.seen == []


def test_a_hosts_own_details_need_no_host(build: Build) -> None:
    webex, _ = build(lambda seen: Reply({"id": "r1"}), USER)
    assert webex.recording("r1", host_email=None) == {"id": "r1"}


# Participants


@pytest.mark.parametrize(
    ("kind", "params"),
    [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})],
)
def test_participants(build: Build, kind: TokenKind, params: dict[str, str]) -> None:
    seen = only_request(build, kind, lambda webex: webex.participants(MEETING, host_email=HOST))
    assert seen.path == "/v1/meetingParticipants"
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
        lambda webex: transcripts(webex, host_email=None),
        lambda webex: transcripts(webex, host_email=""),
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


# Windows of many meetings


WINDOW = {"max": "100", "from": "2026-03-01T08:30:00Z", "to": "2026-03-02T08:30:00Z"}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (USER, "/v1/recordings"),
        (ADMIN, "/v1/admin/recordings"),
        (COMPLIANCE, "/v1/admin/recordings"),
    ],
)
@pytest.mark.parametrize("site", [SITE, None])
def test_recordings_of_a_window(build: Build, kind: TokenKind, path: str, site: str | None) -> None:
    end = LATELY + timedelta(days=1)
    seen = only_request(
        build,
        kind,
        lambda webex: webex.recordings_between(LATELY, end, site_url=site, max_pages=9),
    )
    assert seen.path == path
    assert seen.params == WINDOW | ({"siteUrl": site} if site else {})


@pytest.mark.parametrize(
    ("kind", "path"),
    [(USER, "/v1/meetingTranscripts"), (COMPLIANCE, "/v1/admin/meetingTranscripts")],
)
def test_transcripts_of_a_window(build: Build, kind: TokenKind, path: str) -> None:
    end = LATELY + timedelta(days=1)
    seen = only_request(
        build,
        kind,
        lambda webex: webex.transcripts_between(LATELY, end, site_url=SITE, max_pages=9),
    )
    assert seen.path == path
    assert seen.params == WINDOW | {"siteUrl": SITE}


@pytest.mark.parametrize("max_pages", [2, 3, 4])
def test_a_window_with_too_many_pages_returns_none(build: Build, max_pages: int) -> None:
    def three_pages(seen: Seen) -> Act:
        number = int(seen.params.get("cursor", 1))
        more = {"Link": f"<?cursor={number + 1}>; rel=next"} if number < 3 else {}
        return Reply({"items": [{"id": number}]}, headers=more)

    webex, server = build(three_pages, ADMIN)
    end = LATELY + timedelta(days=1)
    for ask in (webex.meetings_between, webex.recordings_between):
        known = {} if ask == webex.meetings_between else {"site_url": SITE}
        listing = ask(LATELY, end, max_pages=max_pages, **known)
        assert (listing is None) == (max_pages < 3)
        assert len(server.seen) <= max_pages + 1
        server.seen.clear()


@pytest.mark.parametrize(
    ("kind", "reaches"),
    [
        (USER, {"meeting": "everything", "recordings": "everything", "transcripts": "one site"}),
        (ADMIN, {"meeting": "everything", "recordings": "one site", "transcripts": None}),
        (COMPLIANCE, {"meeting": None, "recordings": "one site", "transcripts": "one site"}),
    ],
)
def test_resources_that_can_be_listed_by_time(
    build: Build, kind: TokenKind, reaches: dict[str, str | None]
) -> None:
    webex, _ = build(lambda seen: Reply(), kind)
    assert {name: webex.listing_scope(name) for name in reaches} == reaches
    assert webex.listing_scope("participants") is None


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


# Responses


def test_items_with_errors_are_left_out_and_counted(build: Build) -> None:
    whole: list[dict[str, Any]] = [
        {"id": "a"},
        {"id": "b", "errors": {}},
        {"id": "c", "errors": None},
    ]
    broken: list[dict[str, Any]] = [
        {"id": "x", "errors": {"title": {"code": "kms_failure"}}},
        {"errors": [{}]},
    ]

    def answer(seen: Seen) -> Act:
        if "cursor" in seen.params:
            return Reply({"items": [whole[2], broken[1]]})
        items = [whole[0], broken[0], whole[1]]
        return Reply({"items": items}, headers={"Link": "<?cursor=c2>; rel=next"})

    webex, _ = build(answer, USER)
    assert webex.snippets("t1") == Listing(whole, broken)


def test_a_refusal_is_not_an_empty_listing(build: Build) -> None:
    webex, _ = build(lambda seen: Reply({"message": "no"}, 403), USER)
    with pytest.raises(Forbidden):
        recordings(webex)


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


# What a kind of token can read at all


@pytest.mark.parametrize("resource", ["recordings", "participants", "transcripts"])
@pytest.mark.parametrize("kind", [USER, *OTHERS])
def test_every_kind_can_read_these(build: Build, kind: TokenKind, resource: str) -> None:
    webex, server = build(lambda seen: Reply(), kind)
    assert webex.can_read(resource)
    assert server.seen == []


@pytest.mark.parametrize(
    ("kind", "resource", "can"),
    [
        (USER, "transcript_snippets", True),
        (ADMIN, "transcript_snippets", False),
        (COMPLIANCE, "transcript_snippets", True),
        (USER, "meeting_summaries", True),
        (ADMIN, "meeting_summaries", False),
        (COMPLIANCE, "meeting_summaries", True),
    ],
)
def test_resources_that_a_token_kind_cannot_read(
    build: Build, kind: TokenKind, resource: str, can: bool
) -> None:
    webex, server = build(lambda seen: Reply(), kind)
    assert webex.can_read(resource) is can
    assert server.seen == []


def test_kinds_are_what_the_setting_says() -> None:
    assert [TokenKind(text) for text in ("user", "admin", "compliance")] == [USER, *OTHERS]


def test_whose_token_it_is(build: Build) -> None:
    person = {"emails": ["Hana@Sales.Example", 7], "orgId": "Y2lz"}
    webex, server = build(lambda seen: Reply(person), USER)
    assert webex.owner() == Owner(frozenset({"hana@sales.example"}), "Y2lz")
    assert [seen.path for seen in server.seen] == ["/v1/people/me"]


def test_an_owner_without_emails_or_org(build: Build) -> None:
    webex, _ = build(lambda seen: Reply({"emails": "hana"}), USER)
    assert webex.owner() == Owner(frozenset(), None)
