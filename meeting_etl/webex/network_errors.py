"""Network errors: what went wrong below HTTP, in words that carry no URL.

Belongs here: the errors that sending and reading raise, and the sentence for each. Does not:
retrying (client.py), nor what a complete response means (responses.py).

An error's own text is never used: it has the whole URL in it, with e-mail addresses and cursors.
"""

import http.client
import ssl
import zlib
from collections.abc import Iterator

import requests
import urllib3.exceptions

from meeting_etl.webex.read_deadlines import TooSlow


class ResponseTooLarge(Exception):
    """A response larger than its limit."""


# What sending and reading raises when no complete response arrives.
NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    zlib.error,
    ResponseTooLarge,
)
# Mistakes in this machine's settings: a retry does not help.
_MISCONFIGURATIONS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,  # and InvalidProxyURL
)
# By the kinds of error found within the one that was raised; the first match counts.
_DESCRIPTIONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        requests.exceptions.InvalidSchema,
        "HTTPS_PROXY names a SOCKS proxy, which needs PySocks: install it or change HTTPS_PROXY",
    ),
    (requests.exceptions.InvalidURL, "the proxy's URL is not valid: check HTTPS_PROXY"),
    (
        ssl.SSLCertVerificationError,
        "the certificate is not trusted or is for another host (check REQUESTS_CA_BUNDLE)",
    ),
    ((requests.exceptions.SSLError, ssl.SSLError), "TLS handshake failed"),
    (requests.exceptions.ProxyError, "the proxy refused the connection (check HTTPS_PROXY)"),
    (urllib3.exceptions.NameResolutionError, "cannot resolve the host name (DNS)"),
    (ConnectionRefusedError, "connection refused"),
    (requests.exceptions.ConnectTimeout, "connection timed out"),
    (TooSlow, "the response is too slow or endless"),
    (requests.exceptions.Timeout, "no response in time"),
    (urllib3.exceptions.ReadTimeoutError, "the response stalled"),
    (urllib3.exceptions.NewConnectionError, "cannot reach the host"),
    (ResponseTooLarge, "response body too large"),
    (
        (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected),
        "connection closed before the response was complete",
    ),
    (
        (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead),
        "response body truncated",
    ),
    (zlib.error, "response body cannot be decompressed"),
)


def describe_error(error: BaseException) -> str:
    """What happened, for one of NETWORK_ERRORS."""
    errors = list(_chain(error))
    descriptions = (
        text for kind, text in _DESCRIPTIONS if any(isinstance(cause, kind) for cause in errors)
    )
    return next(descriptions, "connection broken or invalid HTTP response")


def is_misconfiguration(error: BaseException) -> bool:
    """Whether one of NETWORK_ERRORS comes from this machine's settings and stays until they change.

    Redirects are not followed and our own URLs are checked, so an invalid URL is a proxy's.
    """
    return isinstance(error, _MISCONFIGURATIONS)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all errors behind it; requests and urllib3 wrap each other's."""
    seen, remaining = set[int](), [error]
    while remaining:
        error = remaining.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        inside = (*error.args, getattr(error, "reason", None), error.__cause__, error.__context__)
        remaining += [cause for cause in inside if isinstance(cause, BaseException)]
