"""The check `rows_sound`: keys, meetings and secrets of the rows of a table.

Belongs here: the verdict on the rows. Does not: what keeps such rows out (lake/merging.py,
webhook_logs/redaction.py, pipeline/rows.py), for which tables and when it runs (day_checks.py,
log_checks.py).
"""

from collections.abc import Collection, Iterator
from datetime import date
from typing import TYPE_CHECKING

from meeting_etl.orchestration.checks.verdict import Verdict
from meeting_etl.schemas import MEETINGS, TEXT, TEXTS, Table
from meeting_etl.settings import Etl
from meeting_etl.texts import some_of
from meeting_etl.webhook_logs.redaction import SECRET_PATTERN

if TYPE_CHECKING:
    import pyarrow as pa

    from meeting_etl.lake.lake import Lake

SOUND = (
    "Every row has a key that no other row has, and no text column has a token or a password. The "
    "rows of a day have their meeting in `meetings`. A proof, not a gate: rows are merged by key "
    "and secrets removed before anything is written, so a finding is a defect to report. All rows "
    "of the partition are read."
)


def rows_sound(etl: Etl, table: Table, day: date) -> Verdict:
    """The rows of one partition; sends no request."""
    counts, problems = _examined(etl, table, day)
    if problems:
        # A run may have replaced the day while it was read.
        with etl.lake.lock_days([day]):
            counts, problems = _examined(etl, table, day)
    if problems:
        return Verdict(f"{day}: {' '.join(problems)}", counts, passed=False, is_error=True)
    return Verdict(f"All {counts['rows']:,} rows are sound.", counts)


def _examined(etl: Etl, table: Table, day: date) -> tuple[dict[str, int], list[str]]:
    """Counts, and a sentence for each problem."""
    import pyarrow.compute as pc

    from meeting_etl.lake.merging import keys

    lake = etl.lake
    # Children first: a meeting that arrives meanwhile is found.
    rows = lake.read(table, day, columns=list(dict.fromkeys((*table.key, *_parent(table)))))
    lost = _without_meeting(lake, table, day, rows)
    without_key = sum(pc.sum(pc.is_null(rows[name])).as_py() or 0 for name in table.key)
    repeated = rows.num_rows - pc.count_distinct(keys(table, rows), mode="all").as_py()
    leaks = sorted(_leaking_columns(lake, table, day, etl.settings.secrets))
    counts = {
        "rows": rows.num_rows,
        "rows_without_key": without_key,
        "rows_with_a_repeated_key": repeated,
        "meetings_missing": len(lost),
        "columns_with_secrets": len(leaks),
    }
    sentences = {
        f"{without_key:,} values of the key are NULL.": without_key,
        f"{repeated:,} rows have the key of another row.": repeated,
        f"{len(lost):,} meetings are not in `meetings`: {some_of(sorted(lost))}.": lost,
        f"A secret is in the columns {', '.join(leaks)}.": leaks,
    }
    return counts, [sentence for sentence, found in sentences.items() if found]


def _parent(table: Table) -> tuple[str, ...]:
    """The column that names the meeting of a row of a day."""
    is_child = table is not MEETINGS and table.partition is MEETINGS.partition
    return ("meeting_id",) if is_child else ()


def _without_meeting(lake: "Lake", table: Table, day: date, rows: "pa.Table") -> set[str]:
    if not _parent(table):
        return set()
    meetings = lake.read(MEETINGS, day, columns=["meeting_id"])["meeting_id"]
    return set(rows["meeting_id"].to_pylist()) - set(meetings.to_pylist()) - {None}


def _leaking_columns(
    lake: "Lake", table: Table, day: date, secrets: Collection[str]
) -> Iterator[str]:
    """The columns in which a text has the name of a secret, or a configured one."""
    import pyarrow.compute as pc

    for column in table.columns:
        if column.kind in (TEXT, TEXTS):
            # One at a time: the bodies of a day are large.
            values = lake.read(table, day, columns=[column.name])[column.name]
            texts = pc.list_flatten(values) if column.kind == TEXTS else values
            has_name = pc.any(pc.match_substring_regex(texts, SECRET_PATTERN)).as_py()
            matches = (pc.match_substring(texts, secret) for secret in secrets)
            if has_name or any(pc.any(found).as_py() for found in matches):
                yield column.name
