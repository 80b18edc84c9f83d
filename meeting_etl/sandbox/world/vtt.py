"""The files of a transcript: WebVTT in the styles that are met, and plain text.

Belongs here: how cues, speakers and times are written, and which file has which style. Does not:
files that are damaged (sandbox/faults/damaged_vtt.py), permissions
(sandbox/api/recordings_and_transcripts.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

from meeting_etl.sandbox.world.model import Snippet, Transcript, seeded_rng

_HOUR_MS = 3_600_000
# Line breaks that would leave an empty line, which ends a cue, and those that are no line feeds.
_BREAKING = re.compile(r"\A\n|(?<=\n)\n|\n\Z|\r")


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written; the defaults are those of the official sample, without speakers."""

    speakers: Literal["none", "tag", "prefix"] = "none"
    closed_tags: bool = False
    identifiers: Literal["number", "word", "none"] = "number"
    hours_always: bool = True
    settings: str = ""
    note: bool = False
    style_block: bool = False
    header: str = ""
    line_end: Literal["\n", "\r\n"] = "\n"
    byte_order_mark: bool = False


def style_of(transcript: Transcript) -> Style:
    """The style of a transcript's file, always the same; the guide's is the official one."""
    if transcript.guide_shape:
        return Style()
    rng = seeded_rng("vtt", transcript.id)
    return Style(
        speakers=rng.choice(("none", "tag", "prefix")),
        closed_tags=rng.random() < 0.5,
        identifiers=rng.choice(("number", "number", "word", "none")),
        hours_always=rng.random() < 0.6,
        settings=rng.choice(("", "", " align:start", " align:start position:10%,line-left")),
        note=rng.random() < 0.3,
        style_block=rng.random() < 0.3,
        header=rng.choice(("", "", " - Meeting transcript", "\nKind: captions\nLanguage: en")),
        line_end=rng.choice(("\n", "\n", "\r\n")),
        byte_order_mark=rng.random() < 0.3,
    )


def blocks(transcript: Transcript, style: Style) -> Iterator[str]:
    """The blocks between the empty lines of the file: header, notes, cues."""
    yield f"WEBVTT{style.header}"
    if style.style_block:
        yield "STYLE\n::cue(v) {\n  color: papayawhip;\n}"
    if style.note:
        yield "NOTE Made by a machine, read by nobody."
    for number, said in enumerate(transcript.snippets, start=1):
        if style.note and number % 7 == 0:
            yield f"NOTE\n{number - 1} said so far\n00:00.000 is when it began"
        yield _cue(number, said, style)


def written(found: list[str], style: Style) -> str:
    """The file that the blocks make."""
    text = "\n\n".join(found) + "\n"
    mark = "\ufeff" if style.byte_order_mark else ""
    return mark + text.replace("\n", style.line_end)


def vtt(transcript: Transcript) -> str:
    """The whole file, undamaged."""
    style = style_of(transcript)
    return written(list(blocks(transcript, style)), style)


def txt(transcript: Transcript) -> str:
    """The transcript as plain text, a line for each thing said."""
    return "\n".join(f"{said.person_name}: {said.text}" for said in transcript.snippets) + "\n"


def _cue(number: int, said: Snippet, style: Style) -> str:
    begin, end = said.offset_ms, said.offset_ms + said.duration_ms
    times = f"{_time(begin, style)} --> {_time(end, style)}{style.settings}"
    names = {"number": f"{number}\n", "word": f"cue-{number:05d}/a\n", "none": ""}
    return f"{names[style.identifiers]}{times}\n{_payload(said, style)}"


def _payload(said: Snippet, style: Style) -> str:
    name = _escaped(" ".join(said.person_name.split()))
    if not name or style.speakers == "none":
        return _escaped(said.text)
    if style.speakers == "prefix":
        return f"{name}: {_escaped(said.text)}"
    return f"<v {name}>{_escaped(said.text)}{'</v>' if style.closed_tags else ''}"


def _escaped(text: str) -> str:
    """Text in which nothing ends a cue or begins a tag; it can be unescaped exactly."""
    plain = escape(text, quote=False)
    return _BREAKING.sub(lambda found: f"&#{ord(found[0])};", plain)


def _time(milliseconds: int, style: Style) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    short = f"{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
    if milliseconds < _HOUR_MS and not style.hours_always:
        return short
    return f"{seconds // 3600:02}:{short}"
