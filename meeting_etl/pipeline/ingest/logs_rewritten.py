"""What rewriting logs did, or would do.

Belongs here: the report. Does not: rewriting (log_rewriting.py, segment_rewriting.py).
"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class LogsRewritten:
    """What was rewritten, or would be: logs and lines changed, and lines that nobody looked at.

    `lines_left` counts them by reason: too_long, unfinished. `problems` are sentences about files
    that may have lines as they were.
    """

    logs: int = 0
    lines: int = 0
    lines_left: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
