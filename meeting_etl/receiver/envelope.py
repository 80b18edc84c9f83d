"""What was posted → one line of a log.

Belongs here: the envelope that the receiver writes, and which headers are kept. Does not: reading
it back (webhook_logs/events.py), writing it to disk (journal.py).
"""

import base64
from collections.abc import Mapping
from datetime import datetime

import msgspec

from meeting_etl.times import format_timestamp

# Signatures, cookies and addresses are none of a log's business.
_KEPT_HEADERS = ("content-type", "content-length", "user-agent", "trackingid")
# In valid JSON these stand between tokens only: within a text they are escaped.
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_decode = msgspec.json.Decoder().decode


def envelope(body: bytes, headers: Mapping[str, str], received_at: datetime) -> bytes:
    """The line, with its newline, for a body that came with these headers at that moment.

    A body that is one JSON document in UTF-8 stands in `body`, byte for byte except that line
    breaks became spaces. Any other stands in `body_base64`.
    """
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    begin = msgspec.json.encode({"received_at": format_timestamp(received_at), "headers": kept})
    if _is_json(body):
        posted = b'"body":' + body.translate(_LINE_BREAKS)
    else:
        posted = b'"body_base64":"' + base64.b64encode(body) + b'"'
    return begin[:-1] + b"," + posted + b"}\n"


def _is_json(body: bytes) -> bool:
    """Whether this is one JSON document in UTF-8."""
    try:
        _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
