"""What a sandbox saw of a client that works for a service app."""

from collections.abc import Callable

from meeting_etl.sandbox.sandbox import Sandbox

REFRESH, TOKEN, ME = "/v1/access_token", "/v1/applications/", "/v1/people/me"
StartWebex = Callable[..., Sandbox]


def sent(webex: Sandbox) -> list[tuple[str, int]]:
    """Beginnings of paths, and statuses."""
    return [
        (TOKEN if seen.url.startswith(TOKEN) else seen.url, seen.status)
        for seen in webex.counters.requests
    ]
