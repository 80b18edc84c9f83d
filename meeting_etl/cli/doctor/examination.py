"""The whole examination: every section once, in the order of the screen.

Belongs here: which sections there are, what one means for another, the exit status. Does not: any
look (the modules beside this one).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from meeting_etl.cli.doctor import screen
from meeting_etl.cli.doctor.configured import settings_lines, unreadable_line
from meeting_etl.cli.doctor.hooks import receiver_lines, webhook_lines
from meeting_etl.cli.doctor.kept import known, meeting_lines, work_lines
from meeting_etl.cli.doctor.line import Line, State, skipped
from meeting_etl.cli.doctor.logs import log_lines
from meeting_etl.cli.doctor.machine import dagster_lines, folder_lines
from meeting_etl.cli.doctor.once import Once
from meeting_etl.cli.doctor.token import token_lines
from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl

_SECRETS = (
    "WEBEX_ACCESS_TOKEN",
    "WEBEX_CLIENT_SECRET",
    "WEBEX_REFRESH_TOKEN",
    "WEBEX_WEBHOOK_SECRET",
    "WEBEX_WEBHOOK_SECRET_PREVIOUS",
)
_SHORTEST_SECRET = 6


def run_doctor(environ: Mapping[str, str], *, as_json: bool) -> int:
    """Look at everything, show it, and return the exit status."""
    etl = Etl(environ)
    lines = examine(etl, environ)
    (screen.write_json if as_json else screen.show)(lines)
    if not _is_readable(etl):
        return 2
    return int(any(line.state is State.PROBLEM for line in lines))


def examine(etl: Etl, environ: Mapping[str, str]) -> list[Line]:
    """All lines, without any secret. Never raises: what fails is a line.

    With settings that cannot be read Webex is not asked; the rest is looked at in the data folder
    that MEETING_ETL_DATA_DIR names, if it can be one.
    """
    try:
        etl.settings  # noqa: B018 - reading them checks them
    except SettingsError as error:
        first = [unreadable_line(error)]
        names = ("MEETING_ETL_DATA_DIR",)
        etl = Etl({name: environ[name] for name in names if name in environ}, etl.clock)
        if not _is_readable(etl):
            return _without_secrets(first, environ)
    else:
        first = settings_lines(etl, environ.get("MEETING_ETL_SETTINGS"))
    return _without_secrets([*first, *_rest(etl, environ)], environ)


def _rest(etl: Etl, environ: Mapping[str, str]) -> list[Line]:
    folder = folder_lines(etl)
    once = Once(etl)
    writable = folder[0].state is State.OK
    if not writable and not etl.settings.credentials.access_token:
        # The refresh grant uses up the old token; the new one could not be kept.
        once.stop(skipped("Not asked: a renewed token could not be kept in the data folder."))
    try:
        asked = [*token_lines(etl, once, known(etl)), *webhook_lines(etl, once)]
    finally:
        once.close()
    return [
        *asked,
        *receiver_lines(etl),
        *log_lines(etl),
        *meeting_lines(etl),
        *folder,
        *dagster_lines(etl, environ),
        *work_lines(etl),
    ]


def _is_readable(etl: Etl) -> bool:
    try:
        etl.settings  # noqa: B018 - reading them checks them
    except SettingsError:
        return False
    return True


def _without_secrets(lines: Iterable[Line], environ: Mapping[str, str]) -> list[Line]:
    """The lines with every configured secret cut out, should a sentence quote one after all."""
    values = [environ.get(name, "") for name in _SECRETS]
    values.append(_password(environ.get("WEBEX_BASE_URL", "")))
    secrets = [value for value in values if len(value) >= _SHORTEST_SECRET]

    def cut(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "…")
        return text

    return [replace(line, found=cut(line.found), todo=cut(line.todo)) for line in lines]


def _password(url: str) -> str:
    """The one that a URL has before its host, if any."""
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
