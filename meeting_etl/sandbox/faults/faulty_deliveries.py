"""The faults of webhook deliveries: lost, dropped, repeated.

Belongs here: how often an event is posted to a webhook. Does not: posting
(sandbox/api/webhook_posting.py).
"""

from collections.abc import Mapping
from typing import Any

from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.deliveries import is_lost
from meeting_etl.sandbox.world.model import seeded_rng


class FaultyDeliveries:
    """Decides for one delivery after the other."""

    def __init__(self, faults: Faults, counters: Counters) -> None:
        self._faults = faults
        self._counters = counters
        self._chance = seeded_rng("posting", faults.seed)

    def copies(self, payload: Mapping[str, Any]) -> int:
        """How often this event is posted to a webhook: 0, 1 or 2 times."""
        if is_lost(payload, self._faults.lost_deliveries, self._faults.seed):
            self._counters.note_injected("lost_delivery")
            return 0
        if self._chance.random() < self._faults.dropped_deliveries:
            self._counters.note_injected("dropped_delivery")
            return 0
        if self._chance.random() < self._faults.repeated_deliveries:
            self._counters.note_injected("repeated_delivery")
            return 2
        return 1
