"""Metrics in the text format of Prometheus.

Belongs here: histograms, and the format. Does not: what is counted (app.py, journal.py).
"""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "meeting_etl_receiver_"
_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Histogram:
    """Durations in seconds, counted by bucket. One thread adds, others may read."""

    def __init__(self) -> None:
        self.sum = 0.0
        self._counts = [0] * (len(_BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self.sum += seconds

    def text(self, name: str, meaning: str) -> str:
        """All buckets, sum and count."""
        cumulative = list(accumulate(self._counts))
        buckets = zip([*map(str, _BOUNDS), "+Inf"], cumulative, strict=True)
        return (
            _head(name, "histogram", meaning)
            + "".join(f'{_PREFIX}{name}_bucket{{le="{le}"}} {count}\n' for le, count in buckets)
            + f"{_PREFIX}{name}_sum {self.sum:.6f}\n{_PREFIX}{name}_count {cumulative[-1]}\n"
        )


def counter(name: str, meaning: str, count: int) -> str:
    """A counter."""
    return f"{_head(name, 'counter', meaning)}{_PREFIX}{name} {count}\n"


def counters(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> str:
    """A counter with one sample per value of a label."""
    lines = (f'{_PREFIX}{name}{{{label}="{key}"}} {count}\n' for key, count in counts.items())
    return _head(name, "counter", meaning) + "".join(lines)


def gauge(name: str, meaning: str, value: float) -> str:
    """A gauge."""
    return f"{_head(name, 'gauge', meaning)}{_PREFIX}{name} {value:g}\n"


def _head(name: str, kind: str, meaning: str) -> str:
    return f"# HELP {_PREFIX}{name} {meaning}\n# TYPE {_PREFIX}{name} {kind}\n"
