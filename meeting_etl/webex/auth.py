"""Auth: the access token, its renewal, and where it is stored between runs.

Belongs here: which token to send, when to renew it, that only one thread of one process does so,
and that the token is sent to the API and nowhere else. Does not: sending (the client hands in
`grant`), nor checking that a token is configured at all (settings/etl.py).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Refused, SettingsError
from meeting_etl.state import State
from meeting_etl.times import Clock
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.transport import origin

Grant = Callable[[Mapping[str, str]], dict[str, Any]]
"""Posts a form to /access_token and returns the JSON object of the response.

Raises BadResponse when that fails, Refused or AuthError when Webex refuses, ApiUnavailable when
nothing may be sent now.
"""

_RENEW_EARLY = timedelta(seconds=300)
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class _Tokens:
    """What is stored. `owner` names the configuration that the tokens belong to."""

    owner: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    renew_at: Annotated[datetime, msgspec.Meta(tz=True)]
    scopes: str | None = None


class Auth:
    """The access token, for all threads of a process; processes share it through the state.

    `stored_as` is the name of the value in the state.

    Raises SettingsError for a configured token that is not valid in an HTTP header.
    """

    def __init__(
        self,
        credentials: Credentials,
        state: State,
        clock: Clock,
        *,
        base_url: str,
        stored_as: str = "tokens",
    ) -> None:
        token = credentials.access_token
        if token is not None and not _SENDABLE.fullmatch(token):
            raise SettingsError(
                f"{credentials.names.access_token} contains whitespace or non-ASCII characters; "
                "set it again."
            )
        self._credentials = credentials
        self._stored_as = stored_as
        self._state = state
        self._clock = clock
        self._origin = origin(base_url)
        self._owner = _owner(credentials, base_url)
        self._tokens: _Tokens | None = None
        self._refused: str | None = None

    def headers(self, url: str, token: str) -> dict[str, str]:
        """The Authorization header for a request to `url`; empty when that is not the API."""
        return {"Authorization": f"Bearer {token}"} if origin(url) == self._origin else {}

    def token(self, grant: Grant) -> str:
        """The access token to send now.

        It is renewed with `grant` when there is none or fewer than 300 s of it remain. Raises
        AuthError when Webex refuses to renew it, ApiUnavailable when renewing fails otherwise.
        """
        if self._credentials.access_token is not None:
            return self._credentials.access_token
        tokens = self._tokens
        if tokens is None or self._is_due(tokens):
            tokens = self._renew(None, grant)
        return tokens.access_token

    def renew(self, rejected_token: str, grant: Grant) -> bool:
        """After a 401: replace the token. False when it cannot be replaced.

        Raises as `token` does. Sends no request if another thread or process has renewed it.
        """
        if self._credentials.access_token is not None:
            return False
        self._renew(rejected_token, grant)
        return True

    @property
    def remedy(self) -> str:
        """What to do when the token is rejected; the beginning of a sentence."""
        if self._credentials.access_token is not None:
            return f"Set a new {self._credentials.names.access_token}"
        names = self._credentials.names
        return f"Authorise the integration again and set {names.refresh_token}"

    @property
    def token_identity(self) -> str:
        """A digest of what is configured; not a secret."""
        token = self._credentials.access_token
        return self._owner if token is None else hashlib.sha256(token.encode()).hexdigest()

    @property
    def scopes(self) -> str | None:
        """Scopes that Webex granted with the stored tokens, in order; None when not known."""
        if self._credentials.access_token is not None:
            return None
        stored = self._own(self._state.get(self._stored_as))
        return stored.scopes if stored else None

    def _is_due(self, tokens: _Tokens) -> bool:
        return self._clock.now() > tokens.renew_at

    def _renew(self, rejected_token: str | None, grant: Grant) -> _Tokens:
        """Valid tokens: those that another thread or process got meanwhile, or new ones."""
        with self._state.swap(self._stored_as, secret=True) as value:
            stored = self._own(value.content)
            if stored and stored.access_token != rejected_token and not self._is_due(stored):
                self._tokens = stored
                return stored
            refresh_token = stored.refresh_token if stored else self._credentials.refresh_token
            tokens = self._request_tokens(refresh_token or "", grant)
            value.content = msgspec.json.encode(tokens)
        # Both are stored before either is used: the old ones may be invalid already.
        self._tokens = tokens
        return tokens

    def _own(self, content: bytes | None) -> _Tokens | None:
        """The stored tokens, if they can be read and belong to the current configuration."""
        try:
            tokens = msgspec.json.decode(content or b"", type=_Tokens)
        except msgspec.DecodeError:
            return None
        return tokens if tokens.owner == self._owner else None

    def _request_tokens(self, refresh_token: str, grant: Grant) -> _Tokens:
        if self._refused:
            raise AuthError(self._refused)  # not requested again in this process
        form = {
            "grant_type": "refresh_token",
            "client_id": self._credentials.client_id or "",
            "client_secret": self._credentials.client_secret or "",
            "refresh_token": refresh_token,
        }
        issued_at = self._clock.now()
        try:
            return self._parse(grant(form), refresh_token, issued_at)
        except (AuthError, Refused) as error:
            names = self._credentials.names
            self._refused = (
                f"{self.remedy}, and check {names.client_id} and {names.client_secret}: Webex "
                f"refused to renew the access token ({error})."
            )
            raise AuthError(self._refused) from error
        except BadResponse as error:
            raise ApiUnavailable(
                f"Renewing the access token failed ({error}); run again later."
            ) from error

    def _parse(self, grant: Mapping[str, Any], used: str, issued_at: datetime) -> _Tokens:
        """The tokens of a grant; one without a refresh token keeps the one that was used."""
        access_token, refresh_token = grant.get("access_token"), grant.get("refresh_token", used)
        if not all(
            isinstance(token, str) and _SENDABLE.fullmatch(token)
            for token in (access_token, refresh_token)
        ):
            raise BadResponse("the response to POST /access_token has no token")
        try:
            lifetime = timedelta(seconds=int(grant["expires_in"]))
            # A short-lived token is used for half its life instead of renewed at every request.
            early = _RENEW_EARLY if lifetime > _RENEW_EARLY else lifetime / 2
            renew_at = issued_at + lifetime - early
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadResponse("the response to POST /access_token has no expires_in") from error
        scope = grant.get("scope")
        scopes = " ".join(sorted(scope.split())) if isinstance(scope, str) and scope else None
        return _Tokens(self._owner, str(access_token), str(refresh_token), renew_at, scopes)


def _owner(credentials: Credentials, base_url: str) -> str:
    """A digest of the configuration: new settings do not use old tokens."""
    parts = (base_url, credentials.client_id or "", credentials.refresh_token or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
