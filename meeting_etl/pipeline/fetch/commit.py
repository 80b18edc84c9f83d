"""class Committer: results become rows, and both are written to the lake.

Belongs here: which rows a batch of results makes, what they replace, the order of a commit (rules 2
and 5). Does not: when a batch is full (fetch.py), what an outcome makes of a work item
(pipeline/ledger/outcomes.py).
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from meeting_etl.lake.metrics import METRIC_INPUTS, refresh_metrics
from meeting_etl.pipeline.deletions.tombstones import is_deleted, unlisted
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.deletion_proof import check_deletions
from meeting_etl.pipeline.fetch.single_request import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.outcomes import Attempt, apply_outcome, needs_own_request
from meeting_etl.pipeline.ledger.schedule import reopened_by_list
from meeting_etl.pipeline.ledger.work_item import NO_REQUEST, Outcome, WorkItem
from meeting_etl.pipeline.rows import Row

_LOG = logging.getLogger(__name__)
_COMPLETE = (Outcome.ROWS, Outcome.FROM_VTT)


@dataclass(frozen=True)
class _Parsed:
    """A result with its rows, and the outcome after looking at these."""

    result: FetchResult
    outcome: Outcome
    rows: list[Row]

    @property
    def target(self) -> Target:
        """What was requested."""
        return self.result.target


def _is_id(value: object) -> bool:
    """Whether a value names something: a blank would name all that have no id."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


