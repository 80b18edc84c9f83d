"""The runs of due days that a sensor requests.

Belongs here: the runs of each span of due days, their run keys, and why there are none. Does not:
when a sensor looks for due days (sensors.py), how days are cut into spans (day_spans.py), pauses
(launch_pauses.py).
"""

import hashlib
from collections.abc import Iterator
from datetime import date

import dagster as dg

from meeting_etl.orchestration.jobs import FILES_JOB
from meeting_etl.orchestration.launching.day_spans import (
    busy_days,
    first_partition_of,
    first_recent_day,
    launchable_spans,
    partition_days,
)
from meeting_etl.orchestration.launching.launch_pauses import (
    QUARTER_HOUR,
    request_tag,
    webex_pause_reason,
)
from meeting_etl.orchestration.ownership import named
from meeting_etl.orchestration.run_tags import RUN_KEY, downloads_tags, span_of, span_tags
from meeting_etl.settings import Etl
from meeting_etl.times import Span, format_timestamp, round_up

Launches = Iterator[dg.RunRequest | dg.SkipReason]


def next_attempt(etl: Etl) -> str:
    """When work is due next, and how much: why no day has due work."""
    open_days = etl.ledger.open_days().values()
    next_at = min((due.due_at for due in open_days if due.due_at), default=None)
    if next_at is None:
        return "No day has open work."
    items = sum(due.due_items for due in open_days if due.due_at == next_at)
    return f"The next work is due at {format_timestamp(next_at)}: {items:,} work items."


def launch_days(
    context: dg.SensorEvaluationContext,
    etl: Etl,
    job: str,
    days: list[date],
    runs: list[dg.DagsterRun],
    ingest_state: str = "",
) -> Launches:
    """One run for each span of these days that no active run covers, or why there is none.

    Of downloads, as many as [downloads] runs says, which share the span.
    Only one run without a recent day is active at a time: however many stretches of old days are
    due, recent days find room in the queue.
    The run key changes with any news for these days and every quarter hour, so that a span whose
    run failed is tried again, but not every few seconds.
    """
    instance, first = context.instance, first_partition_of(context.repository_def, etl)
    busy = busy_days(runs, etl, newest=first_recent_day(etl), files=job == FILES_JOB.name)
    due = [day for day in partition_days(days, etl, first) if day not in busy]
    reasons = [ingest_state] if ingest_state else []
    if any(day < first for day in days):
        reasons.append(_before_partitions(min(days), first))
    requests: list[dg.RunRequest | dg.SkipReason] = []
    if not due:
        reasons.append("No day has due work that is not running already.")
    elif pause_reason := webex_pause_reason(instance, etl):
        reasons.append(pause_reason)
    else:
        recent = first_recent_day(etl)
        of_job = [run for run in runs if run.job_name == named(etl, job)]
        has_old = any(_is_old(span_of(run.tags), recent) for run in of_job)
        for span in launchable_spans(due, busy):
            if _is_old(span, recent) and has_old:
                reasons.append(f"{span} waits for the run of other old days.")
                break
            for request in _requests(etl, job, span, [day for day in due if day in span]):
                same_key = dg.RunsFilter(tags={RUN_KEY: str(request.run_key)})
                earlier = instance.get_runs(same_key, limit=1)
                if earlier:
                    reasons.append(_next_try(earlier[0], span, etl))
                else:
                    requests.append(request)
                    has_old = has_old or _is_old(span, recent)
    yield from requests or [dg.SkipReason(" ".join(reasons))]


def _before_partitions(day: date, first: date) -> str:
    """What to do about due days that are no partitions of the loaded definitions."""
    return (
        f"{day} has due work but is before {first}, the first partition: reload the code location, "
        "or set [partitions] first_day to an earlier day."
    )


def _is_old(span: Span | None, first_recent: date) -> bool:
    """Whether a span has no recent day."""
    return span is not None and span.last < first_recent


def _requests(etl: Etl, job: str, span: Span, due: list[date]) -> Iterator[dg.RunRequest]:
    """The runs that share a span."""
    quarter = round_up(etl.clock.now(), QUARTER_HOUR)
    due_texts = sorted(f"{day}+{_due_text(etl, day)}" for day in due)
    news_digest = hashlib.sha256("/".join(due_texts).encode()).hexdigest()[:16]
    run_key = f"{named(etl, job)}/{span}/{news_digest}/{quarter}"
    for number in range(1, 1 + (etl.settings.downloads.runs if job == FILES_JOB.name else 1)):
        yield dg.RunRequest(
            run_key=run_key if number == 1 else f"{run_key}/{number}",
            job_name=named(etl, job),
            tags=span_tags(span) | request_tag(etl) | downloads_tags(etl.tenant, number),
        )


def _due_text(etl: Etl, day: date) -> str:
    due = etl.ledger.due_day(day)
    return f"{due.due_at}+{due.version}"


def _next_try(run: dg.DagsterRun, span: Span, etl: Etl) -> str:
    """What became of the last run of a span, and when the next one starts."""
    ended = "failed" if run.status == dg.DagsterRunStatus.FAILURE else "left due work"
    next_at = format_timestamp(round_up(etl.clock.now(), QUARTER_HOUR))
    return f"Run {run.run_id[:8]} of {span} {ended}; next try at {next_at}."
