"""One run in this process, shown while it goes on and summed up at its end.

Belongs here: what `run` and the demos share. Does not: the run itself
(orchestration/run_now.py).
"""

import gc

from meeting_etl.cli import display, report
from meeting_etl.definitions import build_defs
from meeting_etl.errors import SettingsError
from meeting_etl.lake import catalog
from meeting_etl.orchestration.instance import dagster_home, open_instance
from meeting_etl.orchestration.run_now import run_now
from meeting_etl.orchestration.run_summary import INTERRUPTED, RunSummary
from meeting_etl.pipeline.ledger.prune_floor import FLOOR_FILE, floor
from meeting_etl.settings import Etl
from meeting_etl.times import Span

# Dagster is half a million objects that stay. Python would look at all of them for garbage two or
# three times in a run of seconds, 0.1 s each.
_GARBAGE_AFTER_OBJECTS = 50_000


def run_and_report(
    etl: Etl,
    configured_home: str | None,
    *,
    asked: Span | None = None,
    refetch: bool = False,
    discover: bool = False,
) -> int:
    """Run, show what came of it, and return the exit status."""
    gc.set_threshold(_GARBAGE_AFTER_OBJECTS)
    started = etl.clock.monotonic()
    opened = open_instance(dagster_home(etl.files, configured_home))
    with display.output_given_back(), opened as instance, display.progress() as meter:
        etl.progress = meter
        defs = build_defs(etl)
        outcome = run_now(defs, instance, etl, span=asked, refetch=refetch, discover=discover)
    seconds = etl.clock.monotonic() - started
    if sentence := catalog.try_publish(etl.files, etl.lake, etl.settings.analytics):
        outcome.notices.append(sentence)
    if asked is not None and asked.first < (since := floor(etl.files)):
        outcome.notices.append(
            f"Days before {since} were pruned and are left out, see {etl.files.path(FLOOR_FILE)}."
        )
    for notice in outcome.notices:
        display.say(notice)
    report.say_if_there_are_no_logs(etl)
    display.say(
        f"{_days(outcome)}; {etl.requests_sent:,} requests in {seconds:.1f} s. "
        f"Data in {etl.settings.data_dir}."
    )
    if outcome.days:
        report.show_ledger(etl, outcome.days)
    return status_of(outcome)


def _days(outcome: RunSummary) -> str:
    if outcome.failures:
        return f"The run ended early, with {len(outcome.days)} days done"
    if not outcome.days:
        return "No day had due work"
    return f"{len(outcome.days)} day{'s' if len(outcome.days) > 1 else ''} with due work done"


def status_of(outcome: RunSummary) -> int:
    """The exit status, after a word on what went wrong. Raises KeyboardInterrupt after Ctrl-C."""
    if any(kind == INTERRUPTED for kind, _ in outcome.failures):
        raise KeyboardInterrupt
    # Several steps fail for one reason.
    for sentence in {kind or sentence: sentence for kind, sentence in outcome.failures}.values():
        display.complain(sentence)
    if any(kind == SettingsError.__name__ for kind, _ in outcome.failures):
        return 2
    if outcome.failed_items:
        display.complain(
            f"{outcome.failed_items} answers could not be had; they are asked for again, see "
            "`meeting-etl status`."
        )
    return 1 if outcome.failures or outcome.failed_items else 0
