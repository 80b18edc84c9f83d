"""Requests that the receiver refuses, counted and said on the terminal.

Belongs here: the reasons, their counts, and that each is said once a minute at most. Does not: why
a request is refused (app.py, connections.py).
"""

from collections import Counter
from collections.abc import Callable

from meeting_etl.times import Clock

# Label of the metric → what is said on the terminal.
REASONS = {
    "broken_off": "the body broke off",
    "signature": "the X-Spark-Signature header is missing or does not fit the secret",
    "path": "there is nothing at the path",
    "method": "the method is not for the path",
    "slow": "the body did not come in time",
    "too_large": "the body is too large",
    "storage": "the event could not be stored",
    "busy": "too many large bodies at once",
    "head": "no HTTP, a wrong length, or a head above its bounds",
}
# The same metric label, said more exactly.
UNSIGNED = "the X-Spark-Signature header is missing (were the webhooks created with a secret?)"
MISSIGNED = (
    "the X-Spark-Signature header does not fit WEBEX_WEBHOOK_SECRET; "
    "`meeting-etl webhooks repair` gives Webex the secret of this machine"
)
_SAID_EVERY_SECONDS = 60.0


class Refusals:
    """Counts; `tell` is called with a sentence, for each reason once a minute at most."""

    def __init__(self, clock: Clock, tell: Callable[[str], None]) -> None:
        self.counts = dict.fromkeys(REASONS, 0)
        self._clock = clock
        self._tell = tell
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def add(self, reason: str, sentence: str | None = None) -> None:
        """One more request refused, for a reason of REASONS or for one said more exactly."""
        self.counts[reason] += 1
        sentence = sentence or REASONS[reason]
        self._untold[sentence] += 1
        now = self._clock.monotonic()
        if now - self._told_at.get(sentence, -_SAID_EVERY_SECONDS) >= _SAID_EVERY_SECONDS:
            self._told_at[sentence] = now
            self._say(sentence)

    def tell_rest(self) -> None:
        """Say what was counted since each was last said."""
        for sentence in list(self._untold):
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        count = self._untold.pop(sentence)
        self._tell(f"Refused {count:,} request{'s' if count > 1 else ''}: {sentence}.")
