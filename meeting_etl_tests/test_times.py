from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.times import (
    FastClock,
    Span,
    format_timestamp,
    parse_timestamp,
    round_up,
    spans,
    start_of,
    utc_day,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-05-14T20:26:54Z", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("2021-05-14T20:26:54.123Z", datetime(2021, 5, 14, 20, 26, 54, 123000, tzinfo=UTC)),
        ("2021-05-15T04:26:54+08:00", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("2021-05-14T20:26:54", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("2021-05-14t20:26:54z", datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)),
        ("1970-01-01T00:00:00.000Z", None),
        ("1970-01-01T08:00:00+08:00", None),
    ],
)
def test_every_form_that_the_api_sends(text: str, expected: datetime | None) -> None:
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2021-05-14", "2021-13-14T20:26:54Z", "0001-01-01T00:00:00+14:00"]
)
def test_an_invalid_timestamp_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"timestamp|date|isoformat|month"):
        parse_timestamp(text)


@given(st.integers(1_420_070_400_000, 4_102_444_800_000), st.integers(-14, 14))
def test_a_written_timestamp_is_read_back_whatever_its_zone(epoch_ms: int, hours: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)
    moment = moment.astimezone(timezone(timedelta(hours=hours)))
    assert parse_timestamp(format_timestamp(moment)) == moment


def test_a_day_is_a_utc_day() -> None:
    late = datetime(2026, 3, 1, 20, 0, tzinfo=timezone(timedelta(hours=-8)))
    assert utc_day(late) == date(2026, 3, 2)
    assert start_of(date(2026, 3, 2)) == datetime(2026, 3, 2, tzinfo=UTC)


def test_rounding_up_keeps_a_moment_that_is_already_round() -> None:
    quarter = timedelta(minutes=15)
    assert round_up(datetime(2026, 3, 1, 10, 1, tzinfo=UTC), quarter).minute == 15
    assert round_up(datetime(2026, 3, 1, 10, 15, tzinfo=UTC), quarter).minute == 15


def test_spans_join_neighbours_and_bridge_gaps() -> None:
    days = [date(2026, 3, 9), date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 5)]
    assert spans(days) == [
        Span(date(2026, 3, 1), date(2026, 3, 2)),
        Span(date(2026, 3, 5), date(2026, 3, 5)),
        Span(date(2026, 3, 9), date(2026, 3, 9)),
    ]
    assert spans(days, bridge_days=2) == [
        Span(date(2026, 3, 1), date(2026, 3, 5)),
        Span(date(2026, 3, 9), date(2026, 3, 9)),
    ]
    assert [str(span) for span in spans(days)] == [
        "2026-03-01 to 2026-03-02",
        "2026-03-05",
        "2026-03-09",
    ]
    assert list(Span(date(2026, 2, 28), date(2026, 3, 1))) == [date(2026, 2, 28), date(2026, 3, 1)]


def test_a_fast_clock_runs_fast_and_jumps_forward_only() -> None:
    start = datetime(2021, 5, 14, 6, tzinfo=UTC)
    clock = FastClock(start, 3600)
    began = clock.monotonic()
    clock.sleep(0.01)
    assert start + timedelta(seconds=36) <= clock.now()
    assert clock.now() <= start + timedelta(hours=clock.monotonic() - began + 1)
    clock.jump(start + timedelta(days=3))
    assert clock.now() >= start + timedelta(days=3)
    clock.jump(start)
    assert clock.now() >= start + timedelta(days=3)
