"""Ticks of a sensor that fail: a broken setting, a full disk.

Belongs here: what the page of the sensor shows then. Does not: the errors (errors.py), failed runs
(orchestration/failures.py).
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import dagster as dg

from meeting_etl.errors import MeetingEtlError
from meeting_etl.orchestration.failures import StepFailure
from meeting_etl.orchestration.launching.day_requests import Launches
from meeting_etl.times import Clock

_RED_EVERY = timedelta(minutes=15)


class FailedTicks:
    """Knows what failed last, so that the same sentence is not a red tick every five seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._red_again_at: dict[str, datetime] = {}  # by sentence

    def explained(
        self, launches: Callable[[], Iterable[dg.RunRequest | dg.SkipReason]]
    ) -> Launches:
        """The launches of a tick. An error fails the tick with its sentence.

        While it stays the same error, the ticks of the next quarter hour are skipped with it.
        """
        try:
            yield from launches()
        except MeetingEtlError as error:
            now, sentence = self._clock.now(), str(error)
            if now < self._red_again_at.get(sentence, now):
                yield dg.SkipReason(sentence)
                return
            self._red_again_at = {sentence: now + _RED_EVERY}
            raise StepFailure(error) from None
