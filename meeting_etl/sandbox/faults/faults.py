"""What can be made to go wrong, and what is counted.

Belongs here: Faults, the knobs, and Counters, what the sandbox saw. Does not: doing it
(injection.py, broken_connections.py).
"""

import threading
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

_EXCLUSIVE, _CHANGING, _MEDIA = "exclusive", "changing", "media"


def _knob(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


def _share(text: str) -> Any:
    """A share of requests whose answer is spoilt in this way and no other."""
    return field(default=0.0, metadata={"help": f"Share of {text}, 0 to 1.", "sort": _EXCLUSIVE})


def _media_share(text: str) -> Any:
    """A share of downloads of files that fail in this way and no other."""
    return field(default=0.0, metadata={"help": f"Share of {text}, 0 to 1.", "sort": _MEDIA})


def _change(text: str) -> Any:
    """A share of URLs whose answers are always changed in this way."""
    return field(default=0.0, metadata={"help": f"Share of {text}, 0 to 1.", "sort": _CHANGING})


@dataclass(frozen=True)
class Faults:
    """Every knob; the defaults are a Webex in good health.

    The text of a field (`metadata["help"]`) is that of the command-line option. What is hit is
    decided by seed, URL (times apart) and attempt, so that it is the same in every run. Shares of
    spoilt answers exclude each other and hit no URL more than `most_in_a_row` times in a row, so
    that who asks again gets through; shares of changed answers are properties of a URL for ever.
    """

    latency_ms: int = _knob(0, "Milliseconds that every answer takes.")
    empty_page_every: int = _knob(
        5, "About one in so many follow-up pages comes after an empty one, as it may; 0 = never."
    )
    access_token_seconds: int = _knob(1_209_600, "Lifetime of an access token, in seconds.")
    requests_per_second: float = _knob(0.0, "Rate above which 429 is answered; 0 = no limit.")
    burst: int = _knob(60, "Requests that the rate limit lets through at once.")
    retry_after: Literal["integer", "date", "nonsense", "html"] = _knob(
        "integer", "Form of Retry-After with 429; html = an integer, but no JSON body."
    )
    retry_after_seconds: int = _knob(1, "Seconds of quiet that a 429 asks for.")
    retry_after_grace_ms: int = _knob(
        50, "Requests so soon after a 429 were under way: refused, not counted as disobedient."
    )
    slow_pages_above: int = _knob(0, "Lists with a larger max are answered with 504; 0 = none.")
    locked: float = _share("423 with Retry-After")
    internal_error: float = _share("500")
    bad_gateway: float = _share("502 with an HTML body")
    unavailable: float = _share("503")
    gateway_timeout: float = _share("504")
    unauthorized: float = _share("401 although the token is valid")
    connection_reset: float = _share("connections reset instead of an answer")
    truncated_body: float = _share("bodies cut off in the middle")
    html_page: float = _share("HTML pages with status 200")
    wrong_content_type: float = _share("JSON called text/plain")
    stalled: float = _share("answers that stop after the headers")
    item_errors: float = _share("lists with an item that has errors instead of data")
    repeated_next_link: float = _share("next links that lead to the same page")
    unfiltered_next_link: float = _share("next links that lost their filters")
    foreign_next_link: float = _share("next links to another host")
    empty_first_page: float = _share("lists whose first page is empty, with a next link")
    repeated_items: float = _change("follow-up pages that repeat the item before them")
    numbers_in_strings: float = _change("answers whose numbers are strings")
    unknown_fields: float = _change("answers whose objects have fields nobody knows")
    changed_types: float = _change("answers in which a field is of another type")
    missing_meeting_ids: float = _change("lists that do not say which meeting an item is of")
    halved_characters: float = _change("answers whose texts begin with half a surrogate pair")
    webhook_lag_seconds: int = _knob(
        0, "Seconds for which a new webhook is neither listed nor found by its id."
    )
    dropped_deliveries: float = _knob(
        0.0, "Share of webhook deliveries that are never sent, 0 to 1."
    )
    lost_deliveries: float = _knob(
        0.0, "Share of meetings of whose end no webhook ever tells, 0 to 1."
    )
    repeated_deliveries: float = _knob(
        0.0, "Share of webhook deliveries that are sent twice, 0 to 1."
    )
    media_bytes: int = _knob(0, "Size of all recordings, in bytes; 0 = as the world tells.")
    ticket_seconds: int = _knob(10_800, "Lifetime of links to the files of a recording.")
    slow_media: int = _knob(0, "Bytes a second that each download of a file gets; 0 = all.")
    refused_media: float = _media_share("downloads of files answered 503 with Retry-After")
    broken_media: float = _media_share("downloads of files cut off anywhere in the body")
    stalled_media: float = _media_share("downloads of files that stop anywhere in the body")
    no_range: float = _knob(0.0, "Share of downloads of files that ignore Range, 0 to 1.")
    wrong_sizes: float = _knob(0.0, "Share of recordings whose sizeBytes is wrong, 0 to 1.")
    changed_media: bool = _knob(False, "Files are others whenever a link to them is made.")
    media_html: bool = _knob(False, "Void links to files lead to an HTML page with status 200.")
    broken_vtt: float = _knob(0.0, "Share of transcripts whose WebVTT is damaged, 0 to 1.")
    most_in_a_row: int = _knob(2, "Most faults in a row that one URL meets.")
    stall_seconds: float = _knob(600.0, "Seconds after which a stalled answer is given up.")
    revoke_after: int = _knob(0, "After so many requests all access tokens are void; 0 = never.")
    refuse_refresh: bool = _knob(False, "Refuse the refresh grant.")
    refuse_refresh_after: int = _knob(
        0, "Refuse the refresh grant after so many renewals; 0 = never."
    )
    longest_window_days: int = _knob(
        30, "Listings over a longer stretch of time are answered 400; 0 = any is answered."
    )
    no_people_scope: bool = _knob(False, "Refuse GET /people/me: the scope is missing.")
    forbidden_meetings: tuple[str, ...] = _knob((), "Ids of meetings that are always 403.")
    missing_meetings: tuple[str, ...] = _knob((), "Ids of meetings that are always 404.")
    gone_meetings: tuple[str, ...] = _knob((), "Ids of meetings that are always 410.")
    seed: int = _knob(0, "Another seed hits other requests.")

    def __post_init__(self) -> None:
        if sum(self.spoiling().values()) > 1:
            raise ValueError("The shares of spoilt answers add up to more than 1.")
        if sum(self.of_media().values()) > 1:
            raise ValueError("The shares of failed downloads add up to more than 1.")

    def spoiling(self) -> dict[str, float]:
        """Shares of answers that are spoilt, by name; at most one hits a request."""
        return self._shares(_EXCLUSIVE)

    def changing(self) -> dict[str, float]:
        """Shares of answers that are changed, by name; any number may hit a URL."""
        return self._shares(_CHANGING)

    def of_media(self) -> dict[str, float]:
        """Shares of downloads that fail, by name; at most one hits a request."""
        return self._shares(_MEDIA)

    def _shares(self, sort: str) -> dict[str, float]:
        found = {
            one.name: float(getattr(self, one.name))
            for one in fields(self)
            if one.metadata.get("sort") == sort
        }
        return {name: share for name, share in found.items() if share}


class Seen(NamedTuple):
    """One request: method, path with query, status of the answer. Never the bearer token."""

    method: str
    url: str
    status: int


@dataclass(slots=True)
class MediaSeen:
    """One request to the download host: never its query, which has the ticket.

    `range_start` is the first byte that was asked for, None without a Range. `bytes_sent` are those
    of the body that were handed to the connection; it grows while they are sent. `recording_id` and
    `kind` (video, audio, transcript) are known where the ticket was good.
    """

    method: str
    path: str
    range_start: int | None
    status: int = 0
    bytes_sent: int = 0
    recording_id: str = ""
    kind: str = ""


class Counters:
    """What the sandbox saw, for tests and for the user. Safe to use from several threads.

    `by_route` counts (method, route template); `repeated_gets` are GETs of a URL that had been
    answered with success and undamaged before; `during_retry_after` came while a Retry-After ran;
    `tokens_elsewhere` brought the bearer token to another host; `injected` counts faults by name.
    A connection that was reset has status 0. `media_requests` are those to the download host, in
    the order in which they began; the other figures do not count them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.total = 0
            self.requests: list[Seen] = []
            self.by_route: Counter[tuple[str, str]] = Counter()
            self.repeated_gets = 0
            self.during_retry_after = 0
            self.tokens_elsewhere = 0
            self.injected: Counter[str] = Counter()
            self.media_requests: list[MediaSeen] = []
            self._answered: set[str] = set()

    def note(self, seen: Seen, route: str, *, complete: bool) -> None:
        """Count a request that was answered; `complete`: undamaged and with success."""
        with self._lock:
            self.total += 1
            self.requests.append(seen)
            self.by_route[seen.method, route] += 1
            if seen.method == "GET" and seen.url in self._answered:
                self.repeated_gets += 1
            if complete and seen.method == "GET":
                self._answered.add(seen.url)

    def note_media(self, seen: MediaSeen) -> None:
        """Remember a request to the download host."""
        with self._lock:
            self.media_requests.append(seen)

    def note_injected(self, name: str) -> None:
        """Count a fault."""
        with self._lock:
            self.injected[name] += 1

    def note_disobedience(self) -> None:
        """Count a request that came while a Retry-After ran."""
        with self._lock:
            self.during_retry_after += 1

    def note_token_elsewhere(self) -> None:
        """Count a request that brought the token to another host."""
        with self._lock:
            self.tokens_elsewhere += 1