class Committer:
    """Writes batches of results of one resource and day, under the day's lock."""

    def __init__(
        self, context: FetchContext, spec: FetchSpec, day: date, report: DayReport
    ) -> None:
        self._context = context
        self._spec = spec
        self._day = day
        self._report = report

    def commit(
        self,
        batch: Sequence[FetchResult],
        not_in_window: Iterable[Target] = (),
        *,
        ending: bool = False,
    ) -> None:
        """Write rows first, the ledger next. `not_in_window`: a window proved nothing about these.

        Raises AuthError and ApiUnavailable, with all written that could be, when checking what is
        no longer listed failed, and Stopped when that was left out, as the run is `ending`.
        """
        parsed = self._without_rows_of_others([self._parse(result) for result in batch])
        rows, missing = self._write(parsed)
        checks = check_deletions(self._context, self._spec, missing, ending=ending)
        self._context.lake.merge(self._spec.table, self._day, checks.proven)
        if self._spec.table.name in METRIC_INPUTS:
            refresh_metrics(self._context.lake, self._day)
        if checks.ends is not None:
            # A work item must not settle before its missing rows were checked.
            unchecked = {row["meeting_id"] for row in missing}
            parsed = [entry for entry in parsed if entry.target.meeting_id not in unchecked]
        items = [needs_own_request(target.work_item) for target in not_in_window]
        if parsed:
            items += [self._after_attempt(entry) for entry in parsed]
            items += self._opened_items(parsed, rows)
        if items:
            self._context.ledger.record(self._day, items)
        self._count(parsed)
        if checks.ends is not None:
            raise checks.ends

    def _parse(self, result: FetchResult) -> _Parsed:
        """The rows of a result, and whether they are all that there is."""
        spec, target = self._spec, result.target
        ours = {"run_id": self._context.run_id, "fetched_at": result.at}
        is_fallback = spec.fallback is not None and result.outcome is Outcome.FROM_VTT
        try:
            make_rows = spec.fallback.rows if spec.fallback and is_fallback else spec.rows
            rows = make_rows(result.items, target, self._report.drift, ours)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # No response may stop those of other meetings, whatever is in it (rule 6).
            kind = type(error).__name__
            _LOG.warning("%s in a response for meeting %s", kind, target.meeting_id)
            return _Parsed(result, Outcome.FAULT, [])
        with_id = [row for row in rows if all(_is_id(row[key]) for key in spec.table.key)]
        if result.outcome not in _COMPLETE:
            return _Parsed(result, result.outcome, with_id)
        present = self._present(with_id)
        outcome = result.outcome
        if len(with_id) < len(rows) or (result.items and not rows):
            # Rows without an id cannot be stored, and items of other meetings were not requested:
            # the response is not the whole truth.
            outcome = Outcome.PARTIAL
        elif not present and spec.fallback and target.stored_source == spec.fallback.source:
            result, outcome = replace(result, provisional=True), Outcome.STORED_VTT
        elif not present:
            outcome = Outcome.EMPTY
        elif not spec.is_final(present):
            outcome = Outcome.NOT_FINAL
        return _Parsed(result, outcome, with_id)

    def _without_rows_of_others(self, parsed: list[_Parsed]) -> list[_Parsed]:
        """The results without rows whose key another work item has already: the first keeps it.

        Written, they would take the other's rows away; a result that lacks some is partial.
        """
        spec = self._spec
        if spec.replaces is None or spec.replaces in spec.table.key:
            return parsed
        (key,) = spec.table.key
        ids = {row[key] for entry in parsed for row in entry.rows}
        owners = self._stored_owners(ids, key, spec.replaces) if ids else {}
        remaining = []
        for entry in parsed:
            own = [
                row
                for row in entry.rows
                if owners.setdefault(row[key], row[spec.replaces]) == row[spec.replaces]
            ]
            self._report.drift.folded += len(entry.rows) - len(own)
            outcome = entry.outcome if len(own) == len(entry.rows) else Outcome.PARTIAL
            remaining.append(replace(entry, outcome=outcome, rows=own))
        return remaining

    def _stored_owners(self, ids: Collection[str], key: str, owner: str) -> dict[str, str]:
        """To whom the stored rows with these keys belong."""
        rows = self._context.lake.read(
            self._spec.table, self._day, columns=[key, owner], where={key: ids}
        )
        return {row[key]: row[owner] for row in rows.to_pylist()}

    def _present(self, rows: list[Row]) -> list[Row]:
        """Rows of what was not deleted."""
        return [row for row in rows if not is_deleted(row)] if self._spec.status_by_id else rows

    def _write(self, parsed: Sequence[_Parsed]) -> tuple[list[Row], list[Row]]:
        """Write the rows; returns them, and those that are no longer listed."""
        spec, lake = self._spec, self._context.lake
        rows = self._unique([row for entry in parsed for row in entry.rows])
        missing: list[Row] = []
        if spec.merge is not None:
            rows, missing = self._merged(parsed, rows)
        replaced: list[str] = []
        if spec.replaces:
            complete = [entry for entry in parsed if entry.outcome in _COMPLETE]
            replaced = [entry.rows[0][spec.replaces] for entry in complete]
        replacing = {spec.replaces: replaced} if spec.replaces else None
        lake.merge(spec.table, self._day, [*rows, *missing], replacing=replacing)
        self._count_in_parent(parsed, rows, replaced)
        return rows, missing

    def _unique(self, rows: Sequence[Row]) -> list[Row]:
        """One row a key: an item that names no meeting may be listed for two of them."""
        unique: dict[tuple[object, ...], Row] = {}
        for row in rows:
            unique.setdefault(tuple(row[name] for name in self._spec.table.key), row)
        self._report.drift.folded += len(rows) - len(unique)
        return list(unique.values())

    def _merged(self, parsed: Sequence[_Parsed], rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """The rows merged with the stored ones, and stored ones that are no longer listed."""
        spec = self._spec
        (key,) = spec.table.key
        all_stored = self._context.lake.read(spec.table, self._day).to_pylist()
        stored = {row[key]: row for row in all_stored}
        merged = []
        for row in rows:
            if row[key] in stored and spec.merge is not None:
                # It stays with the meeting for which it was listed first.
                owner = {"meeting_id": stored[row[key]]["meeting_id"]}
                merged.append(spec.merge(stored[row[key]], row) | owner)
            elif not (spec.status_by_id and is_deleted(row)):
                merged.append(row)  # what was deleted before it was ever stored is left out
        if not spec.status_by_id:
            return merged, []
        listed = {row[key] for row in rows}
        complete = (Outcome.ROWS, Outcome.EMPTY)
        answered = {entry.target.meeting_id for entry in parsed if entry.outcome in complete}
        of_answered = [row for row in all_stored if row["meeting_id"] in answered]
        return merged, list(unlisted(of_answered, listed, key))

    def _count_in_parent(
        self, parsed: Sequence[_Parsed], rows: Sequence[Row], replaced: Collection[str]
    ) -> None:
        """Write into each transcript whose snippets were replaced how many it has."""
        spec = self._spec
        if spec.parent is None or spec.replaces is None:
            return
        counts = Counter(row[spec.replaces] for row in rows)
        parents = [
            {**entry.target.parent, "snippet_count": counts[entry.target.work_item.resource_id]}
            for entry in parsed
            if entry.target.parent and entry.target.work_item.resource_id in replaced
        ]
        self._context.lake.merge(spec.parent, self._day, parents)

    def _after_attempt(self, parsed: _Parsed) -> WorkItem:
        """The work item after its attempt."""
        target, result = parsed.target, parsed.result
        attempt = Attempt(
            parsed.outcome,
            result.at,
            self._context.run_id,
            rows=len(self._present(parsed.rows)),
            http_status=result.http_status,
            may_grow=self._spec.grows or result.from_window or result.provisional,
            has_none=target.flagged is False,
            not_final_reason=self._spec.not_final_reason,
            covered_until=result.covered_until,
            retry_at=result.retry_at,
        )
        return apply_outcome(
            target.work_item, attempt, target.ended_at, self._context.ledger.schedule
        )

    def _opened_items(self, parsed: Sequence[_Parsed], written: Sequence[Row]) -> list[WorkItem]:
        """The work items that results open, or open again, with their next attempt."""
        ledger, key = self._context.ledger, self._spec.table.key[0]
        # An item may be listed for two meetings, and its row is of one of them.
        owners = {row[key]: row["meeting_id"] for row in written}
        existing = {item.key: item for item in ledger.items(self._day)}
        opened = []
        for entry in parsed:
            target = entry.target
            own = [
                row
                for row in self._present(entry.rows)
                if owners.get(row[key]) == target.meeting_id
            ]
            for item in self._spec.opens(target, own):
                old = existing.get(item.key)
                new = reopened_by_list(item, old, target.ended_at, ledger.schedule)
                if new != old and ledger.wants(item.resource):
                    opened.append(new)
        return opened

    def _count(self, parsed: Sequence[_Parsed]) -> None:
        """Count the results in the day's report."""
        for entry in parsed:
            from_window = entry.result.from_window
            self._report.outcomes[entry.outcome.value] += 1
            self._report.from_windows += from_window
            self._report.requested += entry.outcome not in NO_REQUEST and not from_window
