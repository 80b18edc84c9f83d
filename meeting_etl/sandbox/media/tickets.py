"""The tickets in the links of a recording, which allow downloads for some hours (T36).

Belongs here: making and checking tickets. Does not: the links around them
(sandbox/api/json_assets.py), what is downloaded (files.py) and how (host.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from meeting_etl.sandbox.world.index import Index, Recorded
from meeting_etl.sandbox.world.model import SECRET_MARK, Meeting, Recording

MEDIA_HOST = "localhost"
"""Host of the files: the same server as the API, under a name that makes it another to clients."""

VIDEO_PATH, MEDIA_PATH = "/nbr/MultiThreadDownloadServlet", "/nbr/downloadMedia.do"
_FIRST_NUMBER = 220_000_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """A good ticket: for which recording, and since when, in milliseconds since 1970."""

    recorded: Recorded
    issued_at_ms: int


class Tickets:
    """Tickets carry all that has to be known of them, so that none is ever remembered."""

    def __init__(self, index: Index, ticket_seconds: int) -> None:
        self._index = index
        self._seed = index.world.seed
        self._life = timedelta(seconds=ticket_seconds)
        self._numbers = {
            pair[0].id: number for number, pair in enumerate(index.recordings, _FIRST_NUMBER)
        }

    def query(self, recording: Recording, now: datetime) -> str:
        """The query of a link to a file of that recording, with a new ticket."""
        meeting = self._index.recording[recording.id][1]
        issued_at_ms = int(now.timestamp() * 1000)
        return urlencode(
            {
                "siteid": 13867087,
                "recordid": self._numbers[recording.id],
                "confid": meeting.id.rpartition("_")[2] if isinstance(meeting, Meeting) else 0,
                "language": "en_US",
                "userid": 600686172,
                "serviceRecordID": self._numbers[recording.id] + 3985,
                "ticket": self._ticket(recording.id, issued_at_ms),
                "timestamp": issued_at_ms,
                "islogin": "yes",
                "isprevent": "no",
                "ispwd": "yes",
            }
        )

    def expires_at(self, now: datetime) -> datetime:
        """When a ticket made now is void."""
        return now + self._life

    def check(
        self, query: Mapping[str, str], now: datetime
    ) -> Ticket | Literal["forged", "expired"]:
        """The ticket of a link, or what is wrong with it."""
        place = _number(query.get("recordid", "")) - _FIRST_NUMBER
        issued_at_ms = _number(query.get("timestamp", ""))
        if not 0 <= place < len(self._index.recordings):
            return "forged"
        recorded = self._index.recordings[place]
        if query.get("ticket") != self._ticket(recorded[0].id, issued_at_ms):
            return "forged"
        if now.timestamp() * 1000 >= issued_at_ms + self._life.total_seconds() * 1000:
            return "expired"
        return Ticket(recorded, issued_at_ms)

    def _ticket(self, recording_id: str, issued_at_ms: int) -> str:
        plain = f"{self._seed}|{recording_id}|{issued_at_ms}"
        return f"{SECRET_MARK}+{hashlib.blake2b(plain.encode(), digest_size=15).hexdigest()}=="


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
