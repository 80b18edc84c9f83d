"""work_days(): all due work of some days, each day as a whole, newest first.

Belongs here: that a day is folded before it is fetched, and what is done without Webex. Does not:
folding (pipeline/meetings/fold.py), fetching (pipeline/fetch/fetch_days.py), files of recordings.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date

from meeting_etl.errors import ApiUnavailable, AuthError, DamagedFile, SettingsError
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.fetch_days import fetch_days
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.meetings.fold import Folding, FoldReport


def work_days(
    lake: Lake,
    ledger: Ledger,
    fetch_context: Callable[[], FetchContext],
    specs: Sequence[FetchSpec],
    days: Collection[date],
    *,
    folds: bool = True,
) -> Iterator[tuple[FoldReport | None, DayReport]]:
    """Fold and fetch these days, newest first; yields the reports of each day that is done.

    `fetch_context` raises SettingsError without a token. Then, and when Webex cannot be reached,
    the events of all days are folded before the error is raised. A day that needs a damaged file is
    left out, and the error is raised after all other days.
    """
    left, damage = set(days), None
    while left:
        try:
            for reports in _work(lake, ledger, fetch_context, specs, left, folds=folds):
                yield reports
                left.discard(reports[1].day)
            left.clear()
        except DamagedFile as error:
            if error.day not in left:
                raise
            damage = damage or error
            left.discard(error.day)
    if damage:
        raise damage


def _work(
    lake: Lake,
    ledger: Ledger,
    fetch_context: Callable[[], FetchContext],
    specs: Sequence[FetchSpec],
    days: Collection[date],
    *,
    folds: bool,
) -> Iterator[tuple[FoldReport | None, DayReport]]:
    """Work off the days until one of them fails."""
    days = sorted(days)
    if not folds:
        yield from ((None, report) for report in fetch_days(fetch_context(), specs, days))
        return
    folding = Folding(lake, ledger, days)
    folded: dict[date, FoldReport] = {}

    def prepare(day: date, may_wait: bool) -> bool:
        if day in folded:
            return True
        began_at = ledger.clock.monotonic()
        report = folding.fold_day(day, may_wait=may_wait)
        if report is None:
            return False
        report.seconds = ledger.clock.monotonic() - began_at
        folded[day] = report
        return True

    try:
        for report in fetch_days(fetch_context(), specs, days, prepare):
            yield folded[report.day], report
    except (ApiUnavailable, AuthError, SettingsError):
        for day in sorted(set(days) - folded.keys(), reverse=True):
            folding.fold_day(day)
        raise
