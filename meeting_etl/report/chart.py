"""What a chart is made of, and the parts that several charts share.

Belongs here: the class, shared encodings and the look of all charts. Does not: the charts
(span_charts.py, meeting_charts.py), drawing them (drawing.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

# A Vega-Lite specification, or a part of one.
Spec = dict[str, Any]

# Colours, readable on a white and on a black page.
BLUE, ORANGE, TEAL, PURPLE, GREY = "#4f8ad9", "#d9822b", "#2a9d8f", "#9b6fd0", "#8a919c"
_WIDTH = 640
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
    """The text of queries/<name>.sql."""
    file = resources.files("meeting_etl.report").joinpath("queries", f"{name}.sql")
    return file.read_text(encoding="utf-8")


def day_axis(title: str) -> Spec:
    """The field `day`, an ISO date, on a horizontal axis; in UTC, as a date has no time zone."""
    return {
        "field": "day",
        "type": "temporal",
        "timeUnit": "utcyearmonthdate",
        "title": title,
        "axis": {"format": "%d %b", "labelOverlap": True, "tickCount": 10},
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
    """A mark that shows its row when it is pointed at."""
    return {"type": kind, "tooltip": {"content": "data"}, **more}


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
        "data": {"values": list(rows)},
        "width": _WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
        # Fonts of browsers are wider than the one that the static picture is measured with.
        "padding": {"left": 12, "right": 5, "top": 5, "bottom": 5},
        **chart.spec,
        "config": {
            "background": None,
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
                "labelLimit": 220,
            },
            "legend": {
                "labelColor": ink,
                "titleColor": ink,
                "titleFontWeight": "normal",
                "orient": "top",
                "columns": 3,
                "columnPadding": 30,
            },
            "text": {"color": ink},
        },
    }
