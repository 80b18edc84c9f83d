"""Whose meetings are added: of the organization, or of the token's owner.

Belongs here: whether a listed meeting is added, and the organization of those that are. Does not:
listing them (listing.py).
"""

from functools import cached_property

from meeting_etl.errors import BadResponse, Forbidden, NotFound, Refused, SettingsError
from meeting_etl.pipeline.rows import Row, organization_uuid
from meeting_etl.webex.endpoints import Owner, Webex


class OwnMeetings:
    """All meetings for an org-wide token; for a host's own token, the meetings they host.

    The owner is requested from Webex once, when it is first needed.
    """

    def __init__(self, webex: Webex) -> None:
        self._webex = webex

    def includes(self, row: Row) -> bool:
        """Whether a meeting is to be added. Raises SettingsError when the owner is unknown."""
        if self._webex.is_org_wide:
            return True
        return (row["host_email"] or "").lower() in self._owner.emails

    @property
    def org_id(self) -> str | None:
        """UUID of the organization, which listings do not contain; None when it is unknown."""
        return organization_uuid(self._owner.org_id)

    @cached_property
    def _owner(self) -> Owner:
        try:
            return self._webex.owner()
        except (Refused, BadResponse) as error:
            if self._webex.is_org_wide:
                return Owner(frozenset(), None)
            if not isinstance(error, Forbidden | NotFound):
                raise
            raise SettingsError(
                "Cannot tell which listed meetings the token's owner hosts, because Webex does not "
                "say whose token it is. Add the scope spark:people_read to the token."
            ) from error
