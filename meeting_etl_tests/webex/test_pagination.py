import logging

import pytest

from meeting_etl.errors import BadResponse, Forbidden
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.webex.broken_responses import reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen

PARAMS = {"max": "100", "meetingId": "m1"}


class Listed:
    """A listing of `count` items with pages like Webex's and an opaque cursor."""

    def __init__(self, count: int, *, empty_pages: frozenset[int] = frozenset()) -> None:
        self.count = count
        self.empty_pages = empty_pages
        self.faults: dict[tuple[int, int], Act] = {}
        self.tries: dict[int, int] = {}

    def __call__(self, seen: Seen) -> Act:
        start = int(seen.params.get("cursor", "c0").removeprefix("c"))
        self.tries[start] = self.tries.get(start, 0) + 1
        fault = self.faults.pop((start, self.tries[start]), None)
        if fault:
            return fault
        size = 0 if start in self.empty_pages else int(seen.params["max"])
        self.empty_pages -= {start}
        items = [{"id": number} for number in range(start, min(start + size, self.count))]
        end = start + len(items)
        more = end < self.count
        link = f'<http://{seen.headers["Host"]}{seen.path}?cursor=c{end}>; rel="next"'
        if more and not items:
            link = link.replace(f"c{end}", f"c{end}&again=yes")
        return Reply({"items": items}, headers={"Link": link} if more else {})


def ids(pages: list[list[dict[str, object]]]) -> list[object]:
    return [item["id"] for page in pages for item in page]


@pytest.mark.parametrize("status", [203, 206])
def test_an_incomplete_empty_response_is_not_an_empty_listing(
    connect: Connect, serve: Serve, status: int
) -> None:
    listed = Listed(1)
    listed.faults[0, 1] = Reply({"items": []}, status)
    assert ids(list(connect(serve(listed).url).pages("/recordings", PARAMS))) == [0]
    server = serve(lambda seen: Reply({"items": []}, status))
    with pytest.raises(BadResponse, match=f"{status} to GET /v1/recordings"):
        list(connect(server.url).pages("/recordings", PARAMS))


def test_all_pages_are_read_to_the_end(connect: Connect, serve: Serve) -> None:
    server = serve(Listed(250))
    pages = list(connect(server.url).pages("/recordings", {"max": "100", "meetingId": "m 1"}))
    assert ids(pages) == list(range(250))
    assert [len(page) for page in pages] == [100, 100, 50]
    assert {seen.params["meetingId"] for seen in server.seen} == {"m 1"}
    assert len({seen.connection for seen in server.seen}) == 1


def test_an_empty_page_is_not_the_end(connect: Connect, serve: Serve) -> None:
    server = serve(Listed(250, empty_pages=frozenset({0, 100})))
    pages = list(connect(server.url).pages("/recordings", PARAMS))
    assert ids(pages) == list(range(250))
    assert [len(page) for page in pages] == [0, 100, 0, 100, 50]


def test_a_repeated_page_is_an_error(connect: Connect, serve: Serve) -> None:
    def round_again(seen: Seen) -> Act:
        other = {"a": "b", "b": "c", "c": "b"}[seen.params.get("cursor", "a")]
        return Reply(headers={"Link": f"<?cursor={other}>; rel=next"})

    server = serve(round_again)
    with pytest.raises(BadResponse, match="Pagination loop"):
        list(connect(server.url).pages("/recordings", PARAMS))
    assert len(server.seen) == 3


def test_a_next_link_to_the_same_page_is_an_error(connect: Connect, serve: Serve) -> None:
    server = serve(
        lambda seen: Reply(headers={"Link": f"<{seen.path}?max=100&meetingId=m1>; rel=next"})
    )
    with pytest.raises(BadResponse, match="Pagination loop"):
        list(connect(server.url).pages("/recordings", PARAMS))
    assert len(server.seen) == 1


def test_endless_pages_are_an_error(connect: Connect, serve: Serve) -> None:
    server = serve(
        lambda seen: Reply(
            headers={"Link": f"<?cursor={int(seen.params.get('cursor', '0')) + 1}>; rel=next"}
        )
    )
    client = connect(server.url, limits=Limits(pages=50))
    with pytest.raises(BadResponse, match="Pagination loop"):
        list(client.pages("/recordings", PARAMS))
    assert len(server.seen) == 50


def test_the_token_does_not_follow_a_link_to_another_host(connect: Connect, serve: Serve) -> None:
    thief = serve(lambda seen: Reply())
    server = serve(
        lambda seen: Reply(headers={"Link": f"<{thief.url}/recordings?cursor=c2>; rel=next"})
    )
    with pytest.raises(BadResponse, match="another host"):
        list(connect(server.url).pages("/recordings", PARAMS))
    assert thief.seen == []


def test_a_failed_page_is_retried_without_the_earlier_ones(connect: Connect, serve: Serve) -> None:
    listed = Listed(250)
    listed.faults = {
        (100, 1): Reply({"message": "busy"}, 503),
        (100, 2): reset,
        (100, 3): Reply(b"<html>"),
        (200, 1): Reply({"wrong": []}),
        (200, 2): Reply({"items": {}}),
        (200, 3): Reply({"items": ["x"]}),
    }
    server = serve(listed)
    assert ids(list(connect(server.url).pages("/recordings", PARAMS))) == list(range(250))
    assert listed.tries == {0: 1, 100: 4, 200: 4}


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refused_later_page_says_nothing_of_what_is_listed(
    connect: Connect, serve: Serve, status: int
) -> None:
    listed = Listed(250)
    listed.faults = {(100, 1): Reply({"message": "The cursor has expired."}, status)}
    with pytest.raises(BadResponse, match=r"later page is missing.*cursor has expired"):
        connect(serve(listed).url).pages("/recordings", PARAMS)


