"""Refused requests, counted and reported on the terminal.

Belongs here: the reasons, their counts, and the limit of one report per reason and minute. Does
not: when a request is refused (app.py, connections.py).
"""

from collections import Counter
from collections.abc import Callable

from meeting_etl.times import Clock

# Label of the metric → the sentence for the terminal.
REASONS = {
    "broken_off": "the body is incomplete",
    "signature": "the X-Spark-Signature header is missing or does not match the secret",
    "path": "nothing is served at the path",
    "method": "the method is not allowed for the path",
    "slow": "the body took too long",
    "too_large": "the body is too large",
    "storage": "the event could not be stored",
    "busy": "too many large bodies at once",
    "head": "not HTTP, a wrong length, or a head above the limits",
}
# More exact sentences for the label `signature`.
_REMEDY = "`meeting-etl webhooks repair --set-secret` gives Webex the secret of its machine"
NO_SIGNATURE = (
    "the X-Spark-Signature header is missing; if the webhooks were created without a secret, "
    f"{_REMEDY}"
)
BAD_SIGNATURE = f"the X-Spark-Signature header does not match WEBEX_WEBHOOK_SECRET; {_REMEDY}"
_REPORT_EVERY_SECONDS = 60.0


class Refusals:
    """Counts; `notify` is called with a sentence, for each reason once a minute at most."""

    def __init__(self, clock: Clock, notify: Callable[[str], None]) -> None:
        self.counts = dict.fromkeys(REASONS, 0)
        self._clock = clock
        self._notify = notify
        self._unreported: Counter[str] = Counter()
        self._reported_at: dict[str, float] = {}

    def add(self, reason: str, sentence: str | None = None) -> None:
        """Count a refused request, by a reason of REASONS; `sentence` may be more exact."""
        self.counts[reason] += 1
        sentence = sentence or REASONS[reason]
        self._unreported[sentence] += 1
        now = self._clock.monotonic()
        if now - self._reported_at.get(sentence, -_REPORT_EVERY_SECONDS) >= _REPORT_EVERY_SECONDS:
            self._reported_at[sentence] = now
            self._report(sentence)

    def report_rest(self) -> None:
        """Report what was counted since the latest reports."""
        for sentence in list(self._unreported):
            self._report(sentence)

    def _report(self, sentence: str) -> None:
        count = self._unreported.pop(sentence)
        self._notify(f"Refused {count:,} request{'s' if count > 1 else ''}: {sentence}.")
