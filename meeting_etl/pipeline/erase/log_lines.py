"""Lines of raw webhook logs without an erased person or meeting.

Belongs here: what becomes of a line. Does not: writing it (pipeline/ingest/log_rewriting.py), the
texts in a line (webhook_logs/blanking.py).
"""

import json
import re
from collections.abc import Collection

import msgspec

from meeting_etl.privacy.erased_fields import erased_address, erased_event, ids_of_erased
from meeting_etl.privacy.erasures import Erasure, Erasures, is_erased
from meeting_etl.privacy.pseudonyms import normalized_name
from meeting_etl.webhook_logs.blanking import blank_texts, blank_words

_ID = re.compile(r"[A-Za-z0-9_-]{8,}")


class ErasedLines:
    """What becomes of lines about one person; `clear` are address, names and ids as far as known.

    Names of one word count in lines that have something else of the person.
    """

    def __init__(self, erasure: Erasure, erasures: Erasures, clear: Collection[str]) -> None:
        self._erasure = erasure
        self._erasures = erasures
        self._words = [text.encode() for text in clear if len(text.split()) > 1 or "@" in text]
        self._short_names = {normalized_name(text) for text in clear if len(text.split()) == 1}

    def __call__(self, line: bytes) -> bytes | None:
        """The new line; None where nothing changes."""
        new = blank_texts(line, self._replacement)
        if new is not None:
            new = blank_texts(new, self._short_name) or new
        elif not _is_json(line):
            new = self._crossed_out(line)
        if new is not None or b"articipant" in line:
            ids = [text.encode() for text in ids_of_erased(line, self._erasures)]
            new = blank_words(new or line, ids) or new
        return blank_words(new or line, self._words) or new

    def _crossed_out(self, line: bytes) -> bytes | None:
        """A line that is not JSON without mentions and ids, which are not known in clear later."""
        text = line.decode(errors="surrogateescape")
        new = self._erasures.mentions.crossed_out(text)
        new = _ID.sub(self._without_id, new)
        return None if new == text else new.encode(errors="surrogateescape")

    def _without_id(self, match: re.Match[str]) -> str:
        return "x" * len(match[0]) if self._erasures.of_identifier(match[0]) else match[0]

    def _replacement(self, text: str) -> str | None:
        erasures = self._erasures
        if is_erased(text):
            return None
        if erasure := erasures.of_address(text):
            return erased_address(erasure, text)
        if erasure := erasures.of_identifier(text) or erasures.of_name(text, None):
            return erasure.label
        return erasures.mentions.blank(text)

    def _short_name(self, text: str) -> str | None:
        return self._erasure.label if normalized_name(text) in self._short_names else None


class ErasedMeetingLines:
    """What becomes of lines about one meeting: events that say when they were received."""

    def __init__(self, erasure: Erasure, meeting_id: str) -> None:
        self._event = erased_event(erasure)
        self._id = meeting_id.encode()

    def __call__(self, line: bytes) -> bytes | None:
        """The new line; None where nothing changes."""
        if self._id not in line:
            return None
        try:
            document = json.loads(line)
        except ValueError:
            return blank_words(line, [self._id])
        received_at = document.get("received_at") if isinstance(document, dict) else None
        event = json.loads(self._event)
        if isinstance(received_at, str):
            event = {"received_at": received_at, "body": event}
        new = json.dumps(event, separators=(",", ":")).encode()
        return new if len(new) <= len(line) else blank_words(line, [self._id])


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
