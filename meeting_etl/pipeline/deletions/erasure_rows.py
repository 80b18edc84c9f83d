"""The table `erasures`: what the state remembers of each erasure, for those who query.

Belongs here: the rows. Does not: what is remembered (privacy/erasures.py).
"""

from meeting_etl.lake.lake import Lake
from meeting_etl.privacy.erasures import Erasure
from meeting_etl.schemas import ERASURES
from meeting_etl.times import parse_timestamp


def write_erasures(lake: Lake) -> None:
    """Write a row for each erasure, for the holder of the lock `erase`."""
    lake.merge(ERASURES, None, [_row(erasure) for erasure in lake.privacy.erasures.all])


def restore_erasures(lake: Lake) -> None:
    """Write the table again after the lake was deleted."""
    if lake.privacy.erasures.all and not lake.has_rows(ERASURES):
        with lake.state.lock("erase"):
            write_erasures(lake)


def _row(erasure: Erasure) -> dict[str, object]:
    return {
        "erasure": erasure.label,
        "subject": str(erasure.subject),
        "digest": erasure.digest,
        "began_at": parse_timestamp(erasure.began_at),
        "finished_at": erasure.finished_at and parse_timestamp(erasure.finished_at),
        "rows_changed": sum(changed for changed, _ in erasure.planned.values()),
        "rows_removed": sum(removed for _, removed in erasure.planned.values()),
        "files_removed": erasure.files_removed,
        "log_lines": erasure.log_lines,
        "run_id": erasure.run_id,
    }
