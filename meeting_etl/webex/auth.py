"""Auth: the access token, its renewal, and where it is stored between runs.

Belongs here: which token to send, when to renew it, that only one thread of one process does so,
and that the token is sent to the API and nowhere else. Does not: how a new one is requested
(grants.py), sending (the client hands in `post`), nor checking that a token is configured at all
(settings/etl.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, SettingsError
from meeting_etl.state import State
from meeting_etl.times import Clock
from meeting_etl.webex.credentials import Credentials, ServiceApp
from meeting_etl.webex.grants import Grant, Post, RefreshGrant, ServiceAppGrant
from meeting_etl.webex.transport import origin

_RENEW_EARLY = timedelta(seconds=300)
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class _Tokens:
    """What is stored. `owner` names the configuration that the tokens belong to."""

    owner: str
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    renew_at: Annotated[datetime, msgspec.Meta(tz=True)]
    scopes: str | None = None


class Auth:
    """The access token, for all threads of a process; processes share it through the state.

    `stored_as` is the name of the value in the state; that of a service app's integration is made
    of its digest, so that all service apps of one integration share its tokens.

    Raises SettingsError for a configured token that is not valid in an HTTP header.
    """

    def __init__(
        self,
        credentials: Credentials | ServiceApp,
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
        self._owner = credentials.digest(base_url)
        self._grant = _grant(credentials, state, clock, base_url)
        self._tokens: _Tokens | None = None
        self._refused: str | None = None

    def headers(self, url: str, token: str) -> dict[str, str]:
        """The Authorization header for a request to `url`; empty when that is not the API."""
        return {"Authorization": f"Bearer {token}"} if origin(url) == self._origin else {}

    def token(self, post: Post) -> str:
        """The access token to send now.

        It is renewed when there is none or fewer than 300 s of it remain. Raises
        AuthError when Webex refuses to renew it, ApiUnavailable when renewing fails otherwise.
        """
        if self._credentials.access_token is not None:
            return self._credentials.access_token
        tokens = self._tokens
        if tokens is None or self._is_due(tokens):
            tokens = self._renew(None, post)
        return tokens.access_token

    def renew(self, rejected_token: str, post: Post) -> bool:
        """After a 401: replace the token. False when it cannot be replaced.

        Raises as `token` does. Sends no request if another thread or process has renewed it.
        """
        if self._credentials.access_token is not None:
            return False
        self._renew(rejected_token, post)
        return True

    @property
    def remedy(self) -> str:
        """What to do when the token is rejected; the beginning of a sentence."""
        return self._credentials.remedy

    @property
    def token_identity(self) -> str:
        """A digest of what is configured; not a secret."""
        return self._owner

    @property
    def scopes(self) -> str | None:
        """Scopes that Webex granted with the stored tokens, in order; None when not known."""
        if self._credentials.access_token is not None:
            return None
        stored = self._own(self._state.get(self._stored_as))
        return stored.scopes if stored else None

    def _is_due(self, tokens: _Tokens) -> bool:
        return self._clock.now() > tokens.renew_at

    def _renew(self, rejected_token: str | None, post: Post) -> _Tokens:
        """Valid tokens: those that another thread or process got meanwhile, or new ones."""
        with self._state.swap(self._stored_as, secret=True) as value:
            stored = self._own(value.content)
            if stored and stored.access_token != rejected_token and not self._is_due(stored):
                self._tokens = stored
                return stored
            refresh_token = (stored or self._credentials).refresh_token
            tokens = self._request_tokens(refresh_token, post)
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

    def _request_tokens(self, refresh_token: str | None, post: Post) -> _Tokens:
        if self._refused:
            raise AuthError(self._refused)  # not requested again in this process
        issued_at = self._clock.now()
        try:
            return self._parse(self._grant(refresh_token, post), refresh_token, issued_at)
        except AuthError as error:
            self._refused = str(error)
            raise
        except BadResponse as error:
            raise ApiUnavailable(
                f"Renewing the access token failed ({error}); run again later."
            ) from error

    def _parse(self, grant: Mapping[str, Any], used: str | None, issued_at: datetime) -> _Tokens:
        """The tokens of a grant; one without a refresh token keeps the one that was used."""
        access_token = grant.get("access_token")
        refresh_token = used and grant.get("refresh_token", used)
        tokens = [access_token] if used is None else [access_token, refresh_token]
        if not all(isinstance(token, str) and _SENDABLE.fullmatch(token) for token in tokens):
            raise BadResponse("the response has no token")
        try:
            lifetime = timedelta(seconds=int(grant["expires_in"]))
            # A short-lived token is used for half its life instead of renewed at every request.
            early = _RENEW_EARLY if lifetime > _RENEW_EARLY else lifetime / 2
            renew_at = issued_at + lifetime - early
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadResponse("the response has no expires_in") from error
        scope = grant.get("scope")
        scopes = " ".join(sorted(scope.split())) if isinstance(scope, str) and scope else None
        return _Tokens(self._owner, str(access_token), refresh_token, renew_at, scopes)


def _grant(
    credentials: Credentials | ServiceApp, state: State, clock: Clock, base_url: str
) -> Grant:
    if isinstance(credentials, Credentials):
        return RefreshGrant(credentials)
    integration = credentials.integration
    # No account can have this name: theirs have no dots.
    stored_as = f"tokens.integration-{integration.digest(base_url)[:16]}"
    return ServiceAppGrant(
        credentials, Auth(integration, state, clock, base_url=base_url, stored_as=stored_as)
    )
