"""class RowWriter: writes rows without erased persons and meetings, and as the column policy says.

Belongs here: the order of both, the policy in Arrow, and the stamp that names it. Does not:
erased rows (erased_rows.py), the policy itself (privacy/), when rows are written (lake.py).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from meeting_etl.lake.erased_rows import without_erased
from meeting_etl.lake.policy_notes import PolicyNotes
from meeting_etl.lake.snippet_counts import with_counts
from meeting_etl.lake.tables import Partition, Tables
from meeting_etl.lake.text_columns import mapped, mapped_structs, with_column
from meeting_etl.privacy.json_fields import treat_fields
from meeting_etl.privacy.policy import DROP, KEEP
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import FIELDS, SPEAKER_METRICS, Table

# Methods by which a speaker was found among the participants (lake/views/speakers.sql).
_BY_PARTICIPANT = ("email", "name")


class RowWriter:
    """Parts of tables, written with rows that follow the policy and stamped with it.

    `check_locks` is called before each write, and raises when its lock was lost.
    """

    def __init__(
        self, tables: Tables, privacy: Privacy, notes: PolicyNotes, check_locks: Callable[[], None]
    ) -> None:
        self._check_locks = check_locks
        self._tables = tables
        self._privacy = privacy
        self._notes = notes

    def written(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows as they are written. Written again, they stay the same."""
        privacy, rows = self._privacy, with_counts(table, rows)
        erasures = privacy.erasures
        if erasures.all:
            rows, _ = without_erased(table, rows, erasures)
        rows = _by_policy(table, rows, privacy)
        privacy.hosts.save()
        return rows

    def has_policy(self, table: Table, partition: Partition, part: int) -> bool:
        """Whether a part was written under the current policy."""
        stamp = self._tables.policy_stamp(table, partition, part)
        return stamp == self._privacy.policy.stamp(table)

    def of_current_policy(
        self, table: Table, partition: Partition, part: int, rows: pa.Table
    ) -> pa.Table:
        """The rows of a part, as they are written now if they were under another policy."""
        has_policy = self.has_policy(table, partition, part)
        return with_counts(table, rows) if has_policy else self.written(table, rows)

    def changes(self, table: Table, partition: Partition, part: int) -> bool:
        """Whether a part would have other rows if it was written now."""
        groups = self._tables.read(table, partition, part, table.schema)
        return any(not self.written(table, rows).equals(rows) for rows in groups)

    def rewrite(
        self,
        table: Table,
        partition: Partition,
        part: int,
        keep: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    ) -> None:
        """Replace a part by what `keep` returns for its rows, some at a time."""
        most = self._tables.count(table, partition, part)
        with self.writing(table, partition, part, most) as write:
            for rows in self._tables.read(table, partition, part, table.schema):
                write(self.written(table, keep(rows)))

    def commit(
        self, table: Table, partition: Partition, parts: Iterable[tuple[int, pa.Table]]
    ) -> int:
        """Replace parts by rows that are as `written` returns them; returns how many."""
        stamp = self._new_stamp(table)
        return self._tables.commit(table, partition, self._checked(parts), policy_stamp=stamp)

    @contextmanager
    def writing(
        self, table: Table, partition: Partition, part: int, rows: int
    ) -> Iterator[Callable[[pa.Table], None]]:
        """As `Tables.writing`, for rows that are as `written` returns them."""
        stamp = self._new_stamp(table)
        with self._tables.writing(table, partition, part, rows=rows, policy_stamp=stamp) as write:
            yield write
            self._check_locks()

    def _checked(self, parts: Iterable[tuple[int, pa.Table]]) -> Iterator[tuple[int, pa.Table]]:
        for part in parts:
            self._check_locks()
            yield part

    def _new_stamp(self, table: Table) -> str:
        stamp = self._privacy.policy.stamp(table)
        self._notes.writing(table.name, stamp)
        return stamp


def _by_policy(table: Table, rows: pa.Table, privacy: Privacy) -> pa.Table:
    policy = privacy.policy
    if table is SPEAKER_METRICS and not policy.keeps_all:
        return _metrics_by_policy(rows, privacy)
    treated = policy.of_table(table)
    for column in table.columns:
        name = column.name
        if name not in rows.column_names:
            continue
        if column.personal == FIELDS:
            if not policy.keeps_all:
                values = [
                    None if text is None else treat_fields(text, privacy, column=name)
                    for text in rows[name].to_pylist()
                ]
                values = [None if text == "{}" else text for text in values]
                rows = with_column(rows, name, pa.array(values, pa.string()))
        elif name in treated:
            rows = with_column(rows, name, _treated(rows[name], name, privacy))
        elif column.children:
            names = (f"{name}.{child.name}" for child in column.children if child.personal)
            if any(policy.of(child) is DROP for child in names):
                structs = mapped_structs(rows[name], column, lambda _: None)
                rows = with_column(rows, name, structs)
    return rows


def _metrics_by_policy(rows: pa.Table, privacy: Privacy) -> pa.Table:
    """Rows of speaker_metrics; usually they are made of columns that follow the policy already."""
    are_participants = [method in _BY_PARTICIPANT for method in rows["method"].to_pylist()]
    for name in ("speaker", "person", "display_name"):
        change = _metrics_name if name == "display_name" else _person_key
        values = [
            text and change(text, is_participant, privacy)
            for text, is_participant in zip(rows[name].to_pylist(), are_participants, strict=True)
        ]
        rows = with_column(rows, name, pa.array(values, pa.string()))
    return rows


def _metrics_name(text: str, is_participant: bool, privacy: Privacy) -> str | None:
    return privacy.treated("display_name" if is_participant else "person_name", text)


def _person_key(text: str, is_participant: bool, privacy: Privacy) -> str:
    """A key of speaker_metrics, which is never dropped: else speakers would become one."""
    policy = privacy.policy
    if text.startswith("guest:"):
        return text
    if text.startswith("name:"):
        is_kept = policy.of("person_name") is KEEP
        return text if is_kept else f"name:{privacy.pseudonyms.name(text[5:])}"
    is_kept = policy.of("email" if is_participant else "person_email") is KEEP
    return text if is_kept else privacy.pseudonyms.address(text)


def _treated(column: pa.ChunkedArray, name: str, privacy: Privacy) -> pa.Array:
    if privacy.policy.of(name) is DROP:
        return pa.nulls(len(column), column.type)
    return mapped(column, lambda text: privacy.treated(name, text))
