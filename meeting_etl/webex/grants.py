"""Grants: how a new access token is requested.

Belongs here: what is posted, and which setting to mend when Webex refuses. Does not: when, and
where tokens are stored (auth.py), sending and retries (client.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from meeting_etl.errors import ApiUnavailable, AuthError, Forbidden, NotFound, Refused
from meeting_etl.webex.api_check import NOT_WEBEX
from meeting_etl.webex.credentials import Credentials, ServiceApp


@dataclass(frozen=True)
class TokenRequest:
    """A POST to `path` of the API; `bearer` is the token that it is sent with, if any."""

    path: str
    content_type: str
    body: bytes = field(repr=False)
    bearer: str | None = field(default=None, repr=False)


Post = Callable[[TokenRequest], dict[str, Any]]
"""Sends the request and returns the JSON object of the response.

Raises BadResponse when that fails, Refused or AuthError when Webex refuses, ApiUnavailable when
nothing may be sent now.
"""

Grant = Callable[[str | None, Post], Mapping[str, Any]]
"""Gets a new access token, by the refresh token if there is one: the fields of the response.

Raises as Post does, except that a refusal is an AuthError that says what to do.
"""


@dataclass(frozen=True)
class RefreshGrant:
    """An integration renews its tokens by its refresh token."""

    credentials: Credentials

    def __call__(self, refresh_token: str | None, post: Post) -> Mapping[str, Any]:
        """As Grant says."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.credentials.client_id or "",
            "client_secret": self.credentials.client_secret or "",
            "refresh_token": refresh_token or "",
        }
        try:
            return post(
                TokenRequest(
                    "/access_token",
                    "application/x-www-form-urlencoded",
                    urlencode(form).encode(),
                )
            )
        except NotFound as error:
            raise ApiUnavailable(f"{NOT_WEBEX}. {error}") from error
        except (AuthError, Refused) as error:
            names = self.credentials.names
            raise AuthError(
                f"{self.credentials.remedy}, and check {names.client_id} and "
                f"{names.client_secret}: Webex refused to renew the access token ({error})."
            ) from error


class Integration(Protocol):
    """The integration's own token: an Auth."""

    @property
    def remedy(self) -> str:
        """What to do when its token is rejected."""

    def token(self, post: Post) -> str:
        """Its access token."""

    def renew(self, rejected_token: str, post: Post) -> bool:
        """Replace its token; False when that is not possible."""


@dataclass(frozen=True)
class ServiceAppGrant:
    """The integration requests a token of the service app.

    The refresh token that comes with it is not used: one way to get tokens is enough.
    """

    app: ServiceApp
    integration: Integration

    def __call__(self, refresh_token: str | None, post: Post) -> Mapping[str, Any]:
        """As Grant says. An integration's token that is rejected is renewed once."""
        renewed = False
        while True:
            bearer = self.integration.token(post)
            try:
                return post(self._request(bearer))
            except AuthError as error:
                if renewed or not self.integration.renew(bearer, post):
                    raise AuthError(
                        f"{self.integration.remedy}, and check {self.app.names.client_secret}: "
                        f"Webex refused a token of the service app ({error})."
                    ) from error
                renewed = True
            except Refused as error:
                raise AuthError(
                    f"{self._remedy(error)}: Webex refused a token of the service app ({error})."
                ) from error

    def _request(self, bearer: str) -> TokenRequest:
        document = {
            "clientId": self.app.client_id,
            "clientSecret": self.app.client_secret,
            "targetOrgId": self.app.target_org_id,
        }
        path = f"/applications/{quote(self.app.application_id, safe='')}/token"
        return TokenRequest(path, "application/json", msgspec.json.encode(document), bearer)

    def _remedy(self, error: Refused) -> str:
        section, names = self.app.section, self.app.names
        if isinstance(error, NotFound):
            return f"Check {section} application_id"
        if isinstance(error, Forbidden):
            return (
                f"Check {section} target_org_id, that a full administrator of this organization "
                "has authorised the service app in Control Hub, and that the integration has the "
                "scope spark:applications_token"
            )
        return f"Check {names.client_id}, {names.client_secret} and {section} target_org_id"
