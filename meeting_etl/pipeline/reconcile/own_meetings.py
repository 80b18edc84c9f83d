"""Whose meetings are added: of the organization, or of an account's owner.

Belongs here: whether a listed meeting is added, and the organization of those that are. Does not:
listing them (listing.py).
"""

from meeting_etl.errors import BadResponse, Forbidden, NotFound, Refused, SettingsError
from meeting_etl.pipeline.ledger.work_item import DETAILS
from meeting_etl.pipeline.rows import Row, organization_uuid
from meeting_etl.texts import first_match
from meeting_etl.webex.accounts import Account, Accounts
from meeting_etl.webex.endpoints import Owner


class OwnMeetings:
    """All meetings that an org-wide account lists; of a user's, those that the user hosts.

    The owner of an account is requested from Webex once, when it is first needed.
    """

    def __init__(self) -> None:
        self._owners: dict[Account, Owner] = {}

    def includes(self, row: Row, account: Account) -> bool:
        """Whether a meeting that an account lists is to be added.

        Where Webex does not tell whose token it is, the hosts of the settings say it. Raises
        SettingsError when there are none.
        """
        if account.webex.is_org_wide:
            return True
        host, emails = row["host_email"], self._owner(account).emails
        if not emails:
            return first_match(host, account.hosts) is not None
        return (host or "").lower() in emails

    def includes_for_any(self, row: Row, accounts: Accounts, answered_by: Account) -> bool:
        """Whether a meeting that one account was shown is to be added because of any of them.

        Whoever was invited can read a meeting, too.
        """
        others = accounts.ranked(DETAILS, row)
        sees_all = any(account.sees_all_of(row) for account in others)
        return sees_all or self.includes(row, answered_by)

    def org_id(self, account: Account) -> str | None:
        """UUID of the organization, which listings do not contain; None when it is unknown."""
        return organization_uuid(self._owner(account).org_id)

    def _owner(self, account: Account) -> Owner:
        if account not in self._owners:
            self._owners[account] = _owner_of(account)
        return self._owners[account]


def _owner_of(account: Account) -> Owner:
    try:
        return account.webex.owner()
    except (Refused, BadResponse) as error:
        if account.webex.is_org_wide or account.hosts:
            return Owner(frozenset(), None)
        if not isinstance(error, Forbidden | NotFound):
            raise
        raise SettingsError(
            "Cannot tell which listed meetings the token's owner hosts, because Webex does not "
            f"say whose token it is. Add the scope spark:people_read to the token of account "
            f"{account.name}."
        ) from error
