"""A refused access token, noted on the run that met it.

Belongs here: the tag, and until when it keeps further runs back. Does not: looking for the run
(launch_pauses.py).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.times import format_timestamp, parse_timestamp

_TAG = "meeting_etl/refused"
_PAUSE = timedelta(hours=1)


def refused_token_tag(etl: Etl) -> dict[str, str]:
    """The tag of a run that ends because the token is refused: until when, and which token."""
    return {_TAG: f"{format_timestamp(etl.clock.now() + _PAUSE)} {_configured(etl)}"}


def refused_until(tags: Mapping[str, str], etl: Etl) -> datetime | None:
    """Until when a run with these tags keeps others back; None when it does not.

    Another token is tried at once.
    """
    if (tag := tags.get(_TAG)) is None:
        return None
    until, _, token = tag.partition(" ")
    end = parse_timestamp(until)
    return end if end and etl.clock.now() < end and token == _configured(etl) else None


def _configured(etl: Etl) -> str:
    """The begin of the digest of what is configured; empty without a token."""
    try:
        return etl.token_identity.digest[:12]
    except SettingsError:
        return ""
