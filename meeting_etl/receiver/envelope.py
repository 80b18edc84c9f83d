"""A posted body → one line of a webhook log.

Belongs here: the envelope that the receiver writes, and which headers it has. Does not: reading it
(webhook_logs/events.py), writing it to disk (journal.py).
"""

import base64
from collections.abc import Mapping
from datetime import datetime

import msgspec

from meeting_etl.times import format_timestamp

# No signatures, cookies and addresses.
_LOGGED_HEADERS = ("content-type", "content-length", "user-agent", "trackingid")
# In valid JSON these occur between tokens only: within a string they are escaped.
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_decode = msgspec.json.Decoder().decode


def envelope(body: bytes, headers: Mapping[str, str], received_at: datetime) -> bytes:
    """The line, with its newline, for a body received with these headers at that time.

    A body that is one JSON document in UTF-8 becomes `body`, byte for byte except that line breaks
    become spaces. Any other becomes `body_base64`.
    """
    logged = {name: headers[name] for name in _LOGGED_HEADERS if name in headers}
    start = msgspec.json.encode({"received_at": format_timestamp(received_at), "headers": logged})
    if _is_json(body):
        posted = b'"body":' + body.translate(_LINE_BREAKS)
    else:
        posted = b'"body_base64":"' + base64.b64encode(body) + b'"'
    return start[:-1] + b"," + posted + b"}\n"


def _is_json(body: bytes) -> bool:
    """Whether this is one JSON document in UTF-8."""
    try:
        _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
