"""fetch_days(): the due work of some days, newest first, in one stream of requests.

Belongs here: how many days are open at a time, their locks, and what becomes of them when the run
ends early. Does not: one day (day_fetch.py), threads (request_pool.py).
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from functools import partial
from itertools import islice

from meeting_etl.errors import DamagedFile
from meeting_etl.pipeline.fetch.context import DayReport, FetchContext
from meeting_etl.pipeline.fetch.day_fetch import DayFetch
from meeting_etl.pipeline.fetch.refusal_guard import RefusalGuards
from meeting_etl.pipeline.fetch.request_pool import Job, RequestPool
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.webex.accounts import Account

# More days are not open at a time: their rows are in memory, and they are locked.
_OPEN_DAYS = 8
# So many days are prepared before their turn: preparing one may need the lock of the day after it,
# as meetings move from day to day.
_DAYS_AHEAD = 2


def fetch_days(
    context: FetchContext,
    specs: Sequence[FetchSpec],
    days: Collection[date],
    prepare: Callable[[date, bool], bool] = lambda *_: True,
) -> Iterator[DayReport]:
    """Fetch what is due of these resources on these days, newest day first; yields their reports.

    `prepare` is called before a day is locked, and with True where it may wait for locks; it
    returns whether it was done. A refusal or fault of one meeting is a row of the ledger.
    AuthError, ApiUnavailable and StorageError end the fetch, after a commit of the results so far.
    """
    with RequestPool(context) as pool:
        yield from _Stream(context, specs, days, prepare, pool).run()


class _Stream:
    """The days that are open, and those that wait."""

    def __init__(
        self,
        context: FetchContext,
        specs: Sequence[FetchSpec],
        days: Collection[date],
        prepare: Callable[[date, bool], bool],
        pool: RequestPool,
    ) -> None:
        self._context = context
        self._specs = specs
        self._prepare = prepare
        self._pool = pool
        self._waiting = deque(sorted(days, reverse=True))
        self._open: dict[date, tuple[DayFetch, ExitStack]] = {}
        self._opened = 0
        self._closing: set[date] = set()
        self._reports: list[DayReport] = []
        # The next day is locked elsewhere: it waits until no other day is open.
        self._is_blocked = False
        self._guards = RefusalGuards(context.accounts, specs)

    def run(self) -> Iterator[DayReport]:
        """Work off all days; yields a report as each of them is done."""
        try:
            while self._waiting or self._open or self._reports:
                for day, (fetch, _) in self._open.items():
                    with work_of(day):
                        fetch.submit(self._pool)
                is_opened = self._open_next_day()
                yield from self._close_days()
                # Before a further day is opened: what arrived may be followed by requests.
                self._pool.finish(waits=not is_opened)
        except BaseException:
            self._give_up()
            raise

    def _open_next_day(self) -> bool:
        """Open the next day if there are too few requests to do; returns whether it did."""
        self._is_blocked = self._is_blocked and bool(self._open)
        if (
            not self._waiting
            or self._is_blocked
            or self._pool.error is not None
            or len(self._open) >= _OPEN_DAYS
            or sum(fetch.awaits_details for fetch, _ in self._open.values()) >= 2
            or self._pool.has_enough
        ):
            return False
        is_opened = self._open_day(self._waiting[0])
        if is_opened:
            self._waiting.popleft()
        self._is_blocked = not is_opened
        return is_opened

    def _open_day(self, day: date) -> bool:
        """Open a day, unless another process has it: that is waited for with no other day open."""
        may_wait = not self._open
        with work_of(day):
            is_prepared = self._prepare(day, may_wait)
        for ahead in islice(self._waiting, 1, 1 + _DAYS_AHEAD):
            with work_of(ahead):
                self._prepare(ahead, False)
        if not is_prepared:
            return False
        locked = self._context.lake.try_lock_days([day], may_wait=may_wait)
        with ExitStack() as locks:
            if not locks.enter_context(locked):
                return False
            with work_of(day):
                fetch = DayFetch(self._context, self._specs, day, self._guards, self._opened)
                fetch.submit(self._pool)
            self._open[day] = fetch, locks.pop_all()
        self._opened += 1
        return True

    def _close_days(self) -> Iterator[DayReport]:
        """Close days that are done, in a thread, so that others are requested meanwhile."""
        for day, (fetch, _) in self._open.items():
            if day in self._closing:
                continue
            with work_of(day):
                if fetch.is_done:
                    fetch.commit()
                    self._closing.add(day)
                    self._pool.submit(Job((-1.0,), partial(_close, fetch, day), self._closed))
                else:
                    fetch.commit_if_full()
        reports, self._reports = self._reports, []
        yield from reports

    def _closed(self, report: DayReport) -> None:
        _, locks = self._open.pop(report.day)
        locks.close()
        self._reports.append(report)

    def _give_up(self) -> None:
        """Commit what arrived; whatever is not settled stays due."""
        for fetch, locks in self._open.values():
            with locks, suppress(Exception):
                fetch.commit()


@contextmanager
def work_of(day: date) -> Iterator[None]:
    """Note in the error of a damaged file that it is this day which needs it."""
    try:
        yield
    except DamagedFile as error:
        error.day = error.day or day
        raise


def _close(fetch: DayFetch, day: date, _: Account) -> DayReport:
    with work_of(day):
        return fetch.close()
