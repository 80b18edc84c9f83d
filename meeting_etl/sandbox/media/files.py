"""What the files of a recording hold: video, audio and transcript, to the last byte.

Belongs here: their sizes and contents, which are invented while they are read and never stored.
Does not: links (tickets.py), HTTP (host.py), how transcripts are written (sandbox/world/vtt.py).
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Literal

from meeting_etl.sandbox.world.index import Index
from meeting_etl.sandbox.world.model import Meeting, Recording, Transcript
from meeting_etl.sandbox.world.vtt import vtt

MediaKind = Literal["video", "audio", "transcript"]
AUDIO_SHARE = 16
"""Video files are so many times as large as the audio alone."""

_BLOCK_BYTES = 262_144
_NOISE_BYTES = 1_048_576


class Media:
    """The files of one world's recordings.

    `video_bytes` is the size of every video, 0 = as invented. `write_vtt` writes transcripts.
    `version` distinguishes contents, where a file is not always the same.
    """

    def __init__(
        self,
        index: Index,
        video_bytes: int = 0,
        write_vtt: Callable[[Transcript], str] = vtt,
    ) -> None:
        self._index = index
        self._bytes = video_bytes
        self._write_vtt = write_vtt

    def kinds(self, recording_id: str, now: datetime) -> tuple[MediaKind, ...]:
        """Which files there are: audio of MP4 only, the meeting's first transcript while it is."""
        recording, owner = self._index.recording[recording_id]
        audio: tuple[MediaKind, ...] = ("audio",) if recording.format == "MP4" else ()
        has_words = isinstance(owner, Meeting) and any(
            said.available_at <= now and (said.deleted_at is None or now < said.deleted_at)
            for said in owner.transcripts[:1]
        )
        return ("video", *audio, "transcript") if has_words else ("video", *audio)

    def size(self, recording_id: str, kind: MediaKind) -> int:
        """Length of a file in bytes, as it really is."""
        if kind == "transcript":
            return len(self._text(recording_id))
        whole = self.video_bytes(self._index.recording[recording_id][0])
        return whole if kind == "video" else whole // AUDIO_SHARE

    def content(
        self,
        recording_id: str,
        kind: MediaKind,
        start: int = 0,
        end: int | None = None,
        version: int = 0,
    ) -> Iterator[bytes]:
        """The bytes from `start` (incl.) to `end` (excl., None = the end), in pieces."""
        size = self.size(recording_id, kind)
        end = size if end is None else min(end, size)
        if kind == "transcript":
            return iter([self._text(recording_id)[start:end]])
        return _noise_between(f"{recording_id}|{kind}|{version}", start, end)

    def sha256(self, recording_id: str, kind: MediaKind, version: int = 0) -> str:
        """Of the whole file, in hex."""
        digest = hashlib.sha256()
        for piece in self.content(recording_id, kind, version=version):
            digest.update(piece)
        return digest.hexdigest()

    def video_bytes(self, recording: Recording) -> int:
        """The size of the video, as the API reports it."""
        return self._bytes or recording.size_bytes

    def vtt(self, transcript: Transcript) -> str:
        """The file of a transcript."""
        return self._write_vtt(transcript)

    def _text(self, recording_id: str) -> bytes:
        owner = self._index.recording[recording_id][1]
        if not isinstance(owner, Meeting) or not owner.transcripts:
            raise KeyError(recording_id)
        return self.vtt(owner.transcripts[0]).encode()


def _noise_between(key: str, start: int, end: int) -> Iterator[bytes]:
    for number in range(start // _BLOCK_BYTES, -(-end // _BLOCK_BYTES)):
        begin = number * _BLOCK_BYTES
        yield _block(key, number)[max(0, start - begin) : end - begin]


def _block(key: str, number: int) -> bytes:
    """Block of a file: a mark that no other block of any file has, and a cut of the noise.

    Cutting instead of computing is what makes a gigabyte cheap; a byte at a wrong place still
    shows, because every block is cut at another place.
    """
    mark = hashlib.blake2b(f"{key}|{number}".encode(), digest_size=32).digest()
    place = int.from_bytes(mark[:8], "big") % _NOISE_BYTES
    return mark + _noise()[place : place + _BLOCK_BYTES - len(mark)]


@cache
def _noise() -> bytes:
    return hashlib.shake_128(b"noise").digest(_NOISE_BYTES + _BLOCK_BYTES)
