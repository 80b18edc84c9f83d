"""WebVTT files of any text that a file can carry."""

import html

from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.errors import BadResponse
from meeting_etl.pipeline.resources.vtt import Cue, read_vtt
from meeting_etl_tests.pipeline.cues import cues, listed, said

# No line of a cue is empty; the line breaks of WebVTT are CR, LF and both.
LINES = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), min_size=1)
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)
NAMES = st.text(st.characters(whitelist_categories=["L"]), min_size=1, max_size=30)
HOUR_MS = 3_600_000


def stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def written(cue: Cue) -> str:
    assert cue.duration_ms is not None
    times = f"{stamp(cue.offset_ms)} --> {stamp(cue.offset_ms + cue.duration_ms)}"
    return f"{times}\n<v {cue.speaker}>{html.escape(cue.text, quote=False)}</v>\n"


@given(
    st.lists(
        st.builds(Cue, TEXTS, NAMES, st.integers(0, 200 * HOUR_MS), st.integers(0, HOUR_MS)),
        max_size=5,
    )
)
def test_any_text_comes_back_as_it_was_said(spoken: list[Cue]) -> None:
    assert cues("\n".join(["WEBVTT\n", *map(written, spoken)])) == spoken


@given(st.lists(TEXTS.filter(lambda text: not set(text) & set(":：(（")), max_size=5))
def test_any_text_without_speakers_comes_back(texts: list[str]) -> None:
    spoken = [html.escape(text, quote=False) for text in texts]
    assert said(listed(*spoken)) == [(None, text) for text in texts]


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"WEBVTT\n\n", b"WEBVTT\n\n1\n00:01.000 --> "])
)
def test_no_bytes_break_the_reader(content: bytes, before: bytes) -> None:
    try:
        found = read_vtt(before + content)
    except BadResponse:
        assert not before.startswith(b"WEBVTT")
    else:
        assert found.unreadable >= 0
        assert found == read_vtt(before + content)
