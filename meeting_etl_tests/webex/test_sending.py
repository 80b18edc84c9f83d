"""POST, PUT, PATCH, DELETE: what is retried, and what is not because it may have succeeded."""

import json

import pytest

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, NotFound, Refused
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.broken_responses import cut_short, hang_up, reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.granting import CONFIGURED
from meeting_etl_tests.webex.granting import GrantingWebex as Granting
from meeting_etl_tests.webex.servers import Act, Reply, Seen, in_turn, of_webex

MADE = Reply({"id": "w1"})
DONE = Reply(b"", 204)
WANTED = {"name": "Ended", "secret": "signing"}
UNCERTAIN: list[Act] = [
    Reply({"message": "oops"}, 500),
    Reply(b"<html>bad gateway</html>", 502),
    Reply({"message": "busy"}, 503, {"Retry-After": "1"}),
    Reply(b"", 504),
    reset,
    hang_up,
    cut_short,
    Reply(b"<html>Login</html>"),
]
UNHEARD: list[Act] = [
    Reply(b"", 429, {"Retry-After": "7"}),
    Reply({"message": "locked"}, 423, {"Retry-After": "7"}),
]


def test_a_document_is_sent_as_json_with_the_token(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: MADE)
    client = connect(server.url)
    assert client.post("/webhooks", WANTED) == {"id": "w1"}
    assert client.put("/webhooks/w1", WANTED) == {"id": "w1"}
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", "/v1/webhooks"),
        ("PUT", "/v1/webhooks/w1"),
    ]
    for seen in server.seen:
        assert json.loads(seen.body) == WANTED
        assert seen.headers["Content-Type"] == "application/json"
        assert seen.headers["Authorization"] == "Bearer given-token"


@pytest.mark.parametrize("fault", UNCERTAIN)
def test_a_post_that_may_have_succeeded_is_not_retried(
    connect: Connect, serve: Serve, clock: ManualClock, fault: Act
) -> None:
    server = serve(of_webex(in_turn(fault, MADE)))
    client = connect(server.url)
    with pytest.raises(BadResponse, match="gave up after 1 attempt"):
        client.post("/webhooks", WANTED)
    assert [seen.method for seen in server.seen].count("POST") == 1
    assert clock.slept == []


@pytest.mark.parametrize("status", [200, 201])
def test_a_post_that_created_something_is_a_success(
    connect: Connect, serve: Serve, status: int
) -> None:
    server = serve(lambda seen: Reply({"id": "w1"}, status))
    assert connect(server.url).post("/webhooks", {"name": "x"}) == {"id": "w1"}


@pytest.mark.parametrize("fault", UNHEARD)
def test_a_post_that_was_not_processed_is_retried(
    connect: Connect, serve: Serve, clock: ManualClock, fault: Act
) -> None:
    server = serve(in_turn(fault, fault, MADE))
    assert connect(server.url).post("/webhooks", WANTED) == {"id": "w1"}
    assert len(server.seen) == 3
    assert sum(clock.slept) == pytest.approx(14)


def test_a_post_with_an_expired_token_is_retried_with_a_new_one(
    connect: Connect, serve: Serve
) -> None:
    webex = Granting()
    webex.valid = lambda token: token == "access-2"
    server = serve(webex)
    assert connect(server.url, credentials=CONFIGURED).post("/webhooks", WANTED)
    assert [seen.path for seen in server.seen].count("/v1/webhooks") == 2


def test_a_refused_token_is_an_auth_error(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply({"message": "no"}, 401))
    with pytest.raises(AuthError):
        connect(server.url).post("/webhooks", WANTED)
    assert len(server.seen) == 1


