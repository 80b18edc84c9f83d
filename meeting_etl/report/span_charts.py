"""The charts of the report about some days.

Belongs here: what each shows, and its picture. Does not: the queries (queries/<chart>.sql), how the
numbers are defined (lake/views/), the report about one meeting (meeting_charts.py).
"""

from meeting_etl.report.chart import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    ROW,
    TEAL,
    Chart,
    category,
    colour,
    day_axis,
    mark,
    quantity,
    whole_numbers,
)

_KINDS = {
    "with external": ORANGE,
    "internal only": BLUE,
    "with unknown guests": PURPLE,
    "webinar": TEAL,
    "attendees unknown": GREY,
}
_ACTIVITY = Chart(
    "activity",
    "Meetings by local day",
    "The day on which a meeting began in its own time zone, else the UTC date of its end. The "
    "report's days are UTC dates of ends, so that its first and last local day may be incomplete.",
    "No meetings ended on these days.",
    {
        "height": 220,
        "mark": mark("bar", binSpacing=0),
        "encoding": {
            "x": day_axis("local day"),
            "y": quantity("meetings", "meetings", axis=whole_numbers()),
            "color": colour("kind", _KINDS),
        },
    },
)

_TALK = Chart(
    "talk_balance",
    "Talk balance in meetings with external attendees",
    "Each meeting counts once, by the internal side's share of what both sides said. Meetings in "
    "which only one side is known to have spoken, and webinars, are left out, and so is talk on an "
    "unknown side. For insight into meetings, not for decisions on employment.",
    "In no meeting of these days are both sides known to have spoken, or person_metrics is off.",
    {
        "height": 200,
        "mark": mark("bar", color=BLUE),
        "encoding": {
            "x": quantity(
                "percent_from",
                "internal side's share of the talk, in percent",
                bin={"binned": True, "step": 10},
                scale={"domain": [0, 100]},
            ),
            "x2": {"field": "percent_to"},
            "y": quantity("meetings", "meetings", axis=whole_numbers()),
        },
    },
)

COVERAGE = Chart(
    "coverage",
    "What is here, by day and resource",
    "Of the meetings that can have something, as those that were recorded: the share whose rows "
    "are here. Grey: none can. What is not here is waiting, failed, forbidden, deleted or lost: "
    "see the figures, and the views coverage and fetch_ledger.",
    "Nothing was fetched for these days.",
    {
        "height": ROW,
        # A frame, as the middle of the scale is pale on a white page.
        "view": {"stroke": GREY},
        "mark": mark("rect", invalid="show"),
        "encoding": {
            "x": day_axis("UTC date on which the meetings ended", grid=False),
            "y": category("resource"),
            "color": quantity(
                "share_here",
                "share here",
                legend={"format": "%", "values": [0, 0.5, 1]},
                scale={"domain": [0, 1], "range": [ORANGE, "#efe2b8", TEAL]},
            ),
        },
    },
)

_ACCOUNTS = Chart(
    "accounts",
    "Accounts met most often",
    "The 20 domains of external addresses with the most meetings, without webinars.",
    "Nobody external is known to have attended a meeting on these days.",
    {
        "height": ROW,
        "mark": mark("bar", color=ORANGE),
        "encoding": {
            "x": quantity("meetings", "meetings", axis=whole_numbers()),
            "y": category("domain"),
        },
    },
)

_SERIES = Chart(
    "series",
    "Attendance of recurring meetings, first and latest occurrence",
    "The 20 series with the most occurrences of those that ran on these days. Ring: attendees of "
    "the first occurrence in the data; dot: of the latest one.",
    "No series took place more than once.",
    {
        "height": ROW,
        "encoding": {
            "y": category("series"),
            "x": quantity("first_attendees", "attendees", axis=whole_numbers()),
        },
        "layer": [
            {
                "mark": {"type": "rule", "color": GREY},
                "encoding": {"x2": {"field": "last_attendees"}},
            },
            {"mark": mark("point", color=BLUE, size=70)},
            {
                "mark": mark("circle", color=BLUE, size=90, opacity=1),
                "encoding": {"x": quantity("last_attendees", "attendees")},
            },
        ],
    },
)

SPAN_CHARTS = (_ACTIVITY, _TALK, COVERAGE, _ACCOUNTS, _SERIES)
