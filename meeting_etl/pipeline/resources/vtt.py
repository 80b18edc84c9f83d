"""A WebVTT file → cues: what was said, when, and by whom where the file says so.

Belongs here: what is text and what is not, and how a speaker is recognized in the text. Does not:
downloading the file (webex/), rows of a table (snippets.py).

A speaker is named by a voice tag, `<v Ana Luz>So be it`, or by the identifier of the cue,
`1 "Ana Luz" (7)`. In a file without any of these the text may begin with the name, `Ana Luz: So be
it`, `Ana Luz：So be it`, or `(Ana Luz)` on a line of its own; that counts only when at least half
of the file's cues begin so, because people do say "Note: …". The name has 80 characters at most and
no end of a sentence in it, and a colon that is not a wide one is followed by white space. Without a
name the speaker stays unknown.

Before webvtt-py reads them, files are repaired: UTF-16, commas in times, no empty line between
cues, empty lines within one.
"""

import codecs
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import webvtt

from meeting_etl.errors import BadResponse

_HEAD = "WEBVTT"
_ARROW = "-->"
_NO_CUE = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]*)>")
# A file without escapes may still have 3 < 4 and 5 > 4: only what looks like a tag is one. A
# truncated file may end in the middle of a voice tag.
_TAG = re.compile(r"<(?:/|/?[A-Za-z][^<>]*|[\d:.]*)>|<v[.\s][^<>]*\Z|</v?\Z")
# Nor does `&` begin an entity where no semicolon ends it.
# No number of a character has more than seven digits, and int() refuses thousands of them.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|\w+);")
_PREFIX = re.compile(r"(?!\s)([^:：\n]{1,80})(?::(?:\s(.*))?|：\s?(.*))", re.DOTALL)
_IN_PARENTHESES = re.compile(r"[(（]([^()（）\n]{1,80})[)）][ \t]*\n(.*)", re.DOTALL)
# Words in the place of a name that are not names.
_NOT_NAMES = frozenset(
    "note ps tip warning question answer q a music laughter laughs applause silence inaudible "
    "crosstalk".split()
)
# Number, name in quotes, in which quotes are doubled or behind a backslash, and an id.
_IDENTIFIER = re.compile(r'\d+\s+"((?:[^"\\]|""|\\.)*)"\s+\(([^()]*)\)\s*')
_QUOTED = re.compile(r'""|\\(["\\])')
_TIME = r"(?:\d+:)?[0-5]?\d:[0-5]?\d[.,]\d{1,3}"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_BEGINS_WITH_TIME = re.compile(rf"^\s*{_TIME}", re.MULTILINE)
_COMMA = re.compile(r"(:\d{1,2}),(\d{1,3})")
# A full stop after a capital and at most two more letters abbreviates, as in Dr. and Jr.
_END = re.compile(r"[!?;…。！？]|\.(?:\s|$)")
_ABBREVIATION = re.compile(r"\b[^\W\d_a-z]\w{0,2}\.")


@dataclass(frozen=True)
class Cue:
    """One cue. `offset_ms` counts from the start of the transcript.

    `speaker` is None where the file names none, `duration_ms` where the end is before the start,
    `speaker_id` where the cue's identifier has none.
    """

    text: str
    speaker: str | None
    offset_ms: int
    duration_ms: int | None
    speaker_id: str | None = None


@dataclass(frozen=True)
class Vtt:
    """The cues of a file in order, and how many could not be read."""

    cues: tuple[Cue, ...]
    unreadable: int


def read_vtt(content: bytes) -> Vtt:
    """The cues of a WebVTT file (W3C: WebVTT), in UTF-8, or in UTF-16 with its mark.

    A malformed cue is counted and costs no other one. An empty file, as Webex sends for transcripts
    in which nothing was said, has no cues. Raises BadResponse for what is not WebVTT at all: it has
    neither its head nor any cue.
    """
    if not content:
        return Vtt((), 0)
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_wide else "utf-8-sig", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    text = _without_gaps(_separated(text))
    has_head = text.startswith(_HEAD)
    captions = webvtt.from_string(text if has_head else f"{_HEAD}\n\n{text}").captions
    if not has_head and not captions:
        raise BadResponse("The response in place of a transcript is not WebVTT.")
    cues = [cue for caption in captions for cue in _cues(caption)]
    unreadable = _count_cues(text, has_head=has_head) - len(captions)
    return Vtt(tuple(_named_by_prefix(cues)), unreadable)


