"""Handlers of requests, layers around them, and the exception that becomes an error response.

Belongs here: what sandbox/api, sandbox/media and sandbox/faults all build on. Does not: any handler
or layer.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]
Layer = Callable[[Handler], Handler]


def unchanged(handler: Handler) -> Handler:
    """The layer that does nothing."""
    return handler


class Refusal(Exception):
    """A response that is an error: its status and its message (docs/webex-api-notes.md)."""

    def __init__(self, status: int, message: str, *, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
