"""Which request meets which fault.

Belongs here: the choice by seed, key and attempt. Does not: what a fault does (faulty_api.py,
faulty_media.py).
"""

from collections import Counter
from collections.abc import Mapping

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import seeded_rng


class Picker:
    """Picks by seed, key and attempt; hits no key more than `most_in_a_row` times in a row."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._attempts: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()

    def pick(self, key: str, shares: Mapping[str, float]) -> str | None:
        """The fault that this attempt meets, by name; None for most."""
        if not shares:
            return None
        self._attempts[key] += 1
        draw = seeded_rng(self._faults.seed, key, self._attempts[key]).random()
        for name, share in shares.items():
            draw -= share
            if draw < 0 and self._in_a_row[key] < self._faults.most_in_a_row:
                self._in_a_row[key] += 1
                return name
        self._in_a_row[key] = 0
        return None

    def lasting(self, key: str, shares: Mapping[str, float]) -> list[str]:
        """The changes that every response to this key suffers, by name."""
        return [
            name
            for name, share in shares.items()
            if seeded_rng(self._faults.seed, key, name).random() < share
        ]