def _separated(text: str) -> str:
    """Times with points, and an empty line before the identifier of every cue."""
    lines: list[str] = []
    identifier = ""
    for line in text.split("\n"):
        if _TIMES.match(line):
            before = lines[-1] if lines else ""
            is_next = _IDENTIFIER.fullmatch(before) or _follows(before, identifier)
            if is_next and len(lines) > 1 and lines[-2]:
                lines.insert(-1, "")
            identifier = before
            line = _COMMA.sub(r"\1.\2", line)
        lines.append(line)
    return "\n".join(lines)


def _follows(line: str, identifier: str) -> bool:
    """Whether the line is the number after that with which the identifier begins."""
    number, last = re.fullmatch(r"[0-9]{1,9}", line), re.match(r"[0-9]{1,9}(?![0-9])", identifier)
    return bool(number and last) and int(line) == int(last[0]) + 1  # type: ignore[index]


def _without_gaps(text: str) -> str:
    """Join text after an empty line within a cue to that cue.

    A block that looks like a malformed cue, or like the number of one, is not text.
    """
    blocks: list[str] = []
    is_cue = False
    for block in re.split(r"\n{2,}", text):
        if _ARROW in block or not blocks or _NO_CUE.match(block):
            arrows = [line for line in block.split("\n") if _ARROW in line]
            is_cue = bool(arrows and _TIMES.match(arrows[-1]))
        elif block and is_cue and not _is_malformed(block, blocks[-1]):
            blocks[-1] += f"\n{block}"
            continue
        else:
            is_cue = False
        blocks.append(block)
    return "\n\n".join(blocks)


def _is_malformed(block: str, before: str) -> bool:
    return bool(
        _BEGINS_WITH_TIME.search(block)
        or _IDENTIFIER.fullmatch(block.split("\n")[0])
        or _follows(block.strip(), before)
    )


def _count_cues(text: str, *, has_head: bool) -> int:
    """How many cues there are, readable or not: one for each arrow, or else for each block."""
    count = 0
    for number, block in enumerate(re.split(r"\n{2,}", text.rstrip("\n"))):
        arrows = sum(_ARROW in line for line in block.split("\n"))
        is_apart = not block or (has_head and number == 0) or _NO_CUE.match(block)
        count += arrows or int(not is_apart)
    return count


def _cues(caption: webvtt.Caption) -> Iterator[Cue]:
    """A cue for each voice in a caption, all at its time."""
    begin = caption.start_time.in_milliseconds()
    length = caption.end_time.in_milliseconds() - begin
    unvoiced, *voiced = _VOICE.split(caption.raw_text)
    if not voiced:
        named = _IDENTIFIER.fullmatch(caption.identifier or "")
        name = " ".join(_QUOTED.sub(_unquoted, named[1]).split()) if named else ""
        speaker_id = named[2].strip() or None if named else None
        text, duration = _plain(unvoiced), length if length >= 0 else None
        yield Cue(text, name or None, begin, duration, speaker_id)
        return
    spans = list(zip(voiced[::2], voiced[1::2], strict=True))
    if unvoiced.strip():
        spans.insert(0, ("", unvoiced))
    for name, said in spans:
        speaker = " ".join(_plain(name).split()) or None
        text = _plain(said).strip() if len(spans) > 1 else _plain(said)
        yield Cue(text, speaker, begin, length if length >= 0 else None)


def _unquoted(match: re.Match[str]) -> str:
    return match[1] or '"'


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
    match = _IN_PARENTHESES.fullmatch(cue.text) or _PREFIX.fullmatch(cue.text)
    if match is None or _END.search(_ABBREVIATION.sub("", match[1])):
        return cue
    name = match[1].strip()
    if not name or name.lower() in _NOT_NAMES:
        return cue
    return replace(cue, speaker=name, text=next(filter(None, match.groups()[1:]), ""))
