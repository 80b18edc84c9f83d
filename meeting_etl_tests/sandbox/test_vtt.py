"""The WebVTT files of GET /meetingTranscripts/{id}/download, read by a library that is not ours."""

from collections import Counter
from collections.abc import Sequence
from html import unescape

import pytest
import webvtt

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import Snippet, Transcript, World
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, A, at, changed, small_world

HOUR_MS = 3_600_000
KEYS = tuple(f"{number:08x}-0000-4000-8000-000000000000_M_{number:032x}" for number in range(60))
NAMES = ("Ada Moss", "R&D <ops>", "Max 🚀 O'Dell", "Надежда", "佐伯 千尋", "Eve > Bob")
TEXTS = (
    "Good morning.",
    "a < b && c > d",
    "an arrow --> no time",
    "00:00:01.000 --> 00:00:02.000",
    "<v Eve>not said by Eve</v>",
    "&amp; as it is",
    "first\nsecond",
    "one\n\ntwo\n\n\nthree",
    "\nbegins and ends\n",
    "  spaces  ",
    "blank\n  \nline",
    "NOTE this",
    "STYLE",
    "dos\r\nline, mac\rline",
    "sep\u2028a\u2029ra\x0bt\x0co\x85r",
    "",
    "ありがとうございます。",
)


def said(key: str) -> tuple[Snippet, ...]:
    """Nasty texts, the last of them after an hour and after more than a day."""
    begins = [number * 7_013 for number in range(len(TEXTS) - 2)] + [HOUR_MS, 107 * HOUR_MS + 5]
    return tuple(
        Snippet(f"{key}_{place:05d}", text, NAMES[place % len(NAMES)], None, begin, 1_999)
        for place, (text, begin) in enumerate(zip(TEXTS, begins, strict=True))
    )


def plain(key: str) -> tuple[Snippet, ...]:
    return tuple(
        Snippet(f"{key}_{place:05d}", f"Sentence {place}", "Ada Moss", None, place * 5_000, 4_000)
        for place in range(24)
    )


def world_of(transcripts: Sequence[Transcript]) -> World:
    return changed(small_world(), A, transcripts=tuple(transcripts))


def written(key: str, snippets: tuple[Snippet, ...]) -> Transcript:
    shown = at("2026-03-02T09:50:00")
    return Transcript(key, at("2026-03-02T09:00:00"), shown, shown, snippets)


@pytest.fixture(scope="module")
def nasty() -> World:
    return world_of([written(key, said(key)) for key in KEYS])


def files(webex: Sandbox, open_walker: OpenWalker) -> dict[str, str]:
    """The files of all transcripts, decoded and no further."""
    walker = open_walker(webex)
    return {
        transcript.id: walker.get(f"/meetingTranscripts/{transcript.id}/download").content.decode()
        for transcript in webex.world.meetings[0].transcripts
    }


def form(text: str) -> str:
    """How a file tells who spoke: what Ada says first is the same in all of them."""
    if "<v Ada Moss>Good morning." in text:
        return "tag"
    return "prefix" if "Ada Moss: Good morning." in text else "none"


def read(text: str, *, strict: bool = True) -> list[webvtt.Caption]:
    return list(webvtt.WebVTT.from_string(text, strict=strict).captions)


def milliseconds(cue: webvtt.Caption) -> tuple[int, int]:
    return cue.start_time.in_milliseconds(), cue.end_time.in_milliseconds()


def test_times_and_texts_can_be_told_exactly_in_every_style(
    serve: Serve, open_walker: OpenWalker, nasty: World
) -> None:
    snippets = {transcript.id: transcript.snippets for transcript in nasty.meetings[0].transcripts}
    for key, text in files(serve(nasty, NOW), open_walker).items():
        for cue, said in zip(read(text), snippets[key], strict=True):
            begin = said.offset_ms
            assert milliseconds(cue) == (begin, begin + said.duration_ms)
            lead = f"{said.person_name}: " if form(text) == "prefix" else ""
            assert unescape(cue.text) == lead + said.text
            told = unescape(cue.voice) if cue.voice else None
            assert told == (said.person_name if form(text) == "tag" else None)


