"""The table `erasures`: what the state remembers of each erasure, for those who query.

Belongs here: the rows. Does not: what is remembered (privacy/erasures.py).
"""

from collections.abc import Iterable

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.writers_locks import writers_lock
from meeting_etl.privacy.erasures import Erasure
from meeting_etl.schemas import ERASURES
from meeting_etl.times import parse_timestamp


def write_erasures(lake: Lake, erasures: Iterable[Erasure]) -> None:
    """Write a row for each erasure, for the holder of the table's lock."""
    lake.sweep([ERASURES], [None])
    lake.merge(ERASURES, None, [_row(erasure) for erasure in erasures])


def restore_erasures(lake: Lake) -> None:
    """Write the table again after the lake was deleted."""
    if lake.privacy.erasures.all and not lake.has_rows(ERASURES):
        with lake.lock(writers_lock(ERASURES, None)):
            write_erasures(lake, lake.privacy.erasures.all)


def _row(erasure: Erasure) -> dict[str, object]:
    rows_changed, rows_removed = erasure.count("rows")
    return {
        "erasure": erasure.label,
        "subject": str(erasure.subject),
        "digest": erasure.digest,
        "began_at": parse_timestamp(erasure.began_at),
        "finished_at": erasure.finished_at and parse_timestamp(erasure.finished_at),
        "rows_changed": rows_changed,
        "rows_removed": rows_removed,
        "files_removed": erasure.count("files")[1],
        "log_lines": erasure.count("logs")[0],
        "run_id": erasure.run_id,
    }
