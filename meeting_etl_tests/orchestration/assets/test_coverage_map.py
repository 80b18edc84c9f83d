"""The picture of the last 30 days."""

import base64
import re
from collections import Counter
from datetime import date
from xml.etree import ElementTree as ET

from meeting_etl.orchestration.assets.coverage_map import coverage_map
from meeting_etl.pipeline.ledger.coverage import Coverage

TODAY = date(2026, 3, 31)
GREEN, LIGHT_GREEN, YELLOW, RED, GREY = "#15803d", "#86efac", "#fde047", "#dc2626", "#d1d5db"


def entry(day: int, resource: str, **statuses: int) -> Coverage:
    return Coverage(date(2026, 3, day), resource, Counter(statuses))


def squares(markdown: str) -> dict[str, set[tuple[int, int]]]:
    """Column and row of the squares of each colour."""
    (data,) = re.findall(r"base64,([^)]*)\)", markdown)
    svg = ET.fromstring(base64.b64decode(data))  # noqa: S314 - our own
    return {
        path.attrib["fill"]: {
            ((int(x) - 140) // 16, (int(y) - 4) // 16)
            for x, y in re.findall(r"M(\d+) (\d+)", path.attrib["d"])
        }
        for path in svg.iter("{http://www.w3.org/2000/svg}path")
    }


def test_each_day_and_resource_is_a_square_of_the_colour_of_its_work_items() -> None:
    found = squares(
        coverage_map(
            [
                entry(31, "participants", ready=1, waiting=9),
                entry(30, "recordings", ready=3, waiting=1),
                entry(30, "participants", ready=2, absent=1, forbidden=1, gone=1),
                entry(2, "recordings", ready=99, failed=1),
            ],
            TODAY,
        )
    )
    # Recordings are the first row; today, the 31st, is the last column.
    assert found[YELLOW] == {(29, 1)}
    assert found[LIGHT_GREEN] == {(28, 0)}
    assert found[GREEN] == {(28, 1)}
    assert found[RED] == {(0, 0)}
    assert len(found[GREY]) == 2 * 30 - 4


def test_mondays_are_dated_and_resources_named() -> None:
    markdown = coverage_map([entry(30, "recordings", ready=1)], TODAY)
    (data,) = re.findall(r"base64,([^)]*)\)", markdown)
    texts = re.findall(r">([^<]+)</text>", base64.b64decode(data).decode())
    assert texts == ["recordings", "02 Mar", "09 Mar", "16 Mar", "23 Mar", "30 Mar"]


def test_a_picture_is_small() -> None:
    days, resources = range(2, 32), ("meeting", "recordings", "participants", "transcripts")
    entries = [entry(day, resource, ready=1) for day in days for resource in resources]
    assert len(coverage_map(entries, TODAY)) < 5_000


def test_without_work_items_it_says_what_the_colours_mean() -> None:
    assert squares(coverage_map([], TODAY)) == {}
    assert "Grey: no work items" in coverage_map([], TODAY)
