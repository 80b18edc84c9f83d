"""class DayWriter: results of one day become rows and work items, and both are written to the lake.

Belongs here: what a result's rows replace, what it makes of its work item, which further work items
it opens, the order of a commit (rules 2 and 5). Does not: rows of one response (response_rows.py),
when it is time to commit (day_fetch.py), what an outcome makes of a work item
(pipeline/ledger/outcomes.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from meeting_etl.pipeline.deletions.tombstones import UNLISTED, is_deleted, unlisted
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.day_state import DayState
from meeting_etl.pipeline.fetch.response_rows import present
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome, needs_own_request
from meeting_etl.pipeline.ledger.schedule import reopened, reopened_by_list
from meeting_etl.pipeline.ledger.work_item import NO_REQUEST, Outcome, Status, WorkItem
from meeting_etl.pipeline.rows import Row

# Outcomes after which the fallback is fetched.
_REFUSED = frozenset({Outcome.RULED_OUT, Outcome.FORBIDDEN, Outcome.NOT_FOUND})


class DayWriter:
    """Collects the results of a day, which must be locked, and writes them batch by batch.

    `rows_waiting` counts the rows that the next commit writes.
    """

    def __init__(
        self,
        context: FetchContext,
        specs: Sequence[FetchSpec],
        state: DayState,
        report: DayReport,
    ) -> None:
        self.rows_waiting = 0
        self._context = context
        self._specs = specs
        self._state = state
        self._report = report
        # Keys of rows of lists that are not in the lake yet, by table.
        self._changed_rows: dict[str, set[str]] = defaultdict(set)
        # Results whose rows replace others, which only the lake has.
        self._replacing: dict[str, list[FetchResult]] = defaultdict(list)

    def take(
        self, spec: FetchSpec, results: Sequence[FetchResult]
    ) -> tuple[list[WorkItem], list[Row]]:
        """Take the results of one response.

        Returns the work items that they open, and stored rows that are no longer listed. The latter
        must be checked before `settle` is called.
        """
        self.rows_waiting += sum(len(result.rows) for result in results)
        if spec.merge is None:
            self._replacing[spec.resource] += results
            return [item for result in results for item in self._open_fallback(spec, result)], []
        listed = {row[spec.table.key[0]] for result in results for row in result.rows}
        for result in results:
            self._merge(spec, result)
        opened = [item for result in results for item in self._open(spec, result)]
        return opened, self._unlisted(spec, results, listed) if spec.status_by_id else []

    def settle(self, spec: FetchSpec, results: Iterable[FetchResult]) -> None:
        """Apply the outcomes to the work items. Those of `take` without merge settle by commit."""
        for result in results if spec.merge is not None else ():
            self._settle(spec, result)

    def prove(self, spec: FetchSpec, row: Row) -> None:
        """Take a row with the proof of its deletion."""
        self._put_row(spec, row)

    def leave_to_single_requests(self, targets: Iterable[Target]) -> None:
        """A window proved nothing about these: after a kill, the next run does not repeat it."""
        for target in targets:
            self._state.put(needs_own_request(self._state.items[target.work_item.key]))

    def commit(self) -> None:
        """Write the rows of all tables, then the ledger.

        After an error nothing of the batch is left, so that a further commit cannot write work
        items whose rows are missing.
        """
        replacing, self._replacing = self._replacing, defaultdict(list)
        settled, self._state.changed = self._state.changed, set()
        # A fallback comes later than what replaces its rows, and is written before it.
        own = [
            (spec, self._without_rows_of_others(spec, replacing[spec.resource]))
            for spec in reversed(self._specs)
            if spec.resource in replacing
        ]
        for spec, results in own:
            self._count_in_parents(spec, results)
        self._write_lists()
        for spec, results in own:
            self._write_replacing(spec, results)
        changed, self._state.changed = settled | self._state.changed, set()
        if changed:
            items = self._state.items
            removed = {resource_id for _, _, resource_id in changed - items.keys()}
            rows = [items[key] for key in items if key in changed or key[2] in removed]
            self._context.ledger.record(self._state.day, rows, replacing=removed)
        self.rows_waiting = 0

    # --- lists, of which all rows of the day are at hand ----------------------------------------

    def _merge(self, spec: FetchSpec, result: FetchResult) -> None:
        (key,) = spec.table.key
        stored = self._state.rows(spec.table)
        for row in result.rows:
            old = stored.get(row[key])
            if old is not None and spec.merge is not None:
                # It stays with the meeting for which it was listed first.
                result.drift.folded += old["meeting_id"] != row["meeting_id"]
                self._put_row(spec, spec.merge(old, row) | {"meeting_id": old["meeting_id"]})
            elif not (spec.status_by_id and is_deleted(row)):
                self._put_row(spec, row)  # what was deleted before it was ever stored is left out

    def _put_row(self, spec: FetchSpec, row: Row) -> None:
        key = row[spec.table.key[0]]
        self._state.rows(spec.table)[key] = row
        self._changed_rows[spec.table.name].add(key)

    def _unlisted(
        self, spec: FetchSpec, results: Sequence[FetchResult], listed: Collection[str]
    ) -> list[Row]:
        """Mark stored rows that complete results do not list any more; returns them unmarked."""
        complete = (Outcome.ROWS, Outcome.EMPTY)
        answered = {result.target.meeting_id for result in results if result.outcome in complete}
        rows = self._state.rows(spec.table).values()
        of_answered = [row for row in rows if row["meeting_id"] in answered]
        missing = list(unlisted(of_answered, listed, spec.table.key[0]))
        for row in missing:
            self._put_row(spec, row | {"status": UNLISTED})
        return missing

    def _open(self, spec: FetchSpec, result: FetchResult) -> list[WorkItem]:
        """The work items that a result opens, or opens again, with their next attempt."""
        ledger, key, target = self._context.ledger, spec.table.key[0], result.target
        stored = self._state.rows(spec.table)
        # An item may be listed for two meetings, and its row is of one of them.
        own = [
            row
            for row in present(spec, result.rows)
            if stored.get(row[key], row)["meeting_id"] == target.meeting_id
        ]
        opened = []
        for item in filter(lambda item: ledger.wants(item.resource), spec.opens(target, own)):
            old = self._state.items.get(item.key)
            new = reopened_by_list(item, old, target.ended_at, ledger.schedule)
            if new != old:
                self._state.put(new)
                opened.append(new)
        return opened

    def _open_fallback(self, spec: FetchSpec, result: FetchResult) -> list[WorkItem]:
        """The work item of the fallback after a refusal, unless rows of either are stored.

        One that settled without rows is opened again: another token may be refused this, too, and
        may still read the fallback.
        """
        item = self._state.items.get(result.target.work_item.key, result.target.work_item)
        key = _fallback_key(spec, item)
        old = self._state.items.get(key) or WorkItem(*key, settled=True)
        if spec.fallback is None or result.outcome not in _REFUSED:
            return []
        if item.row_count or old.status == Status.READY:
            return []
        new = reopened(old, result.at) if old.settled else old
        new = replace(new, opened_at=item.opened_at, opened_by=item.opened_by)
        self._state.put(new)
        return [new]

    def _write_lists(self) -> None:
        changed, self._changed_rows = self._changed_rows, defaultdict(set)
        tables = {table.name: table for spec in self._specs for table in spec.tables}
        for name, table in tables.items():
            if keys := changed.get(name):
                rows = self._state.rows(table)
                self._context.lake.merge(table, self._state.day, [rows[key] for key in keys])

    # --- resources whose results replace what is stored of them ---------------------------------

    def _without_rows_of_others(
        self, spec: FetchSpec, results: list[FetchResult]
    ) -> list[FetchResult]:
        """The results without rows whose key another work item has already: the first keeps it.

        Written, they would take the other's rows away; a result that lacks some is partial.
        """
        if spec.replaces is None or spec.replaces in spec.table.key:
            return results
        (key,) = spec.table.key
        owners = self._stored_owners(spec, {row[key] for result in results for row in result.rows})
        remaining = []
        for result in results:
            own = [
                row
                for row in result.rows
                if owners.setdefault(row[key], row[spec.replaces]) == row[spec.replaces]
            ]
            result.drift.folded += len(result.rows) - len(own)
            outcome = result.outcome if len(own) == len(result.rows) else Outcome.PARTIAL
            fallback = self._state.items.get(_fallback_key(spec, result.target.work_item))
            if outcome is Outcome.PARTIAL and fallback is not None and fallback.row_count:
                own = []  # they would be beside the rows of the fallback, not in their place
            remaining.append(replace(result, outcome=outcome, rows=own))
        return remaining

    def _stored_owners(self, spec: FetchSpec, ids: Collection[str]) -> dict[str, str]:
        """To whom the stored rows with these keys belong."""
        if not ids or spec.replaces is None:
            return {}
        (key,) = spec.table.key
        rows = self._context.lake.read(
            spec.table, self._state.day, columns=[key, spec.replaces], where={key: ids}
        )
        return {row[key]: row[spec.replaces] for row in rows.to_pylist()}

    def _write_replacing(self, spec: FetchSpec, results: Sequence[FetchResult]) -> None:
        replacing = {}
        if spec.replaces:
            complete = [result for result in results if result.outcome is Outcome.ROWS]
            replacing = {spec.replaces: [result.rows[0][spec.replaces] for result in complete]}
        # An item that names no meeting may be listed for two of them.
        unique: dict[tuple[object, ...], Row] = {}
        for result in results:
            for row in result.rows:
                unique.setdefault(tuple(row[name] for name in spec.table.key), row)
        self._context.lake.merge(
            spec.table, self._state.day, unique.values(), replacing=replacing or None
        )
        for result in results:
            self._settle(spec, result)

    def _count_in_parents(self, spec: FetchSpec, results: Sequence[FetchResult]) -> None:
        """Write into each transcript whose snippets are replaced how many it has."""
        if spec.parent is None or spec.replaces is None:
            return
        parents, (key,) = self._state.rows(spec.parent), spec.parent.key
        for result in results:
            parent = parents.get(result.target.work_item.resource_id)
            if parent is not None and result.outcome is Outcome.ROWS:
                parents[parent[key]] = parent | {
                    "snippet_count": self._count_stored(spec, result.rows)
                }
                self._changed_rows[spec.parent.name].add(parent[key])

    def _count_stored(self, spec: FetchSpec, rows: Sequence[Row]) -> int:
        """How many of the rows will be stored: those of erased persons may be left out."""
        lake = self._context.lake
        removes_rows = lake.privacy.erasures.removes_rows
        return len(lake.as_written(spec.table, rows)) if removes_rows else len(rows)

    # --- work items -----------------------------------------------------------------------------

    def _settle(self, spec: FetchSpec, result: FetchResult) -> None:
        """Write into the work item what its attempt came to, and count it in the report."""
        target, schedule = result.target, self._context.ledger.schedule
        attempt = Attempt(
            result.outcome,
            result.at,
            self._context.run_id,
            rows=len(present(spec, result.rows)),
            account=result.account.name if result.account else None,
            http_status=result.http_status,
            may_grow=spec.grows or result.from_window,
            has_none=target.flagged is False,
            not_final_reason=spec.not_final_reason,
            covered_until=result.covered_until,
            retry_at=result.retry_at,
        )
        # As it is now: a list may have opened it again meanwhile.
        item = self._state.items.get(target.work_item.key, target.work_item)
        self._state.put(apply_outcome(item, attempt, target.ended_at, schedule))
        if result.outcome is Outcome.ROWS:
            self._state.remove(_fallback_key(spec, item))  # its rows are replaced
        report = self._report.of(spec.table)
        report.count(
            item.meeting_id,
            result.outcome,
            has_request=result.outcome not in NO_REQUEST,
            from_window=result.from_window,
        )
        report.drift.add(result.drift)


def _fallback_key(spec: FetchSpec, item: WorkItem) -> tuple[str, str, str]:
    """The key of the work item of the fallback; that of no work item where there is none."""
    return item.meeting_id, spec.fallback or "", item.resource_id
