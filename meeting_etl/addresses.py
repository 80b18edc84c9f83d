"""URLs that users configure, checked in one place.

Belongs here: what the URL of a setting or option must be. Does not: URLs that Webex sends
(webex/next_link.py, webex/media.py).
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from meeting_etl.errors import SettingsError


def http_url(name: str, value: str, *, allow_http: bool) -> str:
    """The URL, if requests can be sent to it.

    `name` is the setting or option, for the message. Unless `allow_http`, http:// is accepted for
    this machine only. Raises SettingsError, which never quotes a password in the URL.
    """
    shown = repr(value) if "@" not in value else "a URL with a name or password"
    try:
        parts = urlsplit(value)
        host, is_port = parts.hostname, parts.port != 0
        (host or "").encode("idna")  # fails for a label that is empty or too long
    except ValueError as error:
        reason = str(error).removeprefix("Port ") if "Port" in str(error) else str(error)
        raise SettingsError(f"{name} is {shown}, which is not a valid URL: {reason}.") from None
    # urlsplit silently drops newlines and tabs.
    is_whole = all(char.isprintable() and not char.isspace() for char in value)
    if parts.scheme not in ("http", "https") or not host or not is_port or not is_whole:
        raise SettingsError(f"{name} is {shown}, which is not a valid http(s) URL.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise SettingsError(
            f"{name} is {shown}; it must begin with https:// except on this machine."
        )
    return value


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_credentials(url: str) -> str:
    """Scheme, host, port and path of a URL, without a name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
