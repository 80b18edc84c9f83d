"""What a chart is made of, and the parts that several charts share.

Belongs here: the class, shared encodings and the look of all charts. Does not: the charts
(span_charts.py, meeting_charts.py), drawing them (drawing.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import chain, count
from typing import Any

# A Vega-Lite specification, or a part of one.
Spec = dict[str, Any]

# Colours with a contrast of 3 to a white and to a black page; printed without colour they differ.
BLUE, ORANGE, TEAL, PURPLE, GREY = "#3b74c7", "#d67c22", "#238a7d", "#8a5cc4", "#8a919c"
_WIDTH = 640
_DAY_MS = 86_400_000
_LABEL_CHARACTERS = 40
# A row of a chart with one row per account, series or person.
ROW = {"step": 20}


@dataclass(frozen=True)
class Chart:
    """A question with its answer as a picture.

    The rows of its query are the data of `spec`, a Vega-Lite specification without data. `note`
    says how to read it, `empty` what it means that there are no rows.
    """

    name: str
    title: str
    note: str
    empty: str
    spec: Spec

    @property
    def sql(self) -> str:
        """Its query, with the parameters of its report: $first and $last, or $meeting_id."""
        return query(self.name)


def query(name: str) -> str:
    """The text of queries/<name>.sql, in which {local} stands for that of queries/local.sql."""
    folder = resources.files("meeting_etl.report").joinpath("queries")
    text = folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return text.replace("{local}", folder.joinpath("local.sql").read_text(encoding="utf-8"))


def day_axis(title: str, *, grid: bool = True) -> Spec:
    """The field `day`, an ISO date, on a horizontal axis; in UTC, as a date has no time zone."""
    return {
        "field": "day",
        "type": "temporal",
        "timeUnit": "utcyearmonthdate",
        "title": title,
        "axis": {
            "tickCount": 8,
            "tickMinStep": _DAY_MS,
            "grid": grid,
            # Of few days Vega has ticks at noon, too, which would repeat the day.
            "labelExpr": "utchours(datum.value) ? '' : datum.label",
        },
    }


def quantity(field: str, title: str, **more: Any) -> Spec:
    """The encoding of a number."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def category(field: str, **more: Any) -> Spec:
    """The encoding of a name, which needs no title; in the order of the rows."""
    return {"field": field, "type": "nominal", "title": None, "sort": None, **more}


def colour(field: str, by_name: Mapping[str, str]) -> Spec:
    """The encoding of a name by a colour."""
    return category(field, scale={"domain": [*by_name], "range": [*by_name.values()]})


def mark(kind: str, **more: Any) -> Spec:
    """A mark of that kind."""
    return {"type": kind, **more}


def whole_numbers() -> Spec:
    """An axis of counts: no ticks between them."""
    return {"format": "d", "tickMinStep": 1}


def full(chart: Chart, rows: Sequence[Mapping[str, Any]], *, ink: str = "currentColor") -> Spec:
    """The whole specification: with data, size and look.

    `ink` is the colour of text and lines; by default that of the page around the chart.
    """
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": chart.title,
        "data": {"values": _shortened(rows)},
        "width": _WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
        # Fonts of browsers are wider than the one that the static picture is measured with.
        "padding": {"left": 12, "right": 5, "top": 5, "bottom": 5},
        **chart.spec,
        "encoding": {**_in_order(chart.spec["encoding"], rows), "tooltip": _tooltip(rows)},
        "config": {
            "background": None,
            # The colour of what has no value, in marks with "invalid": "show".
            "scale": {"invalid": {"color": {"value": GREY}}},
            "font": "system-ui, sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": ink,
                "titleColor": ink,
                "titleFontWeight": "normal",
                "domainColor": ink,
                "tickColor": ink,
                "gridColor": ink,
                "gridOpacity": 0.15,
                # Labels are shortened before: Vega cuts emoji in halves, which cannot be drawn.
                "labelLimit": 0,
                "labelOverlap": True,
                "labelSeparation": 8,
            },
            "legend": {
                "labelColor": ink,
                "titleColor": ink,
                "titleFontWeight": "normal",
                "orient": "top",
                "columns": 2,
                "columnPadding": 30,
            },
            "text": {"color": ink},
        },
    }


# Days and times are read as moments, everything else as it is.
_MOMENTS = {
    "day": "utcyearmonthdate",
    "from": "utchoursminutesseconds",
    "to": "utchoursminutesseconds",
}


def _tooltip(rows: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """What is shown of a row when its mark is pointed at: all of it."""
    shown = []
    for name in rows[0] if rows else ():
        moment = {"type": "temporal", "timeUnit": _MOMENTS[name]} if name in _MOMENTS else {}
        shown.append({"field": name, "type": "nominal", "title": name.replace("_", " "), **moment})
    return shown


def _in_order(encoding: Spec, rows: Sequence[Mapping[str, Any]]) -> Spec:
    """The encoding with names from top to bottom as in the rows, of which a layer may lack some."""
    y = encoding.get("y", {})
    if y.get("type") != "nominal":
        return encoding
    names = dict.fromkeys(row[y["field"]] for row in _shortened(rows))
    return {**encoding, "y": {**y, "sort": [*names]}}


def _shortened(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with texts that fit beside an axis; different texts of a column stay different."""
    short: dict[tuple[str, str], str] = {}
    taken: set[tuple[str, str]] = set()

    def label(column: str, text: str) -> str:
        if (column, text) not in short:
            cut = text if len(text) <= _LABEL_CHARACTERS else f"{text[: _LABEL_CHARACTERS - 1]}…"
            others = (f"{cut} ({number})" for number in count(2))
            free = next(name for name in chain([cut], others) if (column, name) not in taken)
            taken.add((column, free))
            short[column, text] = free
        return short[column, text]

    return [
        {
            name: label(name, value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]
