"""The tag of a run whose access token Webex refused: it pauses further runs.

Belongs here: the tag, and until when it pauses runs. Does not: finding the run
(launching/launch_pauses.py).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.times import format_timestamp, parse_timestamp

_TAG = "meeting_etl/refused"
_PAUSE = timedelta(hours=1)


def refused_token_tag(etl: Etl) -> dict[str, str]:
    """The tag of a run that failed because of the token: until when to pause, and which token."""
    return {_TAG: f"{format_timestamp(etl.clock.now() + _PAUSE)} {_configured(etl)}"}


def refused_until(tags: Mapping[str, str], etl: Etl) -> datetime | None:
    """Until when a run with these tags pauses others; None when it does not, or no longer.

    With another token, or other settings to get one, there is no pause.
    """
    if (tag := tags.get(_TAG)) is None:
        return None
    until, _, token = tag.partition(" ")
    end = parse_timestamp(until)
    return end if end and etl.clock.now() < end and token == _configured(etl) else None


def _configured(etl: Etl) -> str:
    """A digest of all that tokens come from, so that any mended setting counts; empty without."""
    try:
        digests = [token.digest for token in etl.token_identities]
    except SettingsError:
        return ""
    secrets = [text for each in etl.settings.accounts for text in each.credentials.secrets]
    return hashlib.sha256("\0".join([*digests, *secrets]).encode()).hexdigest()[:16]
