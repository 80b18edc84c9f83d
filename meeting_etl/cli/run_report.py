"""One run in this process: its progress, its summary, its exit status.

Belongs here: what `run` and the demonstrations share. Does not: the run itself
(orchestration/run_now.py).
"""

import gc

from meeting_etl.cli import display, ledger_report
from meeting_etl.cli.progress import progress
from meeting_etl.cli.streams import restored
from meeting_etl.errors import SettingsError
from meeting_etl.lake import catalog
from meeting_etl.lake.floors import FLOOR_FILE
from meeting_etl.orchestration.build_defs import build_defs
from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.orchestration.run_summary import INTERRUPTED, RunSummary
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl
from meeting_etl.times import Span

# Dagster keeps half a million objects. A garbage collection over all of them takes 0.1 s, and a run
# of seconds would trigger two or three.
_GARBAGE_AFTER_OBJECTS = 50_000


def run_and_report(
    etl: Etl,
    configured_home: str | None,
    *,
    span: Span | None = None,
    refetch: bool = False,
    discover: bool = False,
) -> int:
    """Run, show the summary, and return the exit status."""
    gc.set_threshold(_GARBAGE_AFTER_OBJECTS)
    started = etl.clock.monotonic()
    opened = open_instance(dagster_home(etl.files, configured_home))
    with restored(), opened as instance, progress() as meter:
        etl.progress = meter
        defs = build_defs(etl, first_day=FIRST_DAY)
        outcome = run_now(defs, instance, etl, span=span, refetch=refetch, discover=discover)
    seconds = etl.clock.monotonic() - started
    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        outcome.notices.append(sentence)
    if span is not None and span.first < (since := etl.ledger.queue.floor()):
        outcome.notices.append(
            f"Days before {since} are pruned and were skipped; see {etl.storage.where(FLOOR_FILE)}."
        )
    for notice in outcome.notices:
        display.say(notice)
    if sentence := ledger_report.without_logs(etl):
        display.say(sentence)
    display.say(
        f"{_days(outcome)}; {etl.requests_sent:,} requests in {seconds:.1f} s. "
        f"Data in {etl.settings.location}."
    )
    if outcome.days:
        which = display.counted(len(outcome.days), "day")
        ledger_report.show_ledger(ledger_report.ledger_counts(etl, outcome.days), which)
    return status_of(outcome)


def _days(outcome: RunSummary) -> str:
    if outcome.failures:
        return f"The run ended early after {display.counted(len(outcome.days), 'day')}"
    if not outcome.days:
        return "No day had due work"
    return f"{display.counted(len(outcome.days), 'day')} processed"


def status_of(outcome: RunSummary) -> int:
    """The exit status, after what failed was shown. Raises KeyboardInterrupt after Ctrl-C."""
    if any(kind == INTERRUPTED for kind, _ in outcome.failures):
        raise KeyboardInterrupt
    # Several steps can fail for one reason.
    for sentence in {kind or sentence: sentence for kind, sentence in outcome.failures}.values():
        display.complain(sentence)
    for sentence in outcome.set_aside:
        display.complain(sentence)
    if any(kind == SettingsError.__name__ for kind, _ in outcome.failures):
        return 2
    if outcome.failed_items:
        display.complain(
            f"{display.counted(outcome.failed_items, 'request')} failed and will be retried by a "
            "later run; see `meeting-etl status`."
        )
    return 1 if outcome.failures or outcome.failed_items or outcome.set_aside else 0
