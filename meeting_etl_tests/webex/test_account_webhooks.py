"""Webhooks of several accounts as one: without HTTP, whatever each account lists."""

from collections.abc import Mapping, Sequence

import pytest

from meeting_etl.errors import ApiUnavailable, Forbidden
from meeting_etl.webex.account_rights import AccountRights
from meeting_etl.webex.account_webhooks import AccountWebhooks, compare_accounts
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import Webhook, WebhookSpec, name_for

TARGET = "https://hooks.team.example/webex"
ADMIN = AccountRights(name="admin", kind=TokenKind.ADMIN)
OFFICER = AccountRights(name="officer", kind=TokenKind.COMPLIANCE)
OLGA = AccountRights(name="olga", kind=TokenKind.USER, hosts=["olga@team.example"])
TOM = AccountRights(name="tom", kind=TokenKind.USER, hosts=["tom@team.example"])
ONLY = ("meetingTranscripts",)
ORG, OWN = WebhookSpec(TARGET, True, ONLY), WebhookSpec(TARGET, False, ONLY)


def hook(key: str, owned_by: str = "org", resource: str = "meetingTranscripts") -> Webhook:
    name = name_for(resource, "created")
    created = f"2026-03-0{len(key)}T00:00:00Z"
    return Webhook(key, name, resource, "created", TARGET, "", owned_by, "active", created)


def found(
    accounts: Sequence[AccountRights],
    spec: WebhookSpec | None,
    listed: Mapping[str, list[Webhook] | Exception],
    owners: Mapping[str, str] | None = None,
) -> AccountWebhooks[AccountRights]:
    def list_webhooks(account: AccountRights) -> list[Webhook]:
        answer = listed.get(account.name, [])
        if isinstance(answer, Exception):
            raise answer
        return answer

    return compare_accounts(accounts, spec, owners or {}, list_webhooks)


def said(webhooks: AccountWebhooks[AccountRights]) -> list[str]:
    return [webhooks.named(account, str(finding)) for account, finding in webhooks.findings()]


CREATED = "meetingTranscripts created"


@pytest.mark.parametrize(
    ("listed", "sentences"),
    [
        ({}, [f"admin: {CREATED}: missing"]),
        ({"admin": [hook("a")], "officer": [hook("a")]}, [f"admin: {CREATED}: ok"]),
        # One that only its creator sees is not registered a second time.
        ({"officer": [hook("a")]}, [f"officer: {CREATED}: ok"]),
        (
            {"admin": [hook("aa")], "officer": [hook("a"), hook("aa")]},
            [f"officer: {CREATED}: ok", f"admin: {CREATED}: duplicate"],
        ),
        ({"olga": [hook("a", "creator")]}, [f"olga: {CREATED}: wrong owner"]),
        (
            {"olga": [hook("a", "creator")], "admin": [hook("aa")]},
            [f"admin: {CREATED}: ok", f"olga: {CREATED}: duplicate"],
        ),
        (
            {"officer": [hook("a", resource="recordings")]},
            [f"admin: {CREATED}: missing", "officer: recordings created: not expected"],
        ),
    ],
)
def test_those_of_the_organization(listed: dict[str, list[Webhook]], sentences: list[str]) -> None:
    assert said(found([OFFICER, OLGA, ADMIN], ORG, listed)) == sentences


def test_those_of_each_host() -> None:
    own = {"olga": [hook("a", "creator")], "tom": [hook("b", "creator")]}
    assert said(found([OLGA, TOM], OWN, own)) == [f"olga: {CREATED}: ok", f"tom: {CREATED}: ok"]
    # One of the organization goes last, when each host has theirs.
    before = own | {"admin": [hook("o")], "tom": []}
    assert said(found([ADMIN, OLGA, TOM], OWN, before)) == [
        f"olga: {CREATED}: ok",
        f"admin: {CREATED}: wrong owner",
    ]
    # And it stays while it is not known whether they do.
    unknown = before | {"tom": Forbidden("Not allowed.", 403)}
    assert said(found([ADMIN, OLGA, TOM], OWN, unknown)) == [
        f"olga: {CREATED}: ok",
        f"admin: {CREATED}: not expected",
    ]


def test_two_accounts_of_one_host_are_one() -> None:
    again = AccountRights(name="again", kind=TokenKind.USER, hosts=["olga@team.example"])
    owners = {"olga": "o", "again": "o", "tom": "t"}
    assert said(found([OLGA, again, TOM], OWN, {}, owners)) == [
        f"olga: {CREATED}: missing",
        f"tom: {CREATED}: missing",
    ]


def test_of_an_unusable_account_nothing_is_called_missing() -> None:
    down = found([ADMIN, OFFICER], ORG, {"admin": ApiUnavailable("Webex is down.")})
    assert said(down) == []
    assert down.wrong_sentences() == ["admin: Webex is down."]
    seen = found([ADMIN, OFFICER], ORG, {"admin": ApiUnavailable("x"), "officer": [hook("a")]})
    assert said(seen) == [f"officer: {CREATED}: ok"]
    with pytest.raises(ApiUnavailable):
        found([ADMIN], ORG, {"admin": ApiUnavailable("Webex is down.")})


def test_one_account_is_not_named() -> None:
    assert said(found([ADMIN], ORG, {})) == [f"{CREATED}: missing"]
