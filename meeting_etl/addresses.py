"""Addresses that users give, checked in one place.

Belongs here: what a URL of a setting or option must be. Does not: addresses that Webex names
(webex/pagination.py, webex/media.py).
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from meeting_etl.errors import SettingsError


def http_url(name: str, value: str, *, allow_http: bool) -> str:
    """The URL, if it is one to which requests can be sent.

    `name` is the setting or option, for the message. Unless `allow_http`, http:// is allowed
    to this machine only. Raises SettingsError, which never quotes a password in the URL.
    """
    shown = repr(value) if "@" not in value else "a URL with a name or password"
    try:
        parts = urlsplit(value)
        host, is_port = parts.hostname, parts.port != 0
        (host or "").encode("idna")  # a name with a part that is empty or too long
    except ValueError as error:
        reason = str(error).removeprefix("Port ") if "Port" in str(error) else str(error)
        raise SettingsError(f"{name} is {shown}, which is not a valid URL: {reason}.") from None
    # urlsplit drops newlines and tabs in silence.
    is_whole = all(char.isprintable() and not char.isspace() for char in value)
    if parts.scheme not in ("http", "https") or not host or not is_port or not is_whole:
        raise SettingsError(f"{name} is {shown}, which is not a valid http(s) URL.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise SettingsError(f"{name} is {shown}; outside this machine it must begin with https://.")
    return value


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name or number."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
