"""A WebVTT file → cues: what was said, when, and by whom where the file tells.

Belongs here: what is text and what is not, and how a speaker is told from what is said. Does not:
getting the file (webex/), rows of a table (fetch_specs.py).

A speaker is named by a voice tag, `<v Ana Luz>So be it`. In a file without any such tag he may be
named at the beginning of the text, `Ana Luz: So be it`; that counts only when at least half of the
file's cues begin so, because people do say "Note: …". The name has 80 characters at most and no
end of a sentence in it, and white space follows the colon. Whoever is not named stays unknown.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import webvtt

from meeting_etl.errors import BadAnswer

_HEAD = "WEBVTT"
_ARROW = "-->"
_NO_CUE = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]*)>")
# Who does not escape may still say that 3 < 4 and 5 > 4: only what looks like a tag is one. The end
# of a file that was cut off may lie in the middle of a voice tag.
_TAG = re.compile(r"<(?:/|/?[A-Za-z][^<>]*|[\d:.]*)>|<v[.\s][^<>]*\Z|</v?\Z")
# Nor is `&` the begin of an entity where no semicolon ends it.
# No number of a character has more than seven digits, and int() refuses thousands of them.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|\w+);")
_PREFIX = re.compile(r"(?!\s)([^:\n]{1,80}):(?:\s(.*))?", re.DOTALL)
# A full stop after a capital and at most two more letters abbreviates, as in Dr. and Jr.
_END = re.compile(r"[!?;…。！？]|\.(?:\s|$)")
_ABBREVIATION = re.compile(r"\b[^\W\d_a-z]\w{0,2}\.")


@dataclass(frozen=True)
class Cue:
    """Something said. `offset_ms` counts from the start of the transcript.

    `speaker` is None where the file does not tell, `duration_ms` where the end lies before the
    begin.
    """

    text: str
    speaker: str | None
    offset_ms: int
    duration_ms: int | None


@dataclass(frozen=True)
class Vtt:
    """The cues of a file in its order, and how many there were that could not be read."""

    cues: tuple[Cue, ...]
    unreadable: int


def read_vtt(content: bytes) -> Vtt:
    """All that can be read of a WebVTT file (W3C: WebVTT), in UTF-8.

    A broken cue costs no other one: it is counted. A file without a byte in it, as Webex sends of
    transcripts in which nothing was said, has no cues. Raises BadAnswer for what is no WebVTT at
    all, without its head and without any cue.
    """
    if not content:
        return Vtt((), 0)
    text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    text = text.lstrip("\n")
    has_head = text.startswith(_HEAD)
    captions = webvtt.from_string(text if has_head else f"{_HEAD}\n\n{text}").captions
    if not has_head and not captions:
        raise BadAnswer("What came instead of a transcript is no WebVTT.")
    cues = [cue for caption in captions for cue in _cues(caption)]
    unreadable = _cues_meant(text, has_head=has_head) - len(captions)
    return Vtt(tuple(_named_by_prefix(cues)), unreadable)


def _cues_meant(text: str, *, has_head: bool) -> int:
    """How many cues there are, whether or not they can be read: one an arrow, or else a block."""
    meant = 0
    for number, block in enumerate(re.split(r"\n{2,}", text.rstrip("\n"))):
        arrows = sum(_ARROW in line for line in block.split("\n"))
        is_apart = not block or (has_head and number == 0) or _NO_CUE.match(block)
        meant += arrows or int(not is_apart)
    return meant


def _cues(caption: webvtt.Caption) -> Iterator[Cue]:
    """A cue for each voice in a caption, all at its time."""
    begin = caption.start_time.in_milliseconds()
    length = caption.end_time.in_milliseconds() - begin
    unvoiced, *voiced = _VOICE.split(caption.raw_text)
    if not voiced:
        yield Cue(_plain(unvoiced), None, begin, length if length >= 0 else None)
        return
    spans = list(zip(voiced[::2], voiced[1::2], strict=True))
    if unvoiced.strip():
        spans.insert(0, ("", unvoiced))
    for name, said in spans:
        speaker = " ".join(_plain(name).split()) or None
        text = _plain(said).strip() if len(spans) > 1 else _plain(said)
        yield Cue(text, speaker, begin, length if length >= 0 else None)


def _plain(text: str) -> str:
    """Text without tags, entities resolved."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), _TAG.sub("", text))


def _named_by_prefix(cues: Sequence[Cue]) -> Sequence[Cue]:
    """The cues with the speakers that their texts begin with, if this is such a file."""
    if any(cue.speaker for cue in cues):
        return cues
    named = [_without_prefix(cue) for cue in cues]
    count = sum(cue.speaker is not None for cue in named)
    return named if 2 * count >= len(cues) else cues


def _without_prefix(cue: Cue) -> Cue:
    match = _PREFIX.fullmatch(cue.text)
    if match is None or _END.search(_ABBREVIATION.sub("", match[1])):
        return cue
    return replace(cue, speaker=match[1].strip(), text=match[2] or "")