def test_a_refused_first_page_is_a_refusal_of_the_listing(connect: Connect, serve: Serve) -> None:
    refusal = Reply({"message": "no", "trackingId": "ROUTER_1"}, 403)
    with pytest.raises(Forbidden):
        connect(serve(lambda seen: refusal).url).pages("/recordings", PARAMS)


class Bound:
    """A listing whose cursors are good for the `max` alone that they were given for.

    A page of more than `most` items from item `heavy_from` on takes too long, which is 504. With
    `names_max` a next link has `max` in it.
    """

    def __init__(self, count: int, *, most: int, heavy_from: int = 0, names_max: bool) -> None:
        self.count = count
        self.most = most
        self.heavy_from = heavy_from
        self.names_max = names_max
        self.fewest = 1

    def __call__(self, seen: Seen) -> Act:
        size = int(seen.params["max"])
        start, bound = map(int, seen.params.get("cursor", f"0-{size}").split("-"))
        if size != bound or size < self.fewest:
            return Reply({"message": "max", "trackingId": "T"}, 400)
        if size > self.most and start >= self.heavy_from:
            return Reply(b"", 504)
        end = min(start + size, self.count)
        more = f"&max={size}" if self.names_max else ""
        link = {"Link": f"<?cursor={end}-{size}{more}>; rel=next"} if end < self.count else {}
        return Reply({"items": [{"id": number} for number in range(start, end)]}, headers=link)


@pytest.mark.parametrize("names_max", [True, False])
def test_504_halves_the_page_size_until_it_works(
    connect: Connect, serve: Serve, names_max: bool
) -> None:
    server = serve(Bound(90, most=30, names_max=names_max))
    assert ids(connect(server.url).pages("/recordings", PARAMS)) == list(range(90))
    assert [seen.params["max"] for seen in server.seen] == ["100", "50", *["25"] * 4]


@pytest.mark.parametrize("names_max", [True, False])
def test_504_on_a_later_page_restarts_the_listing_without_duplicates(
    connect: Connect, serve: Serve, names_max: bool
) -> None:
    server = serve(Bound(250, most=60, heavy_from=100, names_max=names_max))
    assert ids(connect(server.url).pages("/recordings", PARAMS)) == list(range(250))
    sizes = [(seen.params["max"], seen.params.get("cursor")) for seen in server.seen]
    # The first page, the second one twice, then all from the beginning in fifties.
    assert sizes[:3] == [("100", None), ("100", "100-100"), ("100", "100-100")]
    assert sizes[3:] == [("50", None), *(("50", f"{start}-50") for start in (50, 100, 150, 200))]


def test_a_refused_smaller_max_is_reset(connect: Connect, serve: Serve) -> None:
    listed = Bound(90, most=1000, names_max=True)
    listed.fewest = 100
    faults = iter([Reply(b"", 504)])

    def answer(seen: Seen) -> Act:
        if seen.path == "/v1/people/me":  # whether it is Webex that refuses
            return Reply({"id": "p1"})
        return next(faults, None) or listed(seen)

    server = serve(answer)
    assert ids(connect(server.url).pages("/recordings", PARAMS)) == list(range(90))
    assert [seen.params["max"] for seen in server.seen if "max" in seen.params] == [
        "100",
        "50",
        "100",
    ]


def test_a_refused_corrected_link_is_followed_unchanged(connect: Connect, serve: Serve) -> None:
    def answer(seen: Seen) -> Act:
        if "cursor" not in seen.params:
            return Reply({"items": [{"id": 1}]}, headers={"Link": "<?cursor=c2>; rel=next"})
        if set(seen.params) != {"cursor"}:
            return Reply({"message": "cursor alone", "trackingId": "T"}, 400)
        return Reply({"items": [{"id": 2}]})

    server = serve(answer)
    assert ids(connect(server.url).pages("/recordings", PARAMS)) == [1, 2]
    assert len(server.seen) == 3


def test_a_single_504_on_a_later_page_retries_that_page(connect: Connect, serve: Serve) -> None:
    listed = Listed(250)
    listed.faults = {(100, 1): Reply(b"", 504)}
    server = serve(listed)
    assert ids(connect(server.url).pages("/recordings", PARAMS)) == list(range(250))
    assert [seen.params["max"] for seen in server.seen] == ["100"] * 4


def test_a_full_last_page_without_a_link_is_mentioned(
    connect: Connect, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    list(connect(serve(Listed(100)).url).pages("/recordings", PARAMS))
    assert "full" in caplog.text
    caplog.clear()
    list(connect(serve(Listed(99)).url).pages("/recordings", PARAMS))
    assert caplog.text == ""


def test_no_more_than_max_pages_are_fetched(connect: Connect, serve: Serve) -> None:
    server = serve(Listed(250))
    assert len(connect(server.url).pages("/recordings", PARAMS, max_pages=2)) == 2
    assert len(server.seen) == 2


def test_parameters_are_encoded_so_that_they_arrive(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply())
    params = {
        "from": "2026-03-02T00:00:00Z",
        "hostEmail": "wilma+b&c=d@sales.example",
        "q": "ä %2F",
    }
    list(connect(server.url).pages("/recordings", params))
    assert server.seen[0].params == params
