"""The last 30 days as a picture: for each day and resource, how much of it is answered.

Belongs here: the picture, an SVG within Markdown, which the UI shows. Does not: counting
(pipeline/ledger/coverage.py), the view `coverage`, which has the numbers (lake/views/).
"""

import base64
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from html import escape
from typing import TYPE_CHECKING

from meeting_etl.pipeline.ledger.work_item import RESOURCES

if TYPE_CHECKING:
    from meeting_etl.pipeline.ledger.coverage import Coverage

DAYS = 30
_CELL, _GAP, _LEFT, _TOP = 16, 2, 140, 4
_EMPTY, _ANSWERED, _MOST, _SOME, _FAILED = "#d1d5db", "#15803d", "#86efac", "#fde047", "#dc2626"
_LEGEND = (
    "Dark green: every work item is answered. Light green: more than half; yellow: fewer; the rest "
    "is fetched later. Red: some failed. Grey: no work items. Times are UTC."
)


def coverage_map(entries: Iterable["Coverage"], today: date) -> str:
    """Markdown with the picture and what its colours mean."""
    colours = {(entry.resource, entry.day): _colour(entry) for entry in entries}
    used = {resource for resource, _ in colours}
    resources = [resource for resource in RESOURCES if resource in used]
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    width, height = _LEFT + DAYS * _CELL, _TOP + (len(resources) + 1) * _CELL + _GAP
    # One path for each colour: a picture is part of the metadata of every run.
    squares: dict[str, list[str]] = defaultdict(list)
    texts = []
    for row, resource in enumerate(resources):
        texts.append(_text(_LEFT - 6, row, resource, anchor="end"))
        for column, day in enumerate(days):
            at = f"M{_LEFT + column * _CELL} {_TOP + row * _CELL}"
            side = _CELL - _GAP
            colour = colours.get((resource, day), _EMPTY)
            squares[colour].append(f"{at}h{side}v{side}h-{side}z")
    for column, day in enumerate(days):
        if day.weekday() == 0:
            texts.append(_text(_LEFT + column * _CELL, len(resources), f"{day:%d %b}"))
    paths = [f'<path fill="{colour}" d="{"".join(path)}"/>' for colour, path in squares.items()]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f"{''.join(paths)}{''.join(texts)}</svg>"
    )
    picture = base64.b64encode(svg.encode()).decode()
    return f"![Coverage of the last {DAYS} days](data:image/svg+xml;base64,{picture})\n\n{_LEGEND}"


def _text(x: int, row: int, text: str, *, anchor: str = "start") -> str:
    y = _TOP + row * _CELL + 11
    style = f'font-family="sans-serif" font-size="11" fill="#6b7280" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _colour(entry: "Coverage") -> str:
    open_items = entry.statuses["waiting"]
    if entry.statuses["failed"]:
        return _FAILED
    if not open_items:
        return _ANSWERED
    return _MOST if open_items * 2 < entry.statuses.total() else _SOME
