"""One request, as the endpoints see it.

Belongs here: RequestContext, and reading query parameters. Does not: what an endpoint returns
(results.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from meeting_etl.sandbox.api.changes import Changes
from meeting_etl.sandbox.api.webhook_registry import Registry
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.media.files import Media
from meeting_etl.sandbox.media.tickets import Tickets
from meeting_etl.sandbox.world.index import Index
from meeting_etl.sandbox.world.model import Kind, Person

DEFAULT_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request of a caller whose token was accepted.

    `port` is where the client finds this server; `body` is empty where none was sent.
    """

    index: Index
    kind: Kind
    caller: Person
    now: datetime
    query: Mapping[str, str]
    path_id: str
    token_expires_at: datetime
    webhooks: Registry
    changes: Changes
    media: Media
    tickets: Tickets
    port: str
    longest_window_days: int = 30
    body: Json = field(default_factory=dict)

    def host_email(self) -> str | None:
        """Whose items are requested; None = everybody's, as only a compliance officer may.

        hostEmail counts for admins and officers only; an admin who leaves it out gets his own
        items, of which there are none (T35).
        """
        given = self.query.get("hostEmail")
        if self.kind == "user":
            return self.caller.email
        if given is None:
            return self.caller.email if self.kind == "admin" else None
        if given not in self.index.people:
            raise Refusal(404, "No user with that hostEmail on the sites you manage.")
        return given

    def preferred_site(self) -> str:
        """The site that is looked at when siteUrl is left out (T40)."""
        email = self.host_email()
        return self.index.people[email].site_url if email else self.caller.site_url

    def flag(self, name: str) -> bool | None:
        """A boolean parameter; None when left out."""
        text = self.query.get(name)
        if text is None:
            return None
        if text not in ("true", "false"):
            raise Refusal(400, f"{name} must be true or false.")
        return text == "true"

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """A parameter that takes one of a few values; None when left out."""
        text = self.query.get(name)
        if text is not None and text not in choices:
            raise Refusal(400, f"{name} must be one of {', '.join(choices)}.")
        return text

    def moment(self, name: str) -> datetime | None:
        """A time in any ISO 8601 form; without a zone it is UTC."""
        text = self.query.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Refusal(400, f"{name} is not an ISO 8601 date and time.") from None

    def window(self, names: tuple[str, str] = ("from", "to")) -> tuple[datetime, datetime]:
        """From (incl.) and to (excl.); what is left out makes it the last seven days (T33).

        Raises Refusal for more than `longest_window_days`, which does not apply to join times.
        """
        begin, end = self.moment(names[0]), self.moment(names[1])
        if begin is None:
            begin = (end or self.now) - DEFAULT_WINDOW
            end = end or self.now
        elif end is None:
            end = begin + DEFAULT_WINDOW
        if begin > end:
            raise Refusal(400, f"{names[0]} cannot be after {names[1]}.")
        days = self.longest_window_days if names == ("from", "to") else 0
        if days and end - begin > timedelta(days=days):
            raise Refusal(400, f"{names[0]} and {names[1]} must be within {days} days.")
        return begin, end
