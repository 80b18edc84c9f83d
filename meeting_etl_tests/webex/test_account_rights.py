"""Which accounts are asked about a meeting, and in which order ("Who is asked" of the docs)."""

from collections.abc import Mapping

import pytest

from meeting_etl.webex.account_rights import AccountRights, covers, ranked
from meeting_etl.webex.token_kind import TokenKind

ANA = AccountRights(name="ana", kind=TokenKind.USER, hosts=["ana@sales.example"])
ANY = AccountRights(name="any", kind=TokenKind.USER)
ADMIN = AccountRights(name="admin", kind=TokenKind.ADMIN)
OFFICER = AccountRights(name="officer", kind=TokenKind.COMPLIANCE)
EAST = AccountRights(name="east", kind=TokenKind.ADMIN, sites=["east.webex.example"])
BY_ANA = {"host_email": "Ana@sales.example"}
BY_BO = {"host_email": "bo@sales.example"}
ERASED = {"host_email": "erased:1"}


@pytest.mark.parametrize(
    ("resource", "meeting", "names"),
    [
        # The host's own account, then those that can list, then those that see all.
        ("transcripts", BY_ANA, "ana officer admin any"),
        ("meeting", BY_ANA, "ana admin officer any"),
        # Both can list recordings and neither participants: they are equal, as configured.
        ("recordings", BY_ANA, "ana admin officer any"),
        ("participants", BY_ANA, "ana admin officer any"),
        # No scope of an administrator covers snippets, and none of an officer invitees.
        ("transcript_snippets", BY_ANA, "ana officer any"),
        ("invitees", BY_ANA, "ana admin any"),
        # Another host's account is not asked; every user's is when the host is not known.
        ("transcripts", BY_BO, "officer admin any"),
        ("transcripts", {}, "officer admin any ana"),
        ("transcripts", ERASED, "officer admin any ana"),
    ],
)
def test_the_best_account_is_asked_first(
    resource: str, meeting: Mapping[str, str], names: str
) -> None:
    accounts = [ANY, ADMIN, OFFICER, ANA]
    assert [account.name for account in ranked(accounts, resource, meeting)] == names.split()


@pytest.mark.parametrize(
    ("site", "expected"),
    [("east.webex.example", True), ("East.Webex.example", True), ("w.webex.example", False)],
)
def test_an_account_is_asked_about_its_sites_only(site: str, expected: bool) -> None:
    assert EAST.may_read("recordings", {"site_url": site}) is expected
    assert covers(EAST.covers, {"site_url": site}) is expected


def test_a_meeting_of_unknown_site_may_be_on_any() -> None:
    assert EAST.may_read("recordings", BY_ANA)
    assert covers(EAST.covers, BY_ANA)


@pytest.mark.parametrize(
    ("account", "meeting", "expected"),
    [
        (ADMIN, BY_BO, True),
        (OFFICER, {}, True),
        (ANA, BY_ANA, True),
        (ANA, {}, False),
        (ANA, ERASED, False),
        (ANY, BY_ANA, False),
    ],
)
def test_who_can_say_that_a_meeting_has_none(
    account: AccountRights, meeting: Mapping[str, str], expected: bool
) -> None:
    assert account.sees_all_of(meeting) is expected
