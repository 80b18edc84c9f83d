"""Figures in the text form that Prometheus reads.

Belongs here: histograms, and how figures are written. Does not: what is counted (app.py,
journal.py).
"""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "meeting_etl_receiver_"
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Histogram:
    """How often a duration (seconds) fell between the bounds. One thread adds, others may look."""

    def __init__(self) -> None:
        self.sum = 0.0
        self._counts = [0] * (len(_BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self.sum += seconds

    def text(self, name: str, meaning: str) -> str:
        """All buckets, sum and count."""
        upto = list(accumulate(self._counts))
        buckets = zip([*map(str, _BOUNDS), "+Inf"], upto, strict=True)
        return (
            _head(name, "histogram", meaning)
            + "".join(f'{_PREFIX}{name}_bucket{{le="{le}"}} {count}\n' for le, count in buckets)
            + f"{_PREFIX}{name}_sum {self.sum:.6f}\n{_PREFIX}{name}_count {upto[-1]}\n"
        )


def counter(name: str, meaning: str, count: int) -> str:
    """A figure that only grows."""
    return f"{_head(name, 'counter', meaning)}{_PREFIX}{name} {count}\n"


def counters(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> str:
    """Figures that only grow, one for each value of a label."""
    lines = (f'{_PREFIX}{name}{{{label}="{key}"}} {count}\n' for key, count in counts.items())
    return _head(name, "counter", meaning) + "".join(lines)


def gauge(name: str, meaning: str, value: float) -> str:
    """A figure that rises and falls."""
    return f"{_head(name, 'gauge', meaning)}{_PREFIX}{name} {value:g}\n"


def _head(name: str, kind: str, meaning: str) -> str:
    return f"# HELP {_PREFIX}{name} {meaning}\n# TYPE {_PREFIX}{name} {kind}\n"
