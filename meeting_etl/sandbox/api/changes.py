"""What was changed about scheduled meetings: worlds are frozen, this is not.

Belongs here: what PATCH set, its bodies, the mails that it caused. Does not: permissions
 (patching.py).
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from meeting_etl.sandbox.api.json_meetings import scheduled
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.world.model import Series


class Changes:
    """Safe to use from several threads.

    `patches` are the ids and bodies of PATCHes that were accepted, in order; `mails` counts the
    meetings whose host and invitees got mail, as they do unless sendEmail is false (T22).
    """

    def __init__(self) -> None:
        self.patches: list[tuple[str, Json]] = []
        self.mails = 0
        self._auto_record: dict[str, bool] = {}
        self._lock = threading.Lock()

    def note(self, meeting_id: str, body: Mapping[str, object]) -> None:
        """Remember an accepted PATCH of a series or an occurrence."""
        with self._lock:
            self.patches.append((meeting_id, dict(body)))
            self.mails += body.get("sendEmail", True) is True
            if "enabledAutoRecordMeeting" in body:
                value = body["enabledAutoRecordMeeting"] is True
                self._auto_record[meeting_id] = value
                # A change of a series is one of all its occurrences.
                for key in [key for key in self._auto_record if key.startswith(f"{meeting_id}_")]:
                    self._auto_record[key] = value

    def shown(self, series: Series, at: datetime, now: datetime, *, whole: bool) -> Json:
        """A series (`whole`) or its occurrence at `at` on the wire, as it is now."""
        with self._lock:
            of_series = self._auto_record.get(series.id, series.auto_record)
            is_on = self._auto_record.get(series.occurrence_id(at), of_series)
        item = scheduled(series, at, now, whole=whole)
        return item | {"enabledAutoRecordMeeting": of_series if whole else is_on}
