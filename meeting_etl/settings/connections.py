"""Connections: the tokens, the rates and the clients of the configured accounts.

Belongs here: what each account works with, and which of them have the same owner. Does not:
reading settings (accounts.py), which account is asked (webex/accounts.py).
"""

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Refused, SettingsError
from meeting_etl.settings.accounts import AccountSettings
from meeting_etl.settings.environment import Settings
from meeting_etl.settings.shared import Shared
from meeting_etl.state import State
from meeting_etl.times import Clock
from meeting_etl.webex.account_rights import DEFAULT
from meeting_etl.webex.bucket import Bucket

# Loaded when used: requests alone costs more than all of `meeting-etl status`.
if TYPE_CHECKING:
    from meeting_etl.webex.accounts import TokenIdentity
    from meeting_etl.webex.auth import Auth
    from meeting_etl.webex.client import Client
    from meeting_etl.webex.transport import Limits

# Requests sent immediately after a pause. At higher rates it is one second's worth, so that a
# commit, during which nothing is sent, costs none of the rate.
_BURST = 10
_OWNERS = "account_owners"
# The last owner of an account is among these, too.
_ACCOUNT = "account {}"


class Connection:
    """What one account works with. Raises SettingsError when its token is not set."""

    def __init__(
        self,
        account: AccountSettings,
        settings: Settings,
        shared: Shared,
        state: State,
        clock: Clock,
    ) -> None:
        self.account = account
        self._settings = settings
        self._shared = shared
        self._state = state
        self._clock = clock

    @cached_property
    def auth(self) -> "Auth":
        """Its token."""
        from meeting_etl.webex.auth import Auth

        account = self.account
        account.check()
        suffix = "" if account.name == DEFAULT else f"-{account.name}"
        return Auth(
            account.credentials,
            self._state,
            self._clock,
            base_url=self._settings.base_url,
            stored_as=f"tokens{suffix}",
        )

    @property
    def identity(self) -> "TokenIdentity":
        """Whose token it is, without secrets."""
        from meeting_etl.webex.accounts import TokenIdentity

        account, auth = self.account, self.auth
        return TokenIdentity(account.kind, auth.token_identity, auth.scopes, account.covers)

    @property
    def owner(self) -> str | None:
        """A digest of its owner's id at Webex; None before it was requested, empty if unknown."""
        return _owners(self._state.get(_OWNERS)).get(self.auth.token_identity)

    @property
    def bucket(self) -> Bucket:
        """The rate and the pauses of requests, shared by all processes and all of one owner."""
        rate = self.account.requests_per_minute
        burst = max(_BURST, int(rate / 60))
        return self._shared.bucket(requests_per_minute=rate, burst=burst, name=self._bucket_name)

    @property
    def _bucket_name(self) -> str:
        """Of its owner, where there are several accounts.

        Before the owner of a token is known, it is taken for that of the account's last one, so
        that a pause is obeyed after a new token, too.
        """
        if len(self._settings.accounts) == 1:
            return "pace"
        name, owners = self.account.name, _owners(self._state.get(_OWNERS))
        owner = owners.get(self.auth.token_identity, owners.get(_ACCOUNT.format(name)))
        return "pace" if owner is None else f"pace-{owner[:16] or name}"

    @cached_property
    def client(self) -> "Client":
        """Its connection to the API."""
        from meeting_etl.webex.transport import Limits

        return self.client_with(Limits(), self._settings.max_wait_seconds)

    def client_with(self, limits: "Limits", max_wait_seconds: float) -> "Client":
        """A further connection to the API with limits of its own, under the same rate limit."""
        from meeting_etl.webex.client import Client
        from meeting_etl.webex.rate_limit import RateLimiter

        return Client(
            self._settings.base_url,
            self.auth,
            RateLimiter(self.bucket, self._clock, max_wait_seconds=max_wait_seconds),
            self._clock,
            threads=self._settings.threads,
            limits=limits,
        )

    @property
    def requests_sent(self) -> int:
        """Requests sent so far."""
        return self.client.requests_sent if "client" in self.__dict__ else 0

    def learn_owner(self) -> None:
        """Request whose token it is, once: accounts of one owner share a rate limit at Webex.

        An account that cannot be used now is asked again by a later run.
        """
        if self.owner is not None:
            return
        from meeting_etl.webex.transport import Limits

        client = self.client_with(Limits(), self._settings.max_wait_seconds)
        try:
            person = client.get("/people/me").get("id")
            owner = hashlib.sha256(str(person).encode()).hexdigest() if person else ""
        except (Refused, BadResponse):
            owner = ""
        except (AuthError, ApiUnavailable):
            return
        finally:
            client.close()
        with self._state.swap(_OWNERS, secret=True) as value:
            name = _ACCOUNT.format(self.account.name)
            owners = _owners(value.content) | {self.auth.token_identity: owner, name: owner}
            value.content = json.dumps(owners).encode()


def _owners(content: bytes | None) -> dict[str, str]:
    """Digests of owners by token identity; none when that is damaged, so that they are asked."""
    try:
        return msgspec.json.decode(content or b"{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def owners_of(connections: list[Connection]) -> dict[str, str]:
    """Digests of the owners of accounts by name, as far as they are known."""
    found = {}
    for connection in connections:
        try:
            owner = connection.owner
        except SettingsError:
            continue
        if owner:
            found[connection.account.name] = owner
    return found


def same_owner(connections: list[Connection]) -> list[tuple[str, str]]:
    """Pairs of accounts that have the same owner, as far as that is known."""
    first: dict[str, str] = {}
    pairs = []
    for name, owner in owners_of(connections).items():
        if (other := first.setdefault(owner, name)) != name:
            pairs.append((other, name))
    return pairs
