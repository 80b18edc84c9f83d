"""The one engine that fetches every table: due pairs → asked in threads → rows → commit → ledger.

Belongs here: batches, their rows, the order of commit. Does not: threads and errors (asking.py),
what to ask and which rows it makes (fetch_specs.py), what an answer means (settling.py).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from meeting_etl.lake.store import Lake
from meeting_etl.pipeline.asking import Answer, Asking, Probe, answers
from meeting_etl.pipeline.fetch_specs import FetchSpec, Target
from meeting_etl.pipeline.ledger import Ledger
from meeting_etl.pipeline.rows import Drift, Row
from meeting_etl.pipeline.settling import (
    NO_REQUEST,
    Came,
    Pair,
    judged,
    next_attempt,
    opened_at_once,
)
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS

# A kill repeats at most the requests of this much time.
COMMIT_SECONDS = 20.0
# An open batch holds at most this many items, whatever the time.
COMMIT_ITEMS = 100_000

Progress = Callable[[str, int, int], None]


@dataclass
class DayReport:
    """What one fetch did to one day of one table."""

    day: date
    rows: int = 0
    asked: int = 0
    came: Counter[str] = field(default_factory=Counter)
    drift: Drift = field(default_factory=Drift)


@dataclass(frozen=True)
class Engine:
    """What every fetch needs; `run_id` is written into the rows."""

    asking: Asking
    lake: Lake
    ledger: Ledger
    run_id: str
    progress: Progress = lambda *_: None


def fetch(
    engine: Engine, spec: FetchSpec, days: Collection[date], *, refetch: bool = False
) -> Iterator[DayReport]:
    """Ask for what is due of these days, newest day first; yields a report a day.

    With `refetch` all pairs of the days are asked again. One meeting's refusal or fault is a row of
    the ledger. AuthError, ApiUnavailable and StorageError end it, after the commit of what came.
    """
    probe = Probe()
    for day in sorted(days, reverse=True):
        with engine.lake.lock_days([day]):
            engine.lake.sweep([spec.table, FETCH_LEDGER], [day])
            report = _Day(engine, spec, day, probe).work(_due(engine, spec, day, refetch=refetch))
            engine.ledger.refresh(day)
        yield report


def _due(engine: Engine, spec: FetchSpec, day: date, *, refetch: bool) -> list[Target]:
    """The due pairs of a day with what is known of their meetings."""
    ledger, now = engine.ledger, engine.asking.clock.now()
    name = spec.table.name
    pairs = ledger.due(day, name)
    if refetch:
        pairs = [pair for pair in ledger.pairs(day) if pair.resource == name]
    if not pairs:
        return []
    meetings = {row["meeting_id"]: row for row in engine.lake.read(MEETINGS, day).to_pylist()}
    parents: dict[str, Row] = {}
    if spec.parent is not None:
        (key,) = spec.parent.key
        parents = {row[key]: row for row in engine.lake.read(spec.parent, day).to_pylist()}
    targets = [
        Target(pair, meetings[pair.meeting_id], parents.get(pair.resource_id))
        for pair in pairs
        if pair.meeting_id in meetings
    ]
    if refetch:
        targets = [replace(one, pair=opened_at_once(one.pair, now)) for one in targets]
    return targets


class _Day:
    """The work on one day of one table, under the day's lock."""

    def __init__(self, engine: Engine, spec: FetchSpec, day: date, probe: Probe) -> None:
        self._probe = probe
        self._engine = engine
        self._spec = spec
        self._day = day
        self._batch: list[Answer] = []
        self._since = engine.asking.clock.monotonic()
        self._report = DayReport(day)

    def work(self, targets: Sequence[Target]) -> DayReport:
        """Ask all targets and commit, batch by batch."""
        engine, table = self._engine, self._spec.table
        if not engine.asking.webex.can_read(table.name):
            now = engine.asking.clock.now()
            self._batch = [Answer(target, Came.RULED_OUT, now) for target in targets]
            self._commit()
        else:
            self._ask_all(targets)
        self._report.rows = engine.lake.count(table, self._day)
        return self._report

    def _ask_all(self, targets: Sequence[Target]) -> None:
        done = 0
        try:
            for answer in answers(self._engine.asking, self._spec, targets, self._probe):
                self._batch.append(answer)
                done += 1
                self._engine.progress(f"{self._spec.table.name} {self._day}", done, len(targets))
                if self._is_due():
                    self._commit()
        finally:
            # Also when the token is refused or the run is interrupted: what came is kept.
            self._commit()

    def _is_due(self) -> bool:
        waiting = self._engine.asking.clock.monotonic() - self._since > COMMIT_SECONDS
        return waiting or sum(len(answer.items) for answer in self._batch) > COMMIT_ITEMS

    def _commit(self) -> None:
        """Data first, the ledger next (design.md rule 2)."""
        batch, self._batch = self._batch, []
        self._since = self._engine.asking.clock.monotonic()
        if not batch:
            return
        known = {_key(pair) for pair in self._engine.ledger.pairs(self._day)}
        pairs: list[Pair] = []
        rows: list[Row] = []
        answered: list[str] = []
        for answer in batch:
            made = self._rows(answer)
            own = [
                row for row in made if all(row[name] is not None for name in self._spec.table.key)
            ]
            if len(own) < len(made):
                # What has no id cannot be kept: the answer is not the whole truth.
                answer = replace(answer, came=Came.PARTIAL)
            rows += own
            pairs.append(self._judged(answer, own))
            pairs += [pair for pair in self._opened(answer, own) if _key(pair) not in known]
            if answer.came is Came.ROWS and self._spec.replaces and own:
                answered.append(own[0][self._spec.replaces])
        self._write(rows, answered)
        self._count_in_parent(batch, rows, answered)
        self._engine.ledger.record(self._day, pairs)

    def _rows(self, answer: Answer) -> list[Row]:
        ours = {"run_id": self._engine.run_id, "fetched_at": answer.at}
        return self._spec.rows(answer.items, answer.target, self._report.drift, ours)

    def _judged(self, answer: Answer, rows: Sequence[Row]) -> Pair:
        """The pair after its answer."""
        came = answer.came
        if came is Came.ROWS and not rows:
            came = Came.EMPTY
        elif came is Came.ROWS and not self._spec.finished(rows):
            came = Came.UNFINISHED
        self._report.asked += came not in NO_REQUEST
        self._report.came[came.value] += 1
        return judged(
            answer.target.pair,
            came,
            rows=len(rows),
            now=answer.at,
            ended_at=answer.target.meeting["ended_at"],
            settling=self._engine.ledger.settling,
            http_status=answer.http_status,
            run_id=self._engine.run_id,
        )

    def _opened(self, answer: Answer, rows: Sequence[Row]) -> list[Pair]:
        """The pairs that an answer opens, with their first attempt."""
        ended_at, settling = answer.target.meeting["ended_at"], self._engine.ledger.settling
        return [
            replace(pair, next_attempt_at=next_attempt(pair, ended_at, settling))
            for pair in self._spec.opens(answer.target, rows)
        ]

    def _write(self, rows: list[Row], answered: list[str]) -> None:
        spec, lake = self._spec, self._engine.lake
        if spec.keeps and rows:
            (key,) = spec.table.key
            columns = [key, *spec.keeps]
            known = lake.read(
                spec.table, self._day, columns=columns, where={key: [row[key] for row in rows]}
            )
            held = {row[key]: row for row in known.to_pylist()}
            rows = [held.get(row[key], {}) | row for row in rows]
        instead_of = {spec.replaces: answered} if spec.replaces else None
        lake.merge(spec.table, self._day, rows, instead_of=instead_of)

    def _count_in_parent(
        self, batch: Sequence[Answer], rows: Sequence[Row], answered: Collection[str]
    ) -> None:
        """Write into each transcript that was answered in full how many snippets it has."""
        spec = self._spec
        if spec.parent is None or spec.replaces is None:
            return
        counts = Counter(row[spec.replaces] for row in rows)
        parents = [
            {**answer.target.parent, "snippet_count": counts[answer.target.pair.resource_id]}
            for answer in batch
            if answer.target.parent and answer.target.pair.resource_id in answered
        ]
        self._engine.lake.merge(spec.parent, self._day, parents)


def _key(pair: Pair) -> tuple[str, str, str]:
    return pair.meeting_id, pair.resource, pair.resource_id