def test_every_style_is_met(serve: Serve, open_walker: OpenWalker, nasty: World) -> None:
    found = files(serve(nasty, NOW), open_walker)
    speakers = Counter(form(text) for text in found.values())
    assert set(speakers) == {"none", "tag", "prefix"}
    assert min(speakers.values()) >= 12
    marks = {
        "closed": "</v>",
        "settings": " align:start",
        "note": "NOTE ",
        "style": "STYLE",
        "crlf": "\r\n",
        "mark": "\ufeffWEBVTT",
        "word": "cue-00001",
        "short": "\n00:07.013 --> ",
        "long": "\n00:00:07.013 --> ",
        "header": "Kind: captions",
    }
    for name, mark in marks.items():
        with_it = sum(mark in text.partition("an arrow")[0] for text in found.values())
        assert 3 <= with_it <= 57, name
    # Whoever lets hours be left out still has to tell the second one.
    assert all("01:00:00.000 --> 01:00:01.999" in text for text in found.values())
    assert all("107:00:00.005 --> 107:00:02.004" in text for text in found.values())


def test_a_file_has_the_same_style_for_ever(
    serve: Serve, open_walker: OpenWalker, nasty: World
) -> None:
    assert files(serve(nasty, NOW), open_walker) == files(serve(nasty, NOW, seed=3), open_walker)


def test_the_plain_text_stays_as_it_is(serve: Serve, open_walker: OpenWalker) -> None:
    two = (Snippet("1", "a < b", "R&D <ops>", None, 0, 1), Snippet("2", "Bye.", "Eve", None, 2, 1))
    webex = serve(world_of([written(KEYS[0], two)]), NOW)
    text = open_walker(webex).get(f"/meetingTranscripts/{KEYS[0]}/download", format="txt").text
    assert text == "R&D <ops>: a < b\nEve: Bye.\n"


def test_a_transcript_of_nothing_is_a_file_all_the_same(
    serve: Serve, open_walker: OpenWalker
) -> None:
    webex = serve(world_of([written(key, ()) for key in KEYS]), NOW)
    assert all(read(text) == [] for text in files(webex, open_walker).values())
    broken = serve(world_of([written(key, ()) for key in KEYS]), NOW, broken_vtt=1.0)
    assert all(read(text) == [] for text in files(broken, open_walker).values())


def test_of_a_broken_file_most_cues_can_be_read(serve: Serve, open_walker: OpenWalker) -> None:
    world = world_of([written(key, plain(key)) for key in KEYS])
    sound = files(serve(world, NOW), open_walker)
    broken = files(serve(world, NOW, broken_vtt=1.0), open_walker)
    left = []
    for key, text in broken.items():
        assert text != sound[key]
        # A cut may leave half of the last text.
        intact = {(milliseconds(cue), cue.raw_text) for cue in read(sound[key])}
        found = {(milliseconds(cue), cue.raw_text) for cue in read(text, strict=False)}
        left.append(len(intact & found))
        assert len(found - intact) <= 1
    # Of 24 cues three are unreadable, or the last nine and more are gone, or none at all.
    assert min(left) >= 14
    assert 21 in left
    assert 24 in left
    assert len(set(left)) > 4


def test_only_the_share_is_broken_and_always_the_same_files(
    serve: Serve, open_walker: OpenWalker
) -> None:
    world = world_of([written(key, plain(key)) for key in KEYS])
    sound = files(serve(world, NOW), open_walker)
    broken = files(serve(world, NOW, broken_vtt=0.5), open_walker)
    assert 15 <= sum(broken[key] != sound[key] for key in KEYS) <= 45
    assert files(serve(world, NOW, broken_vtt=0.5), open_walker) == broken
    assert files(serve(world, NOW, broken_vtt=0.5, seed=2), open_walker) != broken


def test_the_guides_file_is_the_official_one(guide: Sandbox, open_walker: OpenWalker) -> None:
    (one,) = guide.world.meetings[0].transcripts
    text = open_walker(guide, "compliance").get(f"/meetingTranscripts/{one.id}/download").text
    assert text.startswith("WEBVTT\n\n1\n00:00:01.000 --> ")
    assert text.endswith("\nHello everyone\n")
