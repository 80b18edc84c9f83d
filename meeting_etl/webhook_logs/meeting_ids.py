"""The grammar of Webex meeting ids (docs/webex-api-notes.md).

Belongs here: distinguishing ids of meeting instances from those of series and scheduled meetings.
Does not: ids of recordings, transcripts and people, which are opaque.
"""

import re

# The number exceeds 2^53, so it stays text. [0-9] rather than \d, which matches the digits of every
# script.
_INSTANCE = re.compile(r"[0-9A-Fa-f-]+_I_[0-9]+").fullmatch
_SCHEDULED = re.compile(r"[0-9A-Fa-f-]+(_[0-9]{8}T[0-9]{6}Z)?").fullmatch


def instance_id(value: object) -> str | None:
    """The value, if it is the id of a meeting instance, `<series>_I_<digits>`; else None.

    The series is hexadecimal in either case, with or without the dashes of a UUID. Ids of series
    (`<series>`) and of scheduled meetings (`<series>_20210514T203000Z`) are None, and so is
    everything that is not a string.
    """
    return value if isinstance(value, str) and _INSTANCE(value) else None


def scheduled_id(value: object) -> str | None:
    """The value, if it is the id of a series or of a scheduled meeting; else None."""
    return value if isinstance(value, str) and _SCHEDULED(value) else None
