"""Faults within responses of status 200: links, pages, items and fields."""

from typing import Any

import pytest
import requests

from meeting_etl.sandbox.world.model import World
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.sandbox.conftest import UNTIL, OpenWalker, Serve


@pytest.fixture(scope="module")
def world() -> World:
    return sized_world(1, UNTIL, meetings=3, participants=25, snippets=4)


def people(world: World, **more: object) -> dict[str, Any]:
    return {"meetingId": world.meetings[0].id, "max": 10, **more}


def test_next_links_that_lead_astray(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    query = people(world, hostEmail=world.owner.email)
    faults = {"empty_page_every": 0}
    repeated = open_walker(serve(world, repeated_next_link=1.0, **faults)).get(
        "/meetingParticipants", **query
    )
    assert repeated.links["next"]["url"] == repeated.url

    unfiltered = open_walker(serve(world, unfiltered_next_link=1.0, **faults)).get(
        "/meetingParticipants", **query
    )
    assert "meetingId" not in unfiltered.links["next"]["url"]
    assert "max=10" in unfiltered.links["next"]["url"]
    assert "cursor=" in unfiltered.links["next"]["url"]

    webex = serve(world, foreign_next_link=1.0, **faults)
    foreign = open_walker(webex).get("/meetingParticipants", **query)
    link = foreign.links["next"]["url"]
    assert link.startswith("http://localhost:")
    assert webex.counters.tokens_elsewhere == 0
    headers = {"Authorization": f"Bearer {webex.token('user')}"}
    assert requests.get(link, headers=headers, timeout=60).json() == {"items": []}
    assert webex.counters.tokens_elsewhere == 1


def test_link_faults_spare_lists_of_one_page(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    webex = serve(world, foreign_next_link=1.0)
    assert "Link" not in open_walker(webex).get("/recordings").headers
    assert webex.counters.injected["foreign_next_link"] == 0


def test_an_empty_first_page(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, empty_first_page=1.0)
    walker = open_walker(webex)
    first = walker.get("/recordings")
    assert first.json() == {"items": []}
    assert len(walker.items("/recordings")) == 3
    assert webex.counters.injected["empty_first_page"] == 2


def test_a_page_that_repeats_an_item(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, repeated_items=1.0)
    found = [
        item["id"] for item in open_walker(webex).items("/meetingParticipants", **people(world))
    ]
    assert len(found) == 27
    assert len(set(found)) == 25
    assert webex.counters.injected["repeated_items"] == 2


def test_changed_answers_stay_changed(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    webex = serve(world, numbers_in_strings=1.0, unknown_fields=1.0)
    for _ in range(4):
        (item, *_) = open_walker(webex).items("/recordings")
        assert item["durationSeconds"] == "1800"
        assert item["shareToMe"] is False
        assert item["sentiment"] == {"score": 7, "words": ["calm", "brisk"]}
    assert webex.counters.injected == {"numbers_in_strings": 4, "unknown_fields": 4}
    detail = open_walker(webex).item(f"/recordings/{world.meetings[0].recordings[0].id}")
    assert detail["sizeBytes"] == "50000000"


def test_a_field_of_another_type(serve: Serve, open_walker: OpenWalker, world: World) -> None:
    walker = open_walker(serve(world, changed_types=1.0))
    assert walker.items("/recordings")[0]["durationSeconds"] == {"value": 1800}
    assert walker.items("/meetingParticipants", **people(world))[0]["displayName"] == {
        "value": "Person 0"
    }


def test_items_that_do_not_say_whose_they_are(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    walker = open_walker(serve(world, missing_meeting_ids=1.0))
    items = walker.items("/recordings")
    assert [item.get("meetingId") for item in items] == ["", None, items[2]["meetingId"]]
    assert "_I_" in items[2]["meetingId"]


def test_texts_that_begin_in_the_middle_of_a_character(
    serve: Serve, open_walker: OpenWalker, world: World
) -> None:
    answer = open_walker(serve(world, halved_characters=1.0)).get("/recordings")
    assert answer.text.count(r'"topic":"\ud83d') == 3


def test_changes_hit_some_urls_only(serve: Serve, open_walker: OpenWalker) -> None:
    world = sized_world(1, UNTIL, meetings=40, participants=1, snippets=1)
    walker = open_walker(serve(world, unknown_fields=0.3))
    hit = [
        "sentiment" in walker.items("/meetingParticipants", meetingId=meeting.id)[0]
        for meeting in world.meetings
    ]
    assert 4 <= sum(hit) <= 20
