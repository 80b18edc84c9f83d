"""Windows of one meeting and of many, and items with errors."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from meeting_etl.errors import Forbidden, NotFound
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.webex.endpoint_calls import (
    ADMIN,
    COMPLIANCE,
    LATELY,
    LONG_AGO,
    MEETING,
    OTHERS,
    SITE,
    USER,
    WINDOW,
    Build,
    only_request,
    recordings,
    transcripts,
)
from meeting_etl_tests.webex.servers import Act, Reply, Seen, of_webex

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


@pytest.mark.parametrize("month_with_items", ["05", "06", "07"])
def test_a_window_that_is_not_found_hides_no_other(build: Build, month_with_items: str) -> None:
    """Some listings respond with 404 where a window has nothing (T52)."""

    def answer(seen: Seen) -> Act:
        if seen.params["from"].startswith(f"2021-{month_with_items}"):
            return Reply({"items": [{"id": "r1"}]})
        return Reply({"message": "Nothing found.", "trackingId": "ROUTER_1"}, 404)

    webex, _ = build(of_webex(answer), USER)
    event_at = datetime(2021, 8, 2, 7, 0, tzinfo=UTC)
    assert recordings(webex, LONG_AGO, event_at=event_at).items == [{"id": "r1"}]


def test_windows_that_are_all_not_found_are_a_refusal(build: Build) -> None:
    refusal = Reply({"message": "Nothing found.", "trackingId": "ROUTER_1"}, 404)
    webex, _ = build(of_webex(lambda seen: refusal), USER)
    event_at = datetime(2021, 8, 2, 7, 0, tzinfo=UTC)
    with pytest.raises(NotFound):
        recordings(webex, LONG_AGO, event_at=event_at)


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


# Windows of many meetings


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
    webex, _ = build(lambda seen: Reply({"message": "no", "trackingId": "ROUTER_1"}, 403), USER)
    with pytest.raises(Forbidden):
        recordings(webex)
