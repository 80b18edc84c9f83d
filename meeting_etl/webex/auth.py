"""Auth: the access token, its renewal, and where it is kept between runs.

Belongs here: which token to send, when it has to be renewed, that only one thread of one process
renews it, and that it goes to the API and nowhere else. Does not: sending (the client hands in
`grant`), nor checking that a token is configured at all (settings.py).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Refused, SettingsError
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.transport import origin

Grant = Callable[[Mapping[str, str]], dict[str, Any]]
"""Posts a form to /access_token and returns the answer's JSON object. Raises BadResponse when none
comes, Refused or AuthError when Webex says no, ApiUnavailable when nothing may be sent now."""

_FILE = "state/tokens.json"
_RENEW_EARLY = timedelta(seconds=300)
_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Credentials:
    """What is configured: an access token as it is, or the other three for the refresh grant."""

    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Tokens:
    """What the file keeps. `owner` says for which configuration; `renew_at` when it is due."""

    owner: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    renew_at: Annotated[datetime, msgspec.Meta(tz=True)]
    scopes: str | None = None


class Auth:
    """Hands out the access token. One object for all threads; processes agree through one file.

    Raises SettingsError for a configured token that no HTTP header can carry.
    """

    def __init__(
        self, credentials: Credentials, files: Files, clock: Clock, *, base_url: str
    ) -> None:
        given = credentials.access_token
        if given is not None and not _SENDABLE.fullmatch(given):
            raise SettingsError(
                "WEBEX_ACCESS_TOKEN has a character in it that no token has, a line break or a "
                "space perhaps; set it again."
            )
        self._credentials = credentials
        self._files = files
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

        A new one is asked for with `grant` when there is none or fewer than 300 s of it remain.
        Raises AuthError when Webex refuses to renew it, ApiUnavailable when that fails otherwise.
        """
        if self._credentials.access_token is not None:
            return self._credentials.access_token
        tokens = self._tokens
        if tokens is None or self._is_due(tokens):
            tokens = self._renewed(None, grant)
        return tokens.access_token

    def renew(self, refused_token: str, grant: Grant) -> bool:
        """After a 401: make `token` hand out another one. False when there can be no other.

        Raises as `token` does. If somebody else renewed it meanwhile, nothing is asked for.
        """
        if self._credentials.access_token is not None:
            return False
        self._renewed(refused_token, grant)
        return True

    @property
    def remedy(self) -> str:
        """What the user can do when the token is refused; the end of a sentence."""
        if self._credentials.access_token is not None:
            return "set a new WEBEX_ACCESS_TOKEN"
        return "authorise the integration again and set WEBEX_REFRESH_TOKEN"

    @property
    def token_identity(self) -> str:
        """A digest that stays the same as long as what is configured does; no secret."""
        token = self._credentials.access_token
        return self._owner if token is None else hashlib.sha256(token.encode()).hexdigest()

    @property
    def scopes(self) -> str | None:
        """Scopes that Webex granted with the stored tokens, in order; None when not known."""
        if self._credentials.access_token is not None:
            return None
        stored = self._stored()
        return stored.scopes if stored else None

    def _is_due(self, tokens: _Tokens) -> bool:
        return self._clock.now() > tokens.renew_at

    def _renewed(self, refused_token: str | None, grant: Grant) -> _Tokens:
        """Tokens that are fit to use: those that somebody else got meanwhile, or new ones."""
        with self._files.lock("tokens"):
            stored = self._stored()
            if stored and stored.access_token != refused_token and not self._is_due(stored):
                self._tokens = stored
                return stored
            refresh_token = stored.refresh_token if stored else self._credentials.refresh_token
            tokens = self._granted(refresh_token or "", grant)
            # Both are kept before either is used: Webex may have forgotten the old ones already.
            self._files.replace_bytes(_FILE, msgspec.json.encode(tokens), mode=0o600)
            self._tokens = tokens
            return tokens

    def _stored(self) -> _Tokens | None:
        """The stored tokens if they can be read and stem from what is configured now."""
        content = self._files.read_bytes(_FILE)
        try:
            tokens = msgspec.json.decode(content or b"", type=_Tokens)
        except msgspec.DecodeError:
            return None
        return tokens if tokens.owner == self._owner else None

    def _granted(self, refresh_token: str, grant: Grant) -> _Tokens:
        if self._refused:
            raise AuthError(self._refused)  # what was refused once is not asked for again
        form = {
            "grant_type": "refresh_token",
            "client_id": self._credentials.client_id or "",
            "client_secret": self._credentials.client_secret or "",
            "refresh_token": refresh_token,
        }
        issued_at = self._clock.now()
        try:
            answer = grant(form)
            return self._read(answer, refresh_token, issued_at)
        except (AuthError, Refused) as error:
            self._refused = (
                f"Webex refuses to renew the access token ({error}): {self.remedy}, and check "
                "WEBEX_CLIENT_ID and WEBEX_CLIENT_SECRET."
            )
            raise AuthError(self._refused) from error
        except BadResponse as error:
            raise ApiUnavailable(
                f"The access token cannot be renewed now ({error}); run again later."
            ) from error

    def _read(self, answer: Mapping[str, Any], used: str, issued_at: datetime) -> _Tokens:
        """The tokens of an answer; a refresh token that it does not name stays the one in use."""
        access_token, refresh_token = answer.get("access_token"), answer.get("refresh_token", used)
        if not all(
            isinstance(token, str) and _SENDABLE.fullmatch(token)
            for token in (access_token, refresh_token)
        ):
            raise BadResponse("the answer to POST /access_token lacks a token")
        try:
            lifetime = timedelta(seconds=int(answer["expires_in"]))
            # A short-lived one is used for half of its life instead of renewed at every request.
            early = _RENEW_EARLY if lifetime > _RENEW_EARLY else lifetime / 2
            renew_at = issued_at + lifetime - early
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadResponse("the answer to POST /access_token lacks expires_in") from error
        told = answer.get("scope")
        scopes = " ".join(sorted(told.split())) if isinstance(told, str) and told else None
        return _Tokens(self._owner, str(access_token), str(refresh_token), renew_at, scopes)


def _owner(credentials: Credentials, base_url: str) -> str:
    """A digest of what the stored tokens belong to: new settings do not use old tokens."""
    parts = (base_url, credentials.client_id or "", credentials.refresh_token or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
