"""Which items of a window may be of a meeting that they do not name."""

from datetime import UTC, datetime
from typing import Any

import pytest

from meeting_etl.pipeline.fetch.ownership import may_own
from meeting_etl.pipeline.fetch.spec import Target
from meeting_etl.pipeline.ledger.work_item import WorkItem

SERIES = "0" * 32
MEETING = f"{SERIES}_I_1"
TARGET = Target(
    WorkItem(MEETING, "recordings"),
    {
        "meeting_id": MEETING,
        "meeting_series_id": SERIES,
        "host_email": "Dana@sales.example",
        "started_at": datetime(2026, 3, 2, 10, 0, tzinfo=UTC),
        "ended_at": datetime(2026, 3, 2, 11, 0, tzinfo=UTC),
    },
)


@pytest.mark.parametrize(
    ("item", "may"),
    [
        # Nothing at all is known of a broken item.
        ({"id": "x", "errors": {}}, True),
        # A broken item that names its meeting is that meeting's.
        ({"meetingId": MEETING, "errors": {}}, True),
        ({"meetingId": f"{SERIES}_I_2"}, False),
        ({"meetingId": None, "meetingSeriesId": SERIES}, True),
        ({"meetingSeriesId": "1" * 32}, False),
        # Uploads are of no meeting.
        ({"format": "UPLOADED", "createTime": "2026-03-02T11:05:00Z"}, False),
        ({"hostEmail": "dana@SALES.example"}, True),
        ({"hostEmail": "rosa@sales.example"}, False),
        # The button is pressed while the meeting goes on, give or take another clock.
        ({"timeRecorded": "2026-03-02T09:50:00Z"}, True),
        ({"timeRecorded": "2026-03-02T10:30:00Z"}, True),
        ({"timeRecorded": "2026-03-02T11:14:00Z"}, True),
        ({"timeRecorded": "2026-03-02T09:40:00Z"}, False),
        ({"timeRecorded": "2026-03-02T11:16:00Z", "createTime": "2026-03-02T12:00:00Z"}, False),
        ({"startTime": "2026-03-02T10:00:10Z"}, True),
        # The file is made after that, however late.
        ({"createTime": "2026-03-01T10:00:00Z"}, False),
        ({"createTime": "2026-03-05T10:00:00Z"}, True),
        ({"createTime": "soon"}, True),
        ({"timeRecorded": 5, "createTime": ["2026"]}, True),
    ],
)
def test_what_could_be_of_the_meeting(item: dict[str, Any], may: bool) -> None:
    assert may_own(TARGET, item, "meetingId") is may
