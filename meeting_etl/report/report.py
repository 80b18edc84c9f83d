"""write_report() and write_meeting_report(): the tables as one HTML file.

Belongs here: what a report is about, its figures, its file. Does not: charts (span_charts.py,
meeting_charts.py), the page (page.py).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.lake import catalog
from meeting_etl.report import drawing
from meeting_etl.report.chart import GREY, Chart, full, query
from meeting_etl.report.meeting_charts import MEETING_CHARTS
from meeting_etl.report.page import Drawn, page
from meeting_etl.report.span_charts import COVERAGE, SPAN_CHARTS
from meeting_etl.times import Clock, Span, utc_day

DAYS = 31
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TITLE_CHARACTERS = 200
LATEST = "reports/latest.html"


def latest_days(clock: Clock) -> Span:
    """The days of a report that names none: today and the 30 before."""
    today = utc_day(clock.now())
    return Span(today - timedelta(days=DAYS - 1), today)


def report_name(span: Span | None, meeting_id: str | None) -> str:
    """Where a report goes by default, below the data folder."""
    if meeting_id is not None:
        return f"reports/meeting_{re.sub(r'[^A-Za-z0-9_-]', '_', meeting_id)}.html"
    return LATEST if span is None else f"reports/{span.first}_{span.last}.html"


def write_report(
    files: Files, span: Span, path: Path, clock: Clock, *, data_dir: str | Path | None = None
) -> None:
    """The report about some days. Raises SettingsError, and StorageError.

    `data_dir` is where the tables are, by default with the files.
    """
    parameters = {"first": span.first, "last": span.last}
    with catalog.Queries(data_dir or files.root) as queries:
        (row,) = _rows(queries, query("overview"), parameters)
        charts = _drawn(queries, SPAN_CHARTS, parameters)
    figures = {name.replace("_", " "): _number(value) for name, value in row.items()}
    _write(files, path, f"Meetings, {span}", _made(clock), figures, charts)


def write_meeting_report(
    files: Files, meeting_id: str, path: Path, clock: Clock, *, data_dir: str | Path | None = None
) -> None:
    """The report about one meeting: who was there, and who spoke when.

    Raises SettingsError, and StorageError.
    """
    parameters = {"meeting_id": meeting_id}
    with catalog.Queries(data_dir or files.root) as queries:
        found = _rows(queries, query("meeting"), parameters)
        if not found:
            raise SettingsError(
                f"There is no meeting {meeting_id}. To list all: "
                'meeting-etl sql "FROM meeting_overview ORDER BY started_at DESC"'
            )
        charts = _drawn(queries, MEETING_CHARTS, parameters)
    title = (found[0]["title"] or "").strip() or "Meeting without title"
    _write(
        files,
        path,
        title if len(title) <= _TITLE_CHARACTERS else f"{title[: _TITLE_CHARACTERS - 1]}…",
        f"{meeting_id} · {_made(clock)}",
        _meeting_figures(found[0]),
        charts,
    )


def coverage_svg(data_dir: str | Path, span: Span) -> str:
    """The heat map of the report alone, in grey ink for pages of any colour.

    Raises SettingsError, and StorageError.
    """
    with catalog.Queries(data_dir) as queries:
        rows = _rows(queries, COVERAGE.sql, {"first": span.first, "last": span.last})
    return drawing.svg(full(COVERAGE, rows, ink=GREY))


def _meeting_figures(row: Mapping[str, Any]) -> dict[str, str]:
    minutes = row["duration_seconds"] and row["duration_seconds"] / 60
    missing = row["missing"] or {}
    return {
        "host": row["host_email"] or "unknown",
        "time zone": row["timezone"] or "unknown",
        "local start": f"{row['local_started_at'] or 'unknown'}",
        "started at (UTC)": f"{row['utc_started_at'] or 'unknown'}",
        "ended at (UTC)": f"{row['utc_ended_at'] or 'unknown'}",
        "minutes": _number(minutes),
        "attendees": _number(row["attendees"]),
        "recorded": _state(row["recorded"], missing.get("recordings")),
        "transcribed": _state(row["transcribed"], missing.get("transcripts")),
        "participants": _state(row["attendees"] is not None, missing.get("participants")),
    }


def _state(is_here: bool, reason: str | None) -> str:
    """yes, or why not: an absence that is not known yet is no absence."""
    return "yes" if is_here else (reason or "no").replace("_", " ")


def _made(clock: Clock) -> str:
    return f"made by meeting_etl on {clock.now():%Y-%m-%d %H:%M} UTC"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.0f}"


def _drawn(
    queries: catalog.Queries, charts: Sequence[Chart], parameters: Mapping[str, object]
) -> list[Drawn]:
    return [Drawn(chart, _rows(queries, chart.sql, parameters), parameters) for chart in charts]


def _rows(
    queries: catalog.Queries, sql: str, parameters: Mapping[str, object]
) -> list[dict[str, Any]]:
    names, rows = queries.query(sql, parameters)
    return [
        {name: _drawable(value) for name, value in zip(names, row, strict=True)} for row in rows
    ]


def _drawable(value: object) -> object:
    """The value, without characters that SVG cannot have: drawing them ends the process."""
    return _NOT_IN_XML.sub("\ufffd", value) if isinstance(value, str) else value


def _write(
    files: Files,
    path: Path,
    title: str,
    subtitle: str,
    figures: Mapping[str, str],
    charts: Sequence[Drawn],
) -> None:
    content = page(title, subtitle, figures, charts).encode()
    files.of(path.parent).replace_bytes(path.name, content)
