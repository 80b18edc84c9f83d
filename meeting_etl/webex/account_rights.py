"""What an account may read, and how good a choice it is; known without a request.

Belongs here: its kind, its hosts and its sites, and the order of accounts that follows. Does not:
which paths and scopes a kind of token has (token_kind.py), tokens and requests (accounts.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.texts import first_match
from meeting_etl.webex.token_kind import LISTED_BY_SOME, TokenKind

DEFAULT = "default"
"""The account of the variables WEBEX_…"""


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountRights:
    """An account by its name and kind, and what it is asked about.

    `hosts` are patterns of the addresses of hosts, for accounts of kind user; `sites` the only
    sites; empty for all.
    """

    name: str
    kind: TokenKind
    hosts: Sequence[str] = ()
    sites: Sequence[str] = ()

    @property
    def kind_setting(self) -> str:
        """What messages call the setting of its kind."""
        return "WEBEX_TOKEN_KIND" if self.name == DEFAULT else f"[accounts.{self.name}] kind"

    @property
    def covers(self) -> str:
        """Its hosts and sites as text; empty for all."""
        return json.dumps([self.hosts, self.sites]) if self.hosts or self.sites else ""

    def may_read(self, resource: str, meeting: Mapping[str, Any]) -> bool:
        """Whether it may be able to read a resource of a meeting.

        `meeting` has host_email and site_url where they are known.
        """
        can_read = resource not in self.kind.access.unreadable
        return can_read and _is_about(self.hosts, self.sites, meeting)

    def rank(self, resource: str, meeting: Mapping[str, Any]) -> int:
        """How good a choice it is, the best first.

        The host's own token sees most. Then come those that see all hosts: those first that can
        list the resource for many meetings at once. Last comes a user who may not be the host.
        """
        access = self.kind.access
        if not access.is_org_wide:
            return 0 if self._is_of_the_host(meeting) else 3
        return 1 if resource in access.listings or resource not in LISTED_BY_SOME else 2

    def sees_all_of(self, meeting: Mapping[str, Any]) -> bool:
        """Whether an empty response of it is the truth about the meeting."""
        return self.kind.access.is_org_wide or self._is_of_the_host(meeting)

    def _is_of_the_host(self, meeting: Mapping[str, Any]) -> bool:
        return first_match(host_of(meeting), self.hosts) is not None


A = TypeVar("A", bound=AccountRights)


def ranked(accounts: Iterable[A], resource: str, meeting: Mapping[str, Any]) -> list[A]:
    """The accounts that may read a resource of a meeting, the best first."""
    able = [account for account in accounts if account.may_read(resource, meeting)]
    return sorted(able, key=lambda account: account.rank(resource, meeting))


def covers(text: str, meeting: Mapping[str, Any]) -> bool:
    """Whether `AccountRights.covers` includes a meeting, by its host and site where known."""
    hosts, sites = json.loads(text) if text else ((), ())
    return _is_about(hosts, sites, meeting)


def _is_about(hosts: Sequence[str], sites: Sequence[str], meeting: Mapping[str, Any]) -> bool:
    site, host = meeting.get("site_url"), host_of(meeting)
    return not (sites and site and first_match(site, sites) is None) and not (
        hosts and host and first_match(host, hosts) is None
    )


def host_of(meeting: Mapping[str, Any]) -> str | None:
    """The address of a meeting's host; None when it is not known."""
    host = meeting.get("host_email")
    return host if host and not is_replaced(host) else None
