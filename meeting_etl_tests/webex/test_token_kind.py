"""What each kind of token may read and list."""

import pytest

from meeting_etl.webex.endpoints import Owner
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl_tests.webex.endpoint_calls import ADMIN, COMPLIANCE, OTHERS, USER, Build
from meeting_etl_tests.webex.servers import Reply

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
        (USER, "invitees", True),
        (ADMIN, "invitees", True),
        (COMPLIANCE, "invitees", False),
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
