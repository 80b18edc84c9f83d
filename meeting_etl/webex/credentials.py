"""The configured credentials.

Belongs here: their values. Does not: tokens and their renewal (auth.py).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """The configured credentials: an access token, or the other three for the refresh grant."""

    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
