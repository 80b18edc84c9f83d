"""class Alerts: where alerts are sent.

Belongs here: the addresses, and what is allowed. Does not: reading them (environment.py,
toml_file.py), when there is an alert (orchestration/alerts/).
"""

from dataclasses import dataclass, field

from meeting_etl.addresses import http_url
from meeting_etl.errors import SettingsError

WEBHOOK_URL = "MEETING_ETL_ALERT_WEBHOOK_URL"
SMTP_PASSWORD = "MEETING_ETL_SMTP_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Mail:
    """How e-mails are sent."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    security: str
    user: str
    password: str | None = field(repr=False)


@dataclass(frozen=True)
class Alerts:
    """A webhook, e-mail, both or neither; the address of the Dagster UI for links."""

    webhook_url: str | None = field(repr=False)
    mail: Mail | None
    ui_url: str

    @property
    def is_on(self) -> bool:
        """Whether alerts are sent anywhere."""
        return self.webhook_url is not None or self.mail is not None


def webhook_url(value: str | None) -> str | None:
    """The URL of the variable; the error does not quote it, for it is a secret."""
    if not value:
        return None
    try:
        return http_url(WEBHOOK_URL, value, allow_http=False)
    except SettingsError:
        raise SettingsError(
            f"{WEBHOOK_URL} is not a usable URL: it must begin with https:// except on this "
            "machine."
        ) from None
