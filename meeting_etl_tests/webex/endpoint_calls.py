"""Requests of `Webex` against a test server, for each kind of token."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.webex.servers import Answering, Reply, Seen, Server

USER, ADMIN, COMPLIANCE = TokenKind.USER, TokenKind.ADMIN, TokenKind.COMPLIANCE
OTHERS = [ADMIN, COMPLIANCE]
MEETING = "501e995485e2460bb129410116757b13_I_194316955237236650"
HOST = "host@sales.example"
SITE = "sales.example"
# Kinds of token and the host that they must name.
NAMED = [(USER, {}), (ADMIN, {"hostEmail": HOST}), (COMPLIANCE, {"hostEmail": HOST})]
# The test clock is at 2026-03-02T09:00:00Z.
LATELY = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
# The day from LATELY on, as a query.
WINDOW = {"max": "100", "from": "2026-03-01T08:30:00Z", "to": "2026-03-02T08:30:00Z"}
LONG_AGO = datetime(2021, 5, 14, 20, 25, 19, tzinfo=UTC)

RequestContext = Callable[[Webex], Any]
Build = Callable[[Answering, TokenKind], tuple[Webex, Server]]


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
