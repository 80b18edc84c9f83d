"""The charts of the report about one meeting.

Belongs here: what each shows, and its picture. Does not: the queries (queries/<chart>.sql), how the
numbers are defined (lake/views/), the report about some days (span_charts.py).
"""

from meeting_etl.report.chart import (
    BLUE,
    ORANGE,
    PURPLE,
    ROW,
    Chart,
    Spec,
    category,
    colour,
    mark,
    quantity,
)

_SIDES = {"internal": BLUE, "external": ORANGE, "unknown": PURPLE}


def _timeline(rows: str) -> Spec:
    """A row for each person with bars on the clock of the meeting's time zone."""
    # Ticks of a short meeting may be seconds apart.
    expression = "utcFormat(datum.value, utcseconds(datum.value) ? '%H:%M:%S' : '%H:%M')"
    axis = {"labelExpr": expression}
    return {
        "height": ROW,
        # Thousands of bars are no text to listen to: the table below is.
        "mark": mark("bar", height={"band": 0.7}, aria=False),
        "encoding": {
            "x": {
                "field": "from",
                "type": "temporal",
                "title": "local time",
                "scale": {"type": "utc"},
                "axis": axis,
            },
            "x2": {"field": "to"},
            "y": category(rows),
            "color": colour("side", _SIDES),
        },
    }


_ATTENDANCE = Chart(
    "attendance",
    "Who was there",
    "Each stay in the meeting, of the 60 persons who stayed longest. Times are those of the "
    "meeting's time zone at its start, of UTC where that is unknown.",
    "Nobody is known to have been inside: participants are not here, or have no times.",
    _timeline("person"),
)

_SPEECH = Chart(
    "speech",
    "Who spoke when",
    "Snippets of one speaker with no more than 2 seconds between them are one bar; of the 40 "
    "speakers who spoke longest.",
    "Nothing that was said is here, or it has no times.",
    _timeline("speaker"),
)

_TALK = Chart(
    "talk",
    "How much each person talked",
    "As in the view talk_time. For insight into meetings, not for decisions on employment.",
    "No talk time is known.",
    {
        "height": ROW,
        "mark": mark("bar"),
        "encoding": {
            "x": quantity("minutes", "minutes"),
            "y": category("speaker"),
            "color": colour("side", _SIDES),
        },
    },
)

MEETING_CHARTS = (_ATTENDANCE, _SPEECH, _TALK)
