"""WebVTT files that are damaged; most of their cues can still be read.

Belongs here: which files are hit, and what can be wrong with one. Does not: sound files
(sandbox/world/vtt.py).
"""

import random
from collections.abc import Callable, Sequence

from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import Transcript, seeded_rng
from meeting_etl.sandbox.world.vtt import blocks, style_of, vtt, written

_TIMES = (
    "00:0x:12.250 --> 00:00:14.000",
    "00:00:12.250 -> 00:00:14.000",
    "--> 00:00:14.000",
    "12.250 --> 14.000",
    "00:61:99.000 --> NaN:NaN:NaN",
    "00:00:12.250 -->",
)
_GARBAGE = (
    "<html><body>504 Gateway Time-out</body></html>",
    "\x00\x01\ufffd\ufffd\ufffd",
    '{"error": "segment lost"}',
    "- - -",
)
# One in so many cues is damaged, and at least so much of a file that is cut is left.
_ONE_IN = 8
_LEAST_LEFT = 0.6


def faulty_vtt(faults: Faults) -> Callable[[Transcript], str]:
    """A writer of transcripts that damages a share of them."""

    def write(transcript: Transcript) -> str:
        rng = seeded_rng(faults.seed, "broken_vtt", transcript.id)
        if rng.random() >= faults.broken_vtt:
            return vtt(transcript)
        style = style_of(transcript)
        return written(_damaged(rng, list(blocks(transcript, style))), style)

    return write


def _damaged(rng: random.Random, blocks: Sequence[str]) -> list[str]:
    """The blocks of a file with one kind of damage."""
    kind: Callable[[random.Random, Sequence[str]], list[str]]
    kind = rng.choice((_unreadable_times, _garbage, _cut))
    return kind(rng, blocks)


def _cues(blocks: Sequence[str]) -> list[int]:
    return [place for place, block in enumerate(blocks) if " --> " in block]


def _hit(rng: random.Random, blocks: Sequence[str]) -> list[int]:
    """Places of the cues that are hit: one in eight, at least one."""
    cues = _cues(blocks)
    return rng.sample(cues, -(-len(cues) // _ONE_IN))


def _unreadable_times(rng: random.Random, blocks: Sequence[str]) -> list[str]:
    found = list(blocks)
    for place in _hit(rng, blocks):
        lines = found[place].split("\n")
        times = next(number for number, line in enumerate(lines) if " --> " in line)
        lines[times] = rng.choice(_TIMES)
        found[place] = "\n".join(lines)
    return found


def _garbage(rng: random.Random, blocks: Sequence[str]) -> list[str]:
    found = list(blocks)
    for place in sorted(_hit(rng, blocks), reverse=True):
        found.insert(place, rng.choice(_GARBAGE))
    return found


def _cut(rng: random.Random, blocks: Sequence[str]) -> list[str]:
    """The file ends in the middle of a cue."""
    cues = _cues(blocks)
    if not cues:
        return list(blocks)
    last = cues[min(len(cues) - 1, int(len(cues) * rng.uniform(_LEAST_LEFT, 1)))]
    return [*blocks[:last], blocks[last][: rng.randrange(1, len(blocks[last]))]]
