"""Accounts: whose tokens there are, and which of them is asked first.

Belongs here: the order in which accounts are asked, and those that cannot be used in this process.
Does not: what an account may read (account_rights.py), requests (endpoints.py), the settings.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Refused
from meeting_etl.webex.account_rights import AccountRights, host_of, ranked
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.traffic import Traffic

T = TypeVar("T")
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
# So many refusals before any other response: this account lacks the scope.
_ENOUGH = 20


@dataclass(frozen=True)
class TokenIdentity:
    """A token without its secret: its kind, a digest of what is configured, scopes where known.

    `covers` says what the account is asked about (AccountRights).
    """

    kind: str
    digest: str
    scopes: str | None = None
    covers: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Account(AccountRights):
    """One account with its requests.

    `reading_since` is when its token read here for the first time: a 404 for what another one read
    proves nothing.
    """

    webex: Webex
    reading_since: datetime = _ALWAYS


Group = tuple[Account, ...]
"""Accounts that are equally good a choice."""


@dataclass
class Accounts:
    """All accounts, and those that are set aside because they cannot be used now.

    `was_allowed` says whether an account has read a resource in an earlier run.
    """

    all: Sequence[Account]
    was_allowed: Callable[[Account, str], bool] = lambda *_: False
    set_aside: dict[Account, AuthError | ApiUnavailable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._refusals: Counter[tuple[Account, str]] = Counter()
        self._allowed: set[tuple[Account, str]] = set()
        self._lacking: set[tuple[Account, str]] = set()
        self._ranked: dict[tuple[str, str | None, str | None], list[Account]] = {}

    def may_read(self, resource: str, meeting: Mapping[str, Any]) -> bool:
        """Whether any account may read it."""
        return bool(self.ranked(resource, meeting))

    def ranked(self, resource: str, meeting: Mapping[str, Any]) -> list[Account]:
        """All accounts that may read it, the best first."""
        key = resource, host_of(meeting), meeting.get("site_url")
        if key not in self._ranked:
            self._ranked[key] = ranked(self.all, resource, meeting)
        return self._ranked[key]

    def best(self, resource: str, meeting: Mapping[str, Any]) -> Group:
        """Those of the usable accounts that are the best choice, all equally good."""
        able = self.ranked(resource, meeting)
        usable = [account for account in able if self.is_usable(account, resource)] or able
        ranks = [account.rank(resource, meeting) for account in usable]
        return tuple(a for a, rank in zip(usable, ranks, strict=True) if rank == ranks[0])

    def in_turn(self, resource: str, meeting: Mapping[str, Any], first: Account) -> list[Account]:
        """The accounts to ask one after the other while they refuse, `first` before the others."""
        return sorted(self.ranked(resource, meeting), key=lambda account: account is not first)

    def is_usable(self, account: Account, resource: str) -> bool:
        """Whether it is not set aside, and was not refused this resource all the time."""
        return account not in self.set_aside and not self.lacks(account, resource)

    def lacks(self, account: Account, resource: str) -> bool:
        """Whether an account seems to lack the scope for a resource, by its first responses."""
        key = account, resource
        return key in self._lacking and key not in self._allowed

    @property
    def lacking(self) -> list[tuple[str, str]]:
        """Names of accounts, each with a resource that it was refused each time, in order."""
        lacking = self._lacking - self._allowed
        return sorted((account.name, resource) for account, resource in lacking)

    def count(self, account: Account, resource: str, *, refused: bool) -> None:
        """Count a response about a meeting that the account sees for certain."""
        key = account, resource
        if key in self._allowed or len(self.all) == 1:
            return
        if not refused:
            self._allowed.add(key)
            return
        with self._lock:
            self._refusals[key] += 1
            is_enough = self._refusals[key] == _ENOUGH
        if is_enough:
            was_allowed = self.was_allowed(account, resource)
            (self._allowed if was_allowed else self._lacking).add(key)

    def listing(self, resource: str) -> list[Account]:
        """The accounts that can list a resource by time."""
        return [account for account in self.all if account.webex.listing_scope(resource)]

    def scheduling(self, meeting: Mapping[str, Any]) -> list[Account]:
        """The accounts that may change a scheduled meeting, the best first."""
        return [each for each in self.ranked("meeting", meeting) if each.webex.can_schedule]

    def ask(
        self, resource: str, meeting: Mapping[str, Any], request: Callable[[Account], T | None]
    ) -> tuple[T | None, Account | None]:
        """The first response that is no refusal or fault and not empty, and whose it is.

        Raises AuthError and ApiUnavailable when no account is left.
        """
        for account in self.ranked(resource, meeting):
            if account in self.set_aside:
                continue
            try:
                if (found := request(account)) is not None:
                    return found, account
            except (AuthError, ApiUnavailable) as error:
                self.put_aside(account, error)
            except (Refused, BadResponse):
                continue
        return None, None

    def put_aside(self, account: Account, error: AuthError | ApiUnavailable) -> None:
        """Use an account no more in this process. Raises the error when no other is left."""
        with self._lock:
            if len(self.set_aside.keys() | {account}) == len(self.all):
                raise error
            self.set_aside.setdefault(account, error)

    def cancel_on(self, stop: threading.Event) -> None:
        """In the calling thread, raise Stopped instead of waiting once `stop` is set."""
        for account in self.all:
            account.webex.cancel_on(stop)

    def count_in(self, traffic: Traffic | None) -> None:
        """Count what the calling thread sends from now on in `traffic`, too."""
        for account in self.all:
            account.webex.count_in(traffic)
