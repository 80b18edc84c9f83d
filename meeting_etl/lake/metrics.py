"""speaker_metrics: the talk of each speaker in numbers, computed again when a day's words change.

Belongs here: running metrics.sql over the files of one day, and when that is needed. Does not: the
definitions (metrics.sql, views/speakers.sql), when it is called (pipeline/).
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa

from meeting_etl.lake.analytics import expand
from meeting_etl.lake.interruptible import interruptible
from meeting_etl.lake.lake import Lake
from meeting_etl.schemas import (
    INVITEES,
    MEETINGS,
    PARTICIPANTS,
    SPEAKER_METRICS,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Columns that the definitions read, by table.
_INPUTS: dict[str, tuple[Table, list[str]]] = {
    table.name: (table, columns.split())
    for table, columns in (
        (MEETINGS, "meeting_id started_at ended_at"),
        (
            PARTICIPANTS,
            "meeting_id participant_id email email_domain display_name state joined_at left_at",
        ),
        (TRANSCRIPTS, "meeting_id transcript_id status"),
        (
            TRANSCRIPT_SNIPPETS,
            """meeting_id transcript_id snippet_index words questions person_name person_email
            person_email_domain source started_at offset_ms duration_ms""",
        ),
    )
}
METRIC_INPUTS = frozenset(_INPUTS)
# Tables whose rows are joined by addresses and names.
_JOINED = (PARTICIPANTS, INVITEES, TRANSCRIPT_SNIPPETS, SPEAKER_METRICS)
# Snippets of some meetings in memory at a time; a group costs a tenth of a second by itself.
_GROUP_SNIPPETS = 50_000


def refresh_metrics(lake: Lake, day: date) -> None:
    """Compute the metrics of a day if they are older than its words; the day must be locked.

    After a change of the column policy all that is joined follows the same one from then on. Raises
    StorageError when the lake cannot be read or written.
    """
    for table in _JOINED:
        if lake.policy_notes.stamp(table.name) != lake.privacy.policy.stamp(table):
            lake.update(table, day)
    if has_current_metrics(lake, day):
        return
    if lake.person_metrics and is_frozen(lake, day):
        lake.update(SPEAKER_METRICS, day)
        return
    lake.update(TRANSCRIPT_SNIPPETS, day)  # counts the words in files that lack the counts
    wanted = lake.person_metrics
    rows = speaker_metrics(lake, day) if wanted else SPEAKER_METRICS.schema.empty_table()
    lake.sweep([SPEAKER_METRICS], [day])
    lake.replace(SPEAKER_METRICS, day, rows)


def has_current_metrics(lake: Lake, day: date) -> bool:
    """Whether the metrics of a day have the current definition and are not older than its words.

    Without person metrics: whether there are none.
    """
    if not lake.has_schema(SPEAKER_METRICS, day):
        return False  # a file without rows has no definition
    if not lake.person_metrics:
        return lake.count(SPEAKER_METRICS, day) == 0
    if is_frozen(lake, day):
        return True
    computed_at = lake.tables.changed_at_ns(SPEAKER_METRICS, day)
    if computed_at is None or lake.count(SPEAKER_METRICS, day) == 0:
        return not _has_words(lake, day)
    changes = (lake.tables.changed_at_ns(table, day) for table, _ in _INPUTS.values())
    if any(changed_at is not None and changed_at >= computed_at for changed_at in changes):
        return False
    definitions = lake.read(SPEAKER_METRICS, day, columns=["definition"])["definition"]
    return set(definitions.unique().to_pylist()) == {definition_digest()}


def is_frozen(lake: Lake, day: date) -> bool:
    """Whether what the metrics of a day come from is pruned: they stay as they are, or go."""
    tables = (SPEAKER_METRICS, TRANSCRIPT_SNIPPETS, PARTICIPANTS)
    return any(day < lake.floors.of(table) for table in tables)


def _has_words(lake: Lake, day: date) -> bool:
    """Whether a day has snippets of a transcript that is not deleted; only these have metrics."""
    snippets = lake.read(TRANSCRIPT_SNIPPETS, day, columns=["transcript_id"])["transcript_id"]
    transcripts = lake.read(TRANSCRIPTS, day, columns=["transcript_id", "status"]).to_pylist()
    deleted = {row["transcript_id"] for row in transcripts if row["status"] == "deleted"}
    return not set(snippets.unique().to_pylist()) <= deleted


def speaker_metrics(lake: Lake, day: date) -> pa.Table:
    """The metrics of a day, from its tables; those of some meetings at a time."""
    import duckdb  # here, because loading Dagster's definitions does not need it

    with duckdb.connect(config={"threads": 1}) as connection:
        return interruptible(connection, lambda: _metrics_of_day(lake, day, connection))


def _metrics_of_day(lake: Lake, day: date, connection: "DuckDBPyConnection") -> pa.Table:
    results = [SPEAKER_METRICS.schema.empty_table()]
    connection.execute("SET TimeZone = 'UTC'")
    for meeting_ids in _groups_of_meetings(lake, day):
        metrics = _metrics_of(lake, day, meeting_ids, connection)
        definition = pa.array([definition_digest()] * metrics.num_rows, pa.string())
        metrics = metrics.append_column("definition", definition)
        results.append(metrics.cast(SPEAKER_METRICS.schema))
    return pa.concat_tables(results).sort_by([(name, "ascending") for name in SPEAKER_METRICS.sort])


def _groups_of_meetings(lake: Lake, day: date) -> Iterator[list[str]]:
    """The meetings with snippets, in groups so small that their rows need little memory."""
    meetings = lake.read(TRANSCRIPT_SNIPPETS, day, columns=["meeting_id"])["meeting_id"]
    group: list[str] = []
    rows = 0
    for count in meetings.value_counts().to_pylist():
        group.append(count["values"])
        rows += count["counts"]
        if rows >= _GROUP_SNIPPETS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _metrics_of(
    lake: Lake, day: date, meeting_ids: list[str], connection: "DuckDBPyConnection"
) -> pa.Table:
    """The metrics of these meetings."""
    for name, (table, columns) in _INPUTS.items():
        rows = lake.read(table, day, columns=columns, where={"meeting_id": meeting_ids})
        connection.register(f"{name}_rows", rows)
        connection.execute(
            f"CREATE OR REPLACE VIEW {name} AS SELECT *, DATE '{day}' AS date FROM {name}_rows"  # noqa: S608
        )
    pa.default_memory_pool().release_unused()  # of reading; DuckDB has memory of its own
    connection.execute(_sql("views/speakers.sql").replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    return connection.sql(_sql("metrics.sql")).to_arrow_table()


@cache
def definition_digest() -> str:
    """Changes with every change of a definition; comments do not count."""
    return digest_of_sql(_sql("views/speakers.sql") + _sql("metrics.sql"))


def digest_of_sql(text: str) -> str:
    """Digest of SQL without the lines that are comments."""
    text = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sql(name: str) -> str:
    """The SQL of a file in this folder. Without internal domains: sides are not in the metrics."""
    text = resources.files("meeting_etl.lake").joinpath(name).read_text(encoding="utf-8")
    return expand(text, ())
