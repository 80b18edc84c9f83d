from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.errors import BadResponse
from meeting_etl.webex.next_link import next_page, with_half_max

PAGE = "https://webex.example/v1/recordings?max=100&meetingId=m1"


PARAMS = {"max": "100", "meetingId": "m1"}


def params_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


# The Link header


@pytest.mark.parametrize(
    "header",
    [
        '<https://webex.example/v1/recordings?cursor=c2>; rel="next"',
        "<https://webex.example/v1/recordings?cursor=c2>; rel=next",
        "<https://webex.example/v1/recordings?cursor=c2>;rel=next",
        '<https://webex.example/v1/recordings?cursor=c2> ; REL = "Next"',
        '<https://webex.example/v1/recordings?cursor=c2>; rel="last next"',
        '<https://webex.example/v1/recordings?cursor=c2>; title="a, b; rel=prev"; rel="next"',
        '<https://webex.example/a,b?cursor=c1>; rel="prev", </v1/recordings?cursor=c2>; rel="next"',
        '</a?cursor=c1>;rel="first",</v1/recordings?cursor=c2>;rel="next",</a?cursor=c9>;rel="last"',
        "<https://WEBEX.example:443/v1/recordings?cursor=c2>; rel=next",
        "</v1/recordings?cursor=c2>; rel=next",
        "<//webex.example/v1/recordings?cursor=c2>; rel=next",
        "<recordings?cursor=c2>; rel=next",
        "<?cursor=c2>; rel=next",
        "<https://webex.example/v1/recordings?cursor=c2>; rel='next'",
        "<?cursor=c2>; title='a, b; c'; REL='last Next'",
        "<?cursor=c2>; title=that's; rel=next",
        "</a?cursor=c1>; rel='prev', <?cursor=c2>; rel='next'",
    ],
)
def test_every_form_of_a_next_link(header: str) -> None:
    page = next_page(header, PAGE, PARAMS)
    assert page
    assert page.url.startswith("https://webex.example/v1/recordings?")
    assert params_of(page.url)["cursor"] == "c2"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        '<https://webex.example/v1/recordings?cursor=c1>; rel="prev"',
        '<https://webex.example/v1/recordings?cursor=c1>; rel="nextish"',
        '<https://webex.example/v1/recordings?cursor=c1>; title="; rel=next"',
        "<https://webex.example/v1/recordings?cursor=c1>; rel='prev'",
        "<https://webex.example/next?cursor=next>; rel=prev; title='next'",
    ],
)
def test_no_next_link(header: str) -> None:
    assert next_page(header, PAGE, PARAMS) is None


@pytest.mark.parametrize(
    "header",
    [
        "https://webex.example/v1/recordings?cursor=c2; rel=next",
        '<https://webex.example/v1/recordings?cursor=c2; rel="next"',
        '<https://webex.example/v1/recordings?cursor=c2> rel="next"',
        '<https://webex.example/v1/recordings?cursor=c2>; rel="next',
        "<https://webex.example/v1/recordings?cursor=c2>; rel='next",
        "</a?cursor=c1>; rel=prev, /v1/recordings?cursor=c2; rel=NEXT",
    ],
)
def test_a_header_that_mentions_a_next_page_but_cannot_be_parsed(header: str) -> None:
    with pytest.raises(BadResponse, match="cannot be parsed"):
        next_page(header, PAGE, PARAMS)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/v1/recordings?cursor=c2",
        "http://webex.example/v1/recordings?cursor=c2",
        "https://webex.example:8443/v1/recordings?cursor=c2",
        "https://webex.example.evil.example/v1/recordings?cursor=c2",
        "https://webex.example@evil.example/v1/recordings?cursor=c2",
        r"https://webex.example\@evil.example/v1/recordings?cursor=c2",
        "//evil.example/v1/recordings?cursor=c2",
        "https://[bad/v1",
        "https://webex.example:port/v1",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_elsewhere_is_refused_and_not_quoted(target: str) -> None:
    with pytest.raises(BadResponse, match="another host") as caught:
        next_page(f"<{target}>; rel=next", PAGE, PARAMS)
    assert "cursor" not in str(caught.value)
    assert "/v1/recordings" in str(caught.value)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_no_header_crashes_it_or_leads_away(header: str) -> None:
    for text in (header, f"<{header}>; rel=next"):
        try:
            page = next_page(text, PAGE, PARAMS)
        except BadResponse:
            continue
        if page:
            assert page.url.startswith("https://webex.example/")
            assert page.url.isascii()
            assert " " not in page.url


# Filters


def test_filters_that_the_link_dropped_are_added_again() -> None:
    params = {"meetingId": "m_1 ä", "hostEmail": "wilma+x@sales.example", "max": "100"}
    page = next_page("<?cursor=c2>; rel=next", PAGE, params)
    assert page
    assert params_of(page.url) == {"cursor": "c2", **params}


def test_a_filter_that_the_link_changed_is_restored() -> None:
    page = next_page(
        "<?meetingId=m2&hostEmail=&cursor=c2>; rel=next",
        PAGE,
        {"meetingId": "m1", "hostEmail": "wilma@sales.example"},
    )
    assert page
    assert params_of(page.url) == {
        "meetingId": "m1",
        "hostEmail": "wilma@sales.example",
        "cursor": "c2",
    }


def test_page_parameters_are_taken_from_the_link() -> None:
    moved = {"max": "50", "offset": "50", "from": "2026-03-02T00:00:00.000Z", "to": "now"}
    query = "&".join(f"{name}={value}" for name, value in moved.items())
    params = {"max": "100", "offset": "0", "from": "2026-03-02T00:00:00Z", "to": "then"}
    page = next_page(f"<?{query}>; rel=next", PAGE, params)
    assert page
    assert params_of(page.url) == moved


@pytest.mark.parametrize(
    "cursor", ["ab+cd/e==", "ab%2Bcd%2Fe%3D%3D", "bGltaXQ6MTAwLHN0YXJ0OjEwMA", "a,b;c", "%zz"]
)
def test_a_cursor_goes_back_byte_for_byte(cursor: str) -> None:
    page = next_page(f"<?cursor={cursor}>; rel=next", PAGE, {"max": "100"})
    assert page
    assert f"?cursor={cursor}&" in page.url


def test_a_filter_that_is_there_in_another_encoding_is_left_alone() -> None:
    params = {"from": "2026-03-02T00:00:00Z", "hostEmail": "wilma@sales.example"}
    page = next_page("<?hostEmail=wilma%40sales.example&cursor=c2>; rel=next", PAGE, params)
    assert page
    assert page.url.count("hostEmail") == 1


def test_a_corrected_link_keeps_its_original() -> None:
    page = next_page("<?cursor=c2>; rel=next", PAGE, PARAMS)
    assert page
    assert page.original == "https://webex.example/v1/recordings?cursor=c2"
    page = next_page("<?cursor=c2&max=100&meetingId=m1>; rel=next", PAGE, PARAMS)
    assert page
    assert page.original is None


# The page size


@pytest.mark.parametrize(
    ("before", "after"), [("100", "50"), ("25", "12"), ("1", None), ("many", None), ("²", None)]
)
def test_half_as_many(before: str, after: str | None) -> None:
    found = with_half_max({"max": before, "meetingId": "m1"})
    assert found == (None if after is None else {"max": after, "meetingId": "m1"})


def test_half_of_nothing() -> None:
    assert with_half_max({"maximum": "100"}) is None
