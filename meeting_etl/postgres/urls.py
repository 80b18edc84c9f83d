"""The URL of a database, as the setting has it.

Belongs here: what it may be, as libpq takes it, and how messages name it. Does not: connecting
(database.py).

libpq quotes what it cannot parse, and that may be a piece of the password. So it gets no URL in
which a character of the password could be taken for the end of it.
"""

import re

from meeting_etl.errors import SettingsError

SETTING = "MEETING_ETL_STATE"
SCHEME = "postgresql+psycopg2"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^][:,/?#@\s]*)(?::\d*)?"
_URL = re.compile(
    rf"(?:{re.escape(SCHEME)}|postgresql)://(?P<rest>"
    r"(?:[^][/?#@\s]+@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<database>/[^/?#@\s]*)?"
    r"(?:\?(?:\w+=[^&=#@\s]*(?:&|$))+)?)"
)
_INCOMPLETE = re.compile("%(?!(?!00)[0-9A-Fa-f]{2})")


def dsn_of(url: str) -> str:
    """The URL as libpq takes it. Raises SettingsError for what is none."""
    return f"postgresql://{_parsed(url)['rest']}"


def name_of(url: str) -> str:
    """Host and database, without user and password."""
    parsed = _parsed(url)
    return f"postgresql://{parsed['hosts']}{parsed['database'] or ''}"


def _parsed(url: str) -> "re.Match[str]":
    scheme, _, rest = url.partition("://")
    if scheme not in (SCHEME, "postgresql") or not rest:
        raise SettingsError(
            f"{SETTING} must begin with {SCHEME}://, as in {SCHEME}://user@host/database."
        )
    parsed = _URL.fullmatch(url)
    if parsed is None or _INCOMPLETE.search(url):
        raise SettingsError(
            f"{SETTING} is not like {SCHEME}://user:password@host:5432/database?sslmode=require: "
            "perhaps a special character of the password is not percent-encoded, such as %40 for @ "
            "and %25 for %."
        )
    return parsed
