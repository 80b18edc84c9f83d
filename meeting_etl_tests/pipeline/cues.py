"""What tests read out of WebVTT files."""

from meeting_etl.pipeline.resources.vtt import Cue, read_vtt


def cues(text: str) -> list[Cue]:
    found = read_vtt(text.encode())
    assert found.unreadable == 0
    return list(found.cues)


def said(text: str) -> list[tuple[str | None, str]]:
    return [(cue.speaker, cue.text) for cue in cues(text)]


def listed(*payloads: str) -> str:
    """A file with these cues."""
    return "WEBVTT\n\n" + "\n".join(
        f"00:00:{number:02}.000 --> 00:00:{number:02}.500\n{payload}\n"
        for number, payload in enumerate(payloads)
    )
