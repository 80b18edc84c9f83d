"""What can be made to go wrong.

Belongs here: Faults, every option of the sandbox. Does not: reading them from a command line
(options.py), doing them (faulty_api.py, faulty_media.py, faulty_deliveries.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

_STATUSES = range(400, 600)


def _option(default: Any, text: str, least: int | None = 0) -> Any:
    return field(default=default, metadata={"help": text, "least": least})


def _share(text: str, group: str = "other") -> Any:
    return field(default=0.0, metadata={"help": f"Share of {text}.", "shares": group})


def _response_share(text: str) -> Any:
    """A share of requests whose response is damaged in this way and no other."""
    return _share(text, "responses")


def _change(text: str) -> Any:
    """A share of URLs whose responses are always changed in this way."""
    return _share(text, "changes")


def _download_share(text: str) -> Any:
    """A share of file downloads that fail in this way and no other."""
    return _share(text, "downloads")


@dataclass(frozen=True)
class Faults:
    """Every option; the defaults are a healthy Webex.

    The text of a field (`metadata["help"]`) is what `--list-faults` prints. Which requests are hit
    depends on seed, URL (times apart) and attempt only, so every run is the same. Shares of damaged
    responses exclude each other and hit no URL more than `most_in_a_row` times in a row, so that a
    client that retries gets through. Shares of changed responses are lasting properties of a URL.
    """

    latency_ms: int = _option(0, "Milliseconds by which every response is delayed.")
    requests_per_second: float = _option(0.0, "Rate above which requests get 429; 0 = no limit.")
    burst: int = _option(60, "Requests that the rate limit admits at once.")
    retry_after_seconds: int = _option(1, "Seconds of Retry-After with a 429.")
    retry_after: Literal["integer", "date", "nonsense", "html"] = _option(
        "integer", "Form of Retry-After with a 429; html = an integer, but the body is HTML."
    )
    access_token_seconds: int = _option(1_209_600, "Lifetime of access tokens, in seconds.")
    revoke_after: int = _option(0, "Revoke all access tokens after so many requests; 0 = never.")
    refuse_refresh_after: int = _option(
        -1, "Refuse the refresh grant after so many renewals, 0 = from the first; -1 = never.", -1
    )
    no_people_scope: bool = _option(False, "Refuse GET /people/me with 403: the scope is missing.")
    meeting_status: Mapping[str, int] = field(
        default_factory=dict,
        metadata={"help": "Status of every response about one meeting; listings omit it."},
    )
    longest_window_days: int = _option(
        30, "Listings of a longer time range get 400; 0 = any range is listed."
    )
    slow_pages_above: int = _option(0, "Listings with a larger max get 504; 0 = none.")
    empty_page_every: int = _option(
        5, "About one in so many follow-up pages is preceded by an empty one; 0 = none."
    )
    locked: float = _response_share("responses with status 423 and Retry-After")
    internal_error: float = _response_share("responses with status 500")
    bad_gateway: float = _response_share("responses with status 502 and an HTML body")
    unavailable: float = _response_share("responses with status 503")
    gateway_timeout: float = _response_share("responses with status 504")
    unauthorized: float = _response_share("responses with status 401 to a valid token")
    connection_reset: float = _response_share("requests whose connection is reset")
    truncated_body: float = _response_share("responses cut off in the middle of the body")
    stalled: float = _response_share("responses that stall after the headers")
    html_page: float = _response_share("responses that are HTML with status 200")
    wrong_content_type: float = _response_share("JSON responses labelled text/plain")
    item_errors: float = _response_share("listings in which an item has errors instead of data")
    repeated_next_link: float = _response_share("next links that lead to the same page")
    unfiltered_next_link: float = _response_share("next links without the filters of the request")
    foreign_next_link: float = _response_share("next links to another host")
    empty_first_page: float = _response_share("listings that begin with an empty page")
    repeated_items: float = _change("listings whose follow-up pages repeat the item before them")
    numbers_in_strings: float = _change("URLs whose numbers are strings")
    unknown_fields: float = _change("URLs whose objects have undocumented fields")
    changed_types: float = _change("URLs whose objects have a field of another type")
    missing_meeting_ids: float = _change("listings in which items lack their meetingId")
    halved_characters: float = _change("URLs whose texts begin with half a surrogate pair")
    webhook_lag_seconds: int = _option(0, "Seconds for which a new webhook cannot be read.")
    lost_deliveries: float = _share("meetings without any webhook event of their end")
    dropped_deliveries: float = _share("webhook deliveries that are never sent")
    repeated_deliveries: float = _share("webhook deliveries that are sent twice")
    media_bytes: int = _option(0, "Size of every recording's video, in bytes; 0 = as invented.")
    ticket_seconds: int = _option(10_800, "Lifetime of download links, in seconds.")
    media_html: bool = _option(False, "Expired download links return HTML with status 200.")
    slow_media: int = _option(0, "Bytes per second of each file download; 0 = no limit.")
    refused_media: float = _download_share("file downloads with status 503 and Retry-After")
    broken_media: float = _download_share("file downloads cut off anywhere in the body")
    stalled_media: float = _download_share("file downloads that stall anywhere in the body")
    no_range: float = _share("file downloads that ignore Range")
    wrong_sizes: float = _share("recordings with a wrong sizeBytes")
    changed_media: bool = _option(False, "Every new download link leads to another content.")
    broken_vtt: float = _share("transcripts whose WebVTT is damaged")
    most_in_a_row: int = _option(2, "Most faults in a row that hit one URL.")
    stall_seconds: float = _option(600.0, "Seconds after which a stalled connection is closed.")
    seed: int = _option(0, "Another seed hits other requests.", None)

    def __post_init__(self) -> None:
        for option in fields(self):
            self._check(option.name, option.metadata)
        if sum(self.response_shares().values()) > 1:
            raise ValueError("The shares of damaged responses add up to more than 1.")
        if sum(self.download_shares().values()) > 1:
            raise ValueError("The shares of failed downloads add up to more than 1.")

    def _check(self, name: str, metadata: Mapping[str, Any]) -> None:
        value, least = getattr(self, name), metadata.get("least")
        if "shares" in metadata and not 0 <= value <= 1:
            raise ValueError(f"{name} must be between 0 and 1, not {value}.")
        if least is not None and isinstance(value, int | float) and not value >= least:
            raise ValueError(f"{name} must be at least {least}, not {value}.")
        if isinstance(value, Mapping) and not all(status in _STATUSES for status in value.values()):
            raise ValueError(f"{name} must have statuses from 400 to 599.")

    def response_shares(self) -> dict[str, float]:
        """Shares of responses that are damaged, by name; at most one hits a request."""
        return self._shares("responses")

    def change_shares(self) -> dict[str, float]:
        """Shares of responses that are changed, by name; any number may hit a URL."""
        return self._shares("changes")

    def download_shares(self) -> dict[str, float]:
        """Shares of downloads that fail, by name; at most one hits a request."""
        return self._shares("downloads")

    def _shares(self, group: str) -> dict[str, float]:
        found = {
            option.name: float(getattr(self, option.name))
            for option in fields(self)
            if option.metadata.get("shares") == group
        }
        return {name: share for name, share in found.items() if share}
