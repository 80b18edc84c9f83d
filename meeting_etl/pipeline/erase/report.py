"""What is to be erased, and what was: the plain values.

Belongs here: whom or what, and the counts. Does not: erasing (erase.py), printing (cli/erase.py).
"""

from dataclasses import dataclass, field

from meeting_etl.pipeline.erase.partition import RowCounts
from meeting_etl.pipeline.ingest.logs_rewritten import LogsRewritten
from meeting_etl.privacy.erasures import Erasure


@dataclass(frozen=True)
class Wanted:
    """Whom or what to erase: the address of a person with other names of theirs, or a meeting.

    `removes_rows`: the person's own rows go. `in_logs`: the raw logs are rewritten, too.
    """

    person: str | None = None
    meeting: str | None = None
    names: tuple[str, ...] = ()
    removes_rows: bool = False
    in_logs: bool = False


@dataclass
class ErasureReport:
    """What was erased, or would be: rows by table, files, lines of logs.

    `names` are looked for in texts, `size_bytes` is that of the files, `left` counts the rows that
    a second look found, which must be 0.
    """

    erasure: Erasure
    names: list[str] = field(default_factory=list)
    rows: dict[str, RowCounts] = field(default_factory=dict)
    files: int = 0
    size_bytes: int = 0
    logs: LogsRewritten = field(default_factory=LogsRewritten)
    left: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the person or meeting was found."""
        return self.is_done(Wanted()) and not self.logs.lines

    def is_done(self, wanted: Wanted) -> bool:
        """Whether nothing is to be changed."""
        touched = any(counts.is_touched for counts in self.rows.values())
        return not (touched or self.files or (wanted.in_logs and self.logs.lines))
