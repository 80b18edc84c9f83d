"""Committing: from answers to rows, and both to the lake.

Belongs here: what rows a batch of answers makes, what they replace, the order of commit (
rules 2 and 5). Does not: when a batch is full (fetch.py), what an answer means
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
from meeting_etl.pipeline.fetch.request_pool import FetchResult
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.outcomes import apply_outcome, needs_own_request
from meeting_etl.pipeline.ledger.schedule import reopened_by_list
from meeting_etl.pipeline.ledger.work_item import NO_REQUEST, Outcome, WorkItem
from meeting_etl.pipeline.rows import Row

_LOG = logging.getLogger(__name__)
_WHOLE = (Outcome.ROWS, Outcome.FROM_VTT)


@dataclass(frozen=True)
class _Made:
    """An answer, judged, with the rows that it made."""

    answer: FetchResult
    outcome: Outcome
    rows: list[Row]


def _is_id(value: object) -> bool:
    """Whether a value names something: a blank would stand for all that have no id."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


class Committer:
    """Writes batches of answers of one resource and day, under the day's lock."""

    def __init__(
        self, context: FetchContext, spec: FetchSpec, day: date, report: DayReport
    ) -> None:
        self._context = context
        self._spec = spec
        self._day = day
        self._report = report
        self._owners: dict[str, str] = {}

    def commit(
        self, batch: Sequence[FetchResult], singly: Iterable[Target] = (), *, ending: bool = False
    ) -> None:
        """Data first, the ledger next. `singly` are pairs that a sweep proved nothing of.

        Raises AuthError and ApiUnavailable, with all written that could be, when what is no longer
        listed could not be looked for, and Stopped when that was not tried, as all is `ending`.
        """
        made = self._uncontested([self._made(answer) for answer in batch])
        missing = self._write(made)
        looks = check_deletions(self._context, self._spec, missing, ending=ending)
        self._context.lake.merge(self._spec.table, self._day, looks.proven)
        if self._spec.table.name in METRIC_INPUTS:
            refresh_metrics(self._context.lake, self._day)
        if looks.ends is not None:
            # A pair must not settle before what it lacks was looked for.
            unsure = {row["meeting_id"] for row in missing}
            made = [one for one in made if one.answer.target.meeting_id not in unsure]
        work_items = [needs_own_request(target.work_item) for target in singly]
        if made:
            work_items += [self._judged(one) for one in made]
            work_items += self._opened(made)
        if work_items:
            self._context.ledger.record(self._day, work_items)
        self._note(made)
        if looks.ends is not None:
            raise looks.ends

    def _made(self, answer: FetchResult) -> _Made:
        ours = {"run_id": self._context.run_id, "fetched_at": answer.at}
        fallback = self._spec.fallback
        from_stand_in = fallback is not None and answer.outcome is Outcome.FROM_VTT
        try:
            make = fallback.rows if fallback and from_stand_in else self._spec.rows
            rows = make(answer.items, answer.target, self._report.drift, ours)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # No answer may stop those of other meetings, whatever is in it (rule 6).
            kind = type(error).__name__
            _LOG.warning("%s in an answer for meeting %s", kind, answer.target.meeting_id)
            return _Made(answer, Outcome.FAULT, [])
        own = [row for row in rows if all(map(_is_id, (row[key] for key in self._spec.table.key)))]
        outcome = answer.outcome
        if outcome in _WHOLE:
            present = self._present(own)
            if len(own) < len(rows) or (answer.items and not rows):
                # What has no id cannot be kept, and what is of other meetings was not asked for:
                # the answer is not the whole truth.
                outcome = Outcome.PARTIAL
            elif not present and fallback and answer.target.stored_source == fallback.source:
                answer, outcome = replace(answer, provisional=True), Outcome.HELD_VTT
            elif not present:
                outcome = Outcome.EMPTY
            elif not self._spec.is_final(present):
                outcome = Outcome.UNFINISHED
        return _Made(answer, outcome, own)

    def _uncontested(self, made: list[_Made]) -> list[_Made]:
        """The answers without rows whose key is that of another pair's: who came first keeps it.

        Written, they would take the other's rows away; an answer that lacks some is not whole.
        """
        spec = self._spec
        if spec.replaces is None or spec.replaces in spec.table.key:
            return made
        (key,) = spec.table.key
        ids = {row[key] for one in made for row in one.rows}
        owners = self._owners_of(ids, key, spec.replaces) if ids else {}
        kept = []
        for one in made:
            own = [
                row
                for row in one.rows
                if owners.setdefault(row[key], row[spec.replaces]) == row[spec.replaces]
            ]
            self._report.drift.folded += len(one.rows) - len(own)
            outcome = one.outcome if len(own) == len(one.rows) else Outcome.PARTIAL
            kept.append(replace(one, outcome=outcome, rows=own))
        return kept

    def _owners_of(self, ids: Collection[str], key: str, owner: str) -> dict[str, str]:
        """Whose the rows with these keys are in the lake."""
        rows = self._context.lake.read(
            self._spec.table, self._day, columns=[key, owner], where={key: ids}
        )
        return {row[key]: row[owner] for row in rows.to_pylist()}

    def _present(self, rows: list[Row]) -> list[Row]:
        """Rows of what was not deleted."""
        return [row for row in rows if not is_deleted(row)] if self._spec.status_by_id else rows

    def _judged(self, made: _Made) -> WorkItem:
        """The pair after its answer."""
        target = made.answer.target
        return apply_outcome(
            target.work_item,
            made.outcome,
            rows=len(self._present(made.rows)),
            grows=self._spec.grows or made.answer.from_window or made.answer.provisional,
            not_final_reason=self._spec.not_final_reason,
            denied=target.flagged is False,
            now=made.answer.at,
            ended_at=target.ended_at,
            schedule=self._context.ledger.schedule,
            http_status=made.answer.http_status,
            run_id=self._context.run_id,
            covered_until=made.answer.covered_until,
            retry_at=made.answer.retry_at,
        )

    def _opened(self, made: Sequence[_Made]) -> list[WorkItem]:
        """The pairs that answers open, or open again, with their next attempt."""
        ledger = self._context.ledger
        known = {work_item.key: work_item for work_item in ledger.items(self._day)}
        opened = []
        for one in made:
            target = one.answer.target
            for work_item in self._spec.opens(target, self._owned(target, self._present(one.rows))):
                old = known.get(work_item.key)
                new = reopened_by_list(work_item, old, target.ended_at, ledger.schedule)
                if new != old and ledger.wants(work_item.resource):
                    opened.append(new)
        return opened

    def _owned(self, target: Target, rows: list[Row]) -> list[Row]:
        """Rows that are the target's: an item may have come for two meetings, and is of one."""
        key = self._spec.table.key[0]
        return [row for row in rows if self._owners.get(row[key]) == target.meeting_id]

    def _note(self, made: Sequence[_Made]) -> None:
        for one in made:
            self._report.outcomes[one.outcome.value] += 1
            self._report.from_windows += one.answer.from_window
            self._report.requested += one.outcome not in NO_REQUEST and not one.answer.from_window

    def _write(self, made: Sequence[_Made]) -> list[Row]:
        """Write the rows; returns those of answered meetings that are not listed any more."""
        spec, lake = self._spec, self._context.lake
        rows = self._unique([row for one in made for row in one.rows])
        missing: list[Row] = []
        if spec.merge is not None:
            rows, missing = self._onto(made, rows)
        self._owners = {row[spec.table.key[0]]: row["meeting_id"] for row in rows}
        whole: list[str] = []
        if spec.replaces:
            whole = [one.rows[0][spec.replaces] for one in made if one.outcome in _WHOLE]
        replacing = {spec.replaces: whole} if spec.replaces else None
        lake.merge(spec.table, self._day, [*rows, *missing], replacing=replacing)
        self._count_in_parent(made, rows, whole)
        return missing

    def _unique(self, rows: Sequence[Row]) -> list[Row]:
        """One row a key: an item that names no meeting may have come for two of them."""
        found: dict[tuple[object, ...], Row] = {}
        for row in rows:
            found.setdefault(tuple(row[name] for name in self._spec.table.key), row)
        self._report.drift.folded += len(rows) - len(found)
        return list(found.values())

    def _onto(self, made: Sequence[_Made], rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """The rows, each with what the lake holds of it, and those that are listed no longer."""
        spec, merge = self._spec, self._spec.merge
        (key,) = spec.table.key
        known = self._context.lake.read(spec.table, self._day).to_pylist()
        held = {row[key]: row for row in known}
        merged = []
        for row in rows:
            if row[key] in held and merge is not None:
                # Whose it is was settled when it came first.
                owner = {"meeting_id": held[row[key]]["meeting_id"]}
                merged.append(merge(held[row[key]], row) | owner)
            elif not (spec.status_by_id and is_deleted(row)):
                merged.append(row)  # of what was deleted before it was ever here nothing is kept
        if not spec.status_by_id:
            return merged, []
        whole = (Outcome.ROWS, Outcome.EMPTY)
        answered = {one.answer.target.meeting_id for one in made if one.outcome in whole}
        listed = {row[key] for row in rows}
        mine = [one for one in known if one["meeting_id"] in answered]
        return merged, list(unlisted(mine, listed, key))

    def _count_in_parent(
        self, made: Sequence[_Made], rows: Sequence[Row], whole: Collection[str]
    ) -> None:
        """Write into each transcript that was answered in full how many snippets it has."""
        spec = self._spec
        if spec.parent is None or spec.replaces is None:
            return
        counts = Counter(row[spec.replaces] for row in rows)
        targets = [one.answer.target for one in made]
        parents = [
            {**target.parent, "snippet_count": counts[target.work_item.resource_id]}
            for target in targets
            if target.parent and target.work_item.resource_id in whole
        ]
        self._context.lake.merge(spec.parent, self._day, parents)
