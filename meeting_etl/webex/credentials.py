"""The configured credentials of an account.

Belongs here: their values, what they are called in messages, and whether they suffice. Does not:
where they are read (settings/accounts.py), tokens and their renewal (auth.py).
"""

from dataclasses import dataclass, field

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
        missing = [name for name, value in grant.items() if not value]
        if missing:
            also = "" if len(missing) == len(grant) else f" (missing: {', '.join(missing)})"
            raise SettingsError(
                f"No Webex token: set {names.access_token}, or {names.client_id}, "
                f"{names.client_secret} and {names.refresh_token}{also}."
            )
