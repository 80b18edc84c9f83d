"""The configured credentials of an account.

Belongs here: their values, what they are called in messages, and whether they suffice. Does not:
where they are read (settings/accounts.py), how they become tokens (grants.py), tokens and their
renewal (auth.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from meeting_etl.errors import SettingsError


@dataclass(frozen=True)
class CredentialNames:
    """What messages call each credential: the names of the settings that they come from."""

    access_token: str = "WEBEX_ACCESS_TOKEN"  # noqa: S105 - a name, no secret
    client_id: str = "WEBEX_CLIENT_ID"
    client_secret: str = "WEBEX_CLIENT_SECRET"  # noqa: S105 - a name, no secret
    refresh_token: str = "WEBEX_REFRESH_TOKEN"  # noqa: S105 - a name, no secret


@dataclass(frozen=True)
class Credentials:
    """The configured credentials: an access token, or the other three for the refresh grant."""

    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    names: CredentialNames = field(default_factory=CredentialNames, kw_only=True)

    @property
    def secrets(self) -> list[str]:
        """Those that must not be shown."""
        return [
            secret
            for secret in (self.access_token, self.client_secret, self.refresh_token)
            if secret
        ]

    @property
    def remedy(self) -> str:
        """What to do when the token is rejected; the beginning of a sentence."""
        if self.access_token is not None:
            return f"Set a new {self.names.access_token}"
        return f"Authorise the integration again and set {self.names.refresh_token}"

    def digest(self, base_url: str) -> str:
        """What is configured, without secrets: stored tokens of other settings are not used."""
        if self.access_token is not None:
            return _digest(self.access_token)
        return _digest(base_url, self.client_id or "", self.refresh_token or "")

    def check(self) -> None:
        """Raise SettingsError unless there is a token, or all that is needed to get one."""
        if self.access_token:
            return
        names = self.names
        grant = {
            names.client_id: self.client_id,
            names.client_secret: self.client_secret,
            names.refresh_token: self.refresh_token,
        }
        missing = _missing(grant)
        if missing:
            also = "" if len(missing) == len(grant) else f" (missing: {', '.join(missing)})"
            raise SettingsError(
                f"No Webex token: set {names.access_token}, or {names.client_id}, "
                f"{names.client_secret} and {names.refresh_token}{also}."
            )


@dataclass(frozen=True)
class ServiceApp:
    """The credentials of a service app, and of the integration that may request its tokens.

    `section` is that of the settings file, as messages name it.
    """

    application_id: str
    target_org_id: str
    client_id: str | None = field(repr=False)
    client_secret: str | None = field(repr=False)
    integration: Credentials
    names: CredentialNames
    section: str
    access_token: ClassVar[None] = None
    refresh_token: ClassVar[None] = None

    @property
    def secrets(self) -> list[str]:
        """Those that must not be shown."""
        own = [self.client_secret] if self.client_secret else []
        return [*own, *self.integration.secrets]

    @property
    def remedy(self) -> str:
        """What to do when the token is rejected; the beginning of a sentence."""
        return f"Check the service app of {self.section} and its integration"

    def digest(self, base_url: str) -> str:
        """What is configured, without secrets. Another integration gets the same tokens."""
        return _digest(base_url, self.application_id, self.target_org_id, self.client_id or "")

    def check(self) -> None:
        """Raise SettingsError unless all that is needed to get a token is there."""
        own = {
            self.names.client_id: self.client_id,
            self.names.client_secret: self.client_secret,
        }
        if missing := _missing(own):
            raise SettingsError(f"No Webex token: set {' and '.join(missing)}.")
        self.integration.check()


def _missing(values: Mapping[str, str | None]) -> list[str]:
    return [name for name, value in values.items() if not value]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