@pytest.mark.parametrize("fault", [*UNCERTAIN, *UNHEARD])
def test_put_patch_and_delete_are_retried(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(in_turn(fault, fault, MADE))
    assert connect(server.url).put("/webhooks/w1", WANTED) == {"id": "w1"}
    assert len(server.seen) == 3
    server = serve(in_turn(fault, fault, MADE))
    assert connect(server.url).patch("/meetings/m1", WANTED) == {"id": "w1"}
    assert [seen.method for seen in server.seen] == ["PATCH"] * 3
    if not isinstance(fault, Reply) or fault.status != 200:
        server = serve(in_turn(fault, fault, DONE))
        connect(server.url).delete("/webhooks/w1")
        assert [seen.method for seen in server.seen] == ["DELETE"] * 3


def test_refusals_are_raised_immediately(connect: Connect, serve: Serve) -> None:
    refused = {"POST": 409, "PUT": 404, "DELETE": 404}
    server = serve(of_webex(lambda seen: Reply({"message": "No."}, refused[seen.method])))
    client = connect(server.url)
    with pytest.raises(Refused, match="409"):
        client.post("/webhooks", WANTED)
    with pytest.raises(NotFound):
        client.put("/webhooks/w1", WANTED)
    with pytest.raises(NotFound):
        client.delete("/webhooks/w1")
    assert len(server.seen) == 4, "and one to see that it is Webex who refuses"


def test_posts_share_the_pause_of_a_retry_after(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(lambda seen: Reply(b"", 429, {"Retry-After": "3600"}))
    with pytest.raises(ApiUnavailable):
        connect(server.url).post("/webhooks", WANTED)
    with pytest.raises(ApiUnavailable):
        connect(server.url).get("/meetings")
    assert len(server.seen) == 1


def test_a_patch_has_a_content_type_of_its_own(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: MADE)
    connect(server.url).patch("/meetings/m1", {"sendEmail": False})
    (seen,) = server.seen
    assert seen.headers["Content-Type"] == "application/json-patch+json"
    assert json.loads(seen.body) == {"sendEmail": False}


# The endpoints


@pytest.mark.parametrize("kind", TokenKind)
def test_scheduled_meetings_are_for_hosts_and_administrators(
    connect: Connect, serve: Serve, clock: ManualClock, kind: TokenKind
) -> None:
    server = serve(lambda seen: MADE)
    webex = Webex(connect(server.url), kind, clock)
    assert webex.can_schedule == (kind != TokenKind.COMPLIANCE)
    webex.scheduled_meeting("a/b", host_email="hana@team.example")
    webex.enable_auto_record("a/b", host_email="hana@team.example")
    shown, changed = server.seen
    named = {} if kind == TokenKind.USER else {"hostEmail": "hana@team.example"}
    assert {seen.path for seen in server.seen} == {"/v1/meetings/a%2Fb"}
    assert (shown.method, shown.params) == ("GET", named)
    on = {"enabledAutoRecordMeeting": True, "sendEmail": False}
    assert (changed.method, json.loads(changed.body)) == ("PATCH", on | named)


@pytest.mark.parametrize("kind", TokenKind)
def test_webhooks_of_the_owner_or_the_organization_are_listed(
    connect: Connect, serve: Serve, clock: ManualClock, kind: TokenKind
) -> None:
    server = serve(lambda seen: Reply())
    webex = Webex(connect(server.url), kind, clock)
    webex.webhooks.list(org=False)
    webex.webhooks.list(org=True)
    assert [seen.params for seen in server.seen] == [
        {"max": "100"},
        {"max": "100", "ownedBy": "org"},
    ]


def test_the_id_of_a_webhook_is_one_segment_of_the_path(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(lambda seen: DONE if seen.method == "DELETE" else MADE)
    webex = Webex(connect(server.url), TokenKind.USER, clock)
    webex.webhooks.update("w/1", WANTED)
    webex.webhooks.delete("w/1")
    assert [seen.path for seen in server.seen] == ["/v1/webhooks/w%2F1"] * 2


@pytest.mark.parametrize("status", [400, 503])
def test_a_secret_that_webex_quotes_is_not_in_the_error(
    connect: Connect, serve: Serve, clock: ManualClock, status: int
) -> None:
    def quote(seen: Seen) -> Reply:
        return Reply({"message": f"wrong: {seen.body}"}, status)

    webex = Webex(connect(serve(of_webex(quote)).url), TokenKind.USER, clock)
    for ask in (webex.webhooks.create, lambda document: webex.webhooks.update("w1", document)):
        with pytest.raises((Refused, BadResponse), match="wrong") as caught:
            ask(WANTED)
        assert "signing" not in str(caught.value)
        assert "Ended" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "resource", "own", "org"),
    [
        (TokenKind.USER, "meetings", True, False),
        (TokenKind.ADMIN, "meetings", True, True),
        (TokenKind.ADMIN, "meetingParticipants", True, True),
        (TokenKind.COMPLIANCE, "meetings", False, False),
        (TokenKind.COMPLIANCE, "meetingParticipants", False, False),
        (TokenKind.COMPLIANCE, "recordings", True, True),
        (TokenKind.COMPLIANCE, "meetingTranscripts", True, True),
    ],
)
def test_what_each_kind_can_register(
    connect: Connect, clock: ManualClock, kind: TokenKind, resource: str, own: bool, org: bool
) -> None:
    webex = Webex(connect("http://127.0.0.1:9/v1"), kind, clock)
    assert webex.can_register(resource, org=False) is own
    assert webex.can_register(resource, org=True) is org
