"""What passes between the front (api.py) and the endpoints: a question, an answer, a refusal.

Belongs here: Ask, the three forms of an answer, Refusal, and reading query parameters. Does not:
what any endpoint does with them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from meeting_etl.sandbox.index import Index
from meeting_etl.sandbox.model import Kind, Person
from meeting_etl.sandbox.render import Json

DEFAULT_WINDOW = timedelta(days=7)
DEFAULT_PAGE = 10
LARGEST_PAGE = 100


class Refusal(Exception):
    """An answer that is an error: its status and what the body says (webex-api.md 2.3)."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that a list would hold; the front cuts the page and renders only that."""

    items: Sequence[Any]
    render: Callable[[Any], Json]


@dataclass(frozen=True, slots=True)
class Item:
    """One JSON object."""

    body: Json


@dataclass(frozen=True, slots=True)
class Text:
    """A file."""

    body: str
    content_type: str


Answer = Listing | Item | Text


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a caller whose token was accepted."""

    index: Index
    kind: Kind
    caller: Person
    now: datetime
    query: Mapping[str, str]
    path_id: str
    token_expires_at: datetime

    def host_email(self) -> str | None:
        """Whose things are asked for; None = everybody's, as only a compliance officer may.

        hostEmail counts for admins and officers only; an admin who leaves it out asks for his own
        things, of which there are none (T35).
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
        """From (incl.) and to (excl.); what is left out makes it the last seven days (T33)."""
        begin, end = self.moment(names[0]), self.moment(names[1])
        if begin is None:
            begin = (end or self.now) - DEFAULT_WINDOW
            end = end or self.now
        elif end is None:
            end = begin + DEFAULT_WINDOW
        if begin > end:
            raise Refusal(400, f"{names[0]} cannot be after {names[1]}.")
        return begin, end


def page_size(query: Mapping[str, str]) -> int:
    """`max`: 10 when left out, silently 100 when larger, refused below 1 (webex-api.md 2.1)."""
    text = query.get("max")
    if text is None:
        return DEFAULT_PAGE
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise Refusal(400, "max must be a number of at least 1.")
    return min(int(text), LARGEST_PAGE)
